//! The alternative to deciding in the proxy: a server that Envoy asks about every call.

mod authorize;
mod bundle;

use std::path::PathBuf;
use std::sync::Arc;

use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, HttpStatusCode,
};
use envoy_types::ext_authz::v3::{CheckResponseExt as _, DeniedHttpResponseBuilder};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use bundle::Bundle;

/// Enough for the largest body of the benchmark in a message.
const LARGEST_MESSAGE: usize = 8 * 1024 * 1024;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The bundle's directory
    #[arg(long)]
    bundle: PathBuf,
    /// The socket to listen on
    #[arg(long)]
    socket: PathBuf,
}

/// Listens, and says so by a line.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let bundle = Arc::new(Bundle::load(&arguments.bundle)?);
    let listener = UnixListener::bind(&arguments.socket)?;
    println!("ready");
    let service =
        AuthorizationServer::new(Sidecar { bundle }).max_decoding_message_size(LARGEST_MESSAGE);
    Server::builder()
        .add_service(service)
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await?;
    Ok(())
}

struct Sidecar {
    bundle: Arc<Bundle>,
}

#[tonic::async_trait]
impl Authorization for Sidecar {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let permitted = authorize::permitted(&self.bundle, request.get_ref()).map_err(|error| {
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
