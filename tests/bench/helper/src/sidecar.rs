//! The alternative to deciding in the proxy: a server that Envoy asks about every call.

mod authorize;
mod bundle;
mod caller;
mod process;
mod question;
mod rewrite;

use std::path::PathBuf;

use envoy_types::ext_authz::v3::pb::AuthorizationServer;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessorServer;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

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
    // It lives as long as the process.
    let bundle: &'static Bundle = Box::leak(Box::new(Bundle::load(&arguments.bundle)?));
    let listener = UnixListener::bind(&arguments.socket)?;
    println!("ready");
    let authorization = AuthorizationServer::new(authorize::Sidecar { bundle })
        .max_decoding_message_size(LARGEST_MESSAGE);
    let processor = ExternalProcessorServer::new(process::Sidecar { bundle })
        .max_decoding_message_size(LARGEST_MESSAGE);
    Server::builder()
        .add_service(authorization)
        .add_service(processor)
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await?;
    Ok(())
}
