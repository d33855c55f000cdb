//! `ext_authz`: one question of Envoy → one question to Cedar's authorizer.

use anyhow::{Context as _, bail};
use envoy_types::ext_authz::v3::pb::{Authorization, CheckRequest, CheckResponse, HttpStatusCode};
use envoy_types::ext_authz::v3::{CheckResponseExt as _, DeniedHttpResponseBuilder};
use tonic::{Request, Response, Status};

use super::bundle::Bundle;
use super::caller::Caller;
use super::question::{CALL, Message, Question};

pub(super) struct Sidecar {
    pub(super) bundle: &'static Bundle,
}

#[tonic::async_trait]
impl Authorization for Sidecar {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let permitted = permitted(self.bundle, request.get_ref()).map_err(|error| {
            eprintln!("sidecar: {error:#}");
            Status::invalid_argument(error.to_string())
        })?;
        if permitted {
            return Ok(Response::new(CheckResponse::with_status(Status::ok(""))));
        }
        let mut denied = DeniedHttpResponseBuilder::new();
        denied.set_http_status(HttpStatusCode::Forbidden).set_body("refused");
        let mut response = CheckResponse::with_status(Status::permission_denied("refused"));
        response.set_http_response(denied);
        Ok(Response::new(response))
    }
}

/// Whether the policies permit the call.
fn permitted(bundle: &Bundle, check: &CheckRequest) -> anyhow::Result<bool> {
    let attributes = check.attributes.as_ref().context("no attributes")?;
    let http = attributes.request.as_ref().and_then(|request| request.http.as_ref());
    let http = http.context("no request")?;
    let caller = Caller::read(attributes.metadata_context.as_ref())?;
    let message = Message::read(&http.raw_body)?;
    if message.method != CALL {
        bail!("not a call");
    }
    let server = bundle.channels.get(&http.path).context("no such channel")?;
    let (tool, question) = Question::about_call(bundle, server, message, &caller)?;
    question.permits(bundle, &tool.action)
}
