//! `ext_proc`: Envoy shows the bodies of a request and of its response, and gets the latter rewritten.

use std::pin::Pin;

use anyhow::{Context as _, bail};
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessor;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Shown;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response as Answer;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HttpBody, ImmediateResponse, ProcessingRequest,
    ProcessingResponse, body_mutation,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::bundle::{Bundle, Label};
use super::caller::{self, Caller};
use super::question::{CALL, Message, Question};
use super::rewrite;

/// The attributes that Envoy's filter sends, and the one that is asked for.
const ATTRIBUTES: &str = "envoy.filters.http.ext_proc";
const PATH: &str = "request.path";
const LIST: &str = "tools/list";
const FORBIDDEN: i32 = 403;

pub(super) struct Sidecar {
    pub(super) bundle: &'static Bundle,
}

/// What becomes of the response to a request that is forwarded.
enum Plan {
    Pass,
    /// The tools of this server that calls with any arguments may use stay.
    List {
        server: &'static str,
        question: Question,
    },
    /// The parts with these labels are withheld.
    Mask(Vec<&'static Label>),
}

#[tonic::async_trait]
impl ExternalProcessor for Sidecar {
    type ProcessStream = Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send>>;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        let (bundle, mut plan) = (self.bundle, Plan::Pass);
        let answers = request.into_inner().map(move |shown| {
            answer(bundle, &mut plan, shown?).map_err(|error| {
                eprintln!("sidecar: {error:#}");
                Status::invalid_argument(error.to_string())
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

fn answer(
    bundle: &'static Bundle,
    plan: &mut Plan,
    mut request: ProcessingRequest,
) -> anyhow::Result<ProcessingResponse> {
    let answer = match request.request.take() {
        Some(Shown::RequestBody(HttpBody { body, .. })) => {
            match planned(bundle, &request, &body)? {
                Some(planned) => {
                    *plan = planned;
                    Answer::RequestBody(BodyResponse::default())
                }
                None => refusal(),
            }
        }
        Some(Shown::ResponseBody(HttpBody { body, .. })) => {
            let body = match plan {
                Plan::Pass => None,
                Plan::List { server, question } => {
                    Some(rewrite::list(&body, bundle, server, question)?)
                }
                Plan::Mask(labels) => Some(rewrite::result(&body, labels)?),
            };
            Answer::ResponseBody(body.map_or_else(BodyResponse::default, replaced))
        }
        _ => bail!("a part of a message that was not asked for"),
    };
    Ok(ProcessingResponse { response: Some(answer), ..ProcessingResponse::default() })
}

/// What is to be done with the response; nothing if the policies refuse the request.
fn planned(
    bundle: &'static Bundle,
    request: &ProcessingRequest,
    body: &[u8],
) -> anyhow::Result<Option<Plan>> {
    let attributes = request.attributes.get(ATTRIBUTES).context("no attributes")?;
    let path = caller::string(caller::member(attributes, PATH).context("no path")?)?;
    let server = bundle.channels.get(path).context("no such channel")?;
    let caller = Caller::read(request.metadata_context.as_ref())?;
    let message = Message::read(body)?;
    match message.method.as_str() {
        LIST => {
            let resource = super::bundle::uid("Server", server)?;
            let question = Question::about_any_call(bundle, resource, &caller)?;
            Ok(Some(Plan::List { server, question }))
        }
        CALL => {
            let (tool, question) = Question::about_call(bundle, server, message, &caller)?;
            if !question.permits(bundle, &tool.action)? {
                return Ok(None);
            }
            let mut masked = Vec::new();
            for label in &tool.labels {
                if !question.permits(bundle, &label.reveals)? {
                    masked.push(label);
                }
            }
            Ok(Some(if masked.is_empty() { Plan::Pass } else { Plan::Mask(masked) }))
        }
        _ => Ok(Some(Plan::Pass)),
    }
}

/// Another body in place of the response's.
fn replaced(body: Vec<u8>) -> BodyResponse {
    let mutation = BodyMutation { mutation: Some(body_mutation::Mutation::Body(body)) };
    let response = CommonResponse { body_mutation: Some(mutation), ..CommonResponse::default() };
    BodyResponse { response: Some(response) }
}

fn refusal() -> Answer {
    Answer::ImmediateResponse(ImmediateResponse {
        status: Some(HttpStatus { code: FORBIDDEN }),
        body: b"refused".to_vec(),
        ..ImmediateResponse::default()
    })
}
