//! HTTP: listens for requests, for the commands that are services, and connects to servers.
//!
//! A request reaches its service with its whole body, or not at all: sizes, times and the number of
//! connections are bounded here, so that services are functions from a request to a response.

mod answer;
pub(in crate::cli) mod client;
mod host;
mod listen;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::output::exit::Stop;
use super::output::report::Problem;

pub(in crate::cli) use answer::{
    Refused, Request, Response, json, json_body, problem, with_header,
};
pub(in crate::cli) use host::{is_for, only};
pub(in crate::cli) use listen::Listen;

/// The most connections at a time. Further ones wait.
const CONNECTIONS: usize = 512;

/// The most bytes of the head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// How long the head of a request may take, and its body.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection is used.
const LIFE: Duration = Duration::from_mins(10);

/// How long the requests of a connection that ends have.
const GRACE: Duration = Duration::from_secs(5);

/// What answers requests.
pub(in crate::cli) trait Service {
    /// Answers a request.
    async fn answer(&self, request: Request) -> Response;

    /// Has requests that wait for something answered at once, because the process ends.
    fn stop(&self) {}
}

/// Serves until the process is told to end. `ready` is called with the address when it listens.
pub(in crate::cli) fn serve(
    listen: Listen,
    largest_body: usize,
    service: impl Service + 'static,
    ready: impl FnOnce(SocketAddr) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let cannot = |error| {
            let message = format!("cannot listen on `{}`: {error}", listen.address());
            Problem::new(message).with_help("`--listen 127.0.0.1:0` takes any free port")
        };
        let listener = TcpListener::bind(listen.address()).await.map_err(cannot)?;
        ready(listener.local_addr().map_err(cannot)?)?;
        accept(listener, largest_body, Rc::new(service)).await;
        Ok(())
    })
}

async fn accept(listener: TcpListener, largest_body: usize, service: Rc<impl Service + 'static>) {
    let (stop, stopped) = watch::channel(());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut told = pin!(told_to_end());
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = &mut told => break,
        };
        // A connection that has failed before it was accepted concerns nobody else; without file
        // handles, there may be some again soon.
        let Ok((stream, _)) = accepted else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (service, stopped) = (Rc::clone(&service), stopped.clone());
        connections.spawn_local(async move {
            connection(stream, largest_body, service, stopped).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    service.stop();
    drop(stop);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    largest_body: usize,
    service: Rc<impl Service>,
    mut stopped: watch::Receiver<()>,
) {
    let answer = service_fn(|request| {
        let service = Rc::clone(&service);
        async move {
            Ok::<_, Infallible>(match whole(request, largest_body).await {
                Ok(request) => service.answer(request).await,
                Err(refused) => refused.answer(),
            })
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    let mut served = pin!(served);
    let ended = tokio::select! {
        _ = &mut served => true,
        () = sleep(LIFE) => false,
        _ = stopped.changed() => false,
    };
    if !ended {
        served.as_mut().graceful_shutdown();
        let _ = timeout(GRACE, served).await;
    }
}

/// The request with its whole body, or the answer to one that does not come.
async fn whole(request: hyper::Request<Incoming>, largest: usize) -> Result<Request, Refused> {
    let (head, body) = request.into_parts();
    let body = timeout(PATIENCE, Limited::new(body, largest).collect()).await;
    let body = body.map_err(|_| Refused::new(408, "the body did not arrive in time"))?;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Refused::new(413, format!("the body has more than {largest} bytes"))
        } else {
            Refused::new(400, "the body is broken off")
        }
    })?;
    Ok(Request::from_parts(head, body.to_bytes().into()))
}

/// Waits for SIGTERM or SIGINT.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
