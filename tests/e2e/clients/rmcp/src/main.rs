//! A server of the official Rust SDK. It says where it listens, as one line on stdout.
//!
//! `server` offers one tool, which its owner changes on SIGUSR2; `tour_server` what the tour visits.

mod notes;
mod tour;

use std::convert::Infallible;
use std::env;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::notes::Notes;
use crate::tour::Tour;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    if env::args().nth(1).is_some_and(|name| name == "tour_server") {
        let tour = Tour::default();
        return serve(move || tour.clone(), true).await;
    }
    let changed = Arc::new(AtomicBool::new(false));
    tokio::spawn(change(Arc::clone(&changed))?);
    serve(move || Notes { changed: Arc::clone(&changed) }, false).await
}

/// Serves at every path: below `/json` with JSON, elsewhere with event streams, and sessions if
/// there are to be any.
async fn serve<S: ServerHandler>(
    made: impl Fn() -> S + Clone + Send + Sync + 'static,
    has_sessions: bool,
) -> io::Result<()> {
    let config = StreamableHttpServerConfig::default();
    let service = |config| {
        let made = made.clone();
        StreamableHttpService::new(
            move || Ok(made()),
            Arc::new(LocalSessionManager::default()),
            config,
        )
    };
    let streams = service(config.clone().with_legacy_session_mode(has_sessions));
    let answers = service(config.with_legacy_session_mode(false).with_json_response(true));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        let (streams, answers) = (streams.clone(), answers.clone());
        let serve = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let json = request.uri().path().starts_with("/json");
            let service = if json { answers.clone() } else { streams.clone() };
            async move { Ok::<_, Infallible>(service.handle(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), serve));
    }
}

/// Changes the tool with every signal.
fn change(changed: Arc<AtomicBool>) -> io::Result<impl Future<Output = ()>> {
    // Registered before the server says that it listens.
    let mut signals = signal(SignalKind::user_defined2())?;
    Ok(async move {
        while signals.recv().await.is_some() {
            changed.fetch_xor(true, Ordering::Relaxed);
        }
    })
}
