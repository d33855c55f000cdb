//! A server of the official Rust SDK that offers one tool. On SIGUSR2, its owner changes the tool,
//! or takes the change back. It says where it listens, as one line on stdout.

mod notes;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::notes::Notes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let changed = Arc::new(AtomicBool::new(false));
    tokio::spawn(change(Arc::clone(&changed))?);
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false);
    let service = StreamableHttpService::new(
        move || Ok(Notes { changed: Arc::clone(&changed) }),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        let service = service.clone();
        let serve = service_fn(move |request| {
            let service = service.clone();
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
