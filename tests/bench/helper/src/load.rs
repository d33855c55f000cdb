//! The load: as fast as the answers come, or at a fixed rate whatever the answers do.

mod pace;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::LocalSet;

use crate::http1::{Connection, Head};
use pace::Pace;

/// Three digits of every latency are kept.
const DIGITS: u8 = 3;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where Envoy listens
    #[arg(long)]
    address: SocketAddr,
    /// Requests as bytes, sent in turns
    #[arg(long = "request", required = true)]
    requests: Vec<PathBuf>,
    /// Connections that are kept open
    #[arg(long)]
    connections: usize,
    /// How many requests
    #[arg(long)]
    count: u64,
    /// Requests per second; as many as are answered when absent
    #[arg(long)]
    rate: Option<f64>,
}

/// What came of the requests. Times are nanoseconds, from the moment a request was due.
#[derive(Serialize)]
struct Outcome {
    count: u64,
    seconds: f64,
    forwarded: u64,
    statuses: BTreeMap<u16, u64>,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

struct Tally {
    latencies: Histogram<u64>,
    forwarded: u64,
    statuses: BTreeMap<u16, u64>,
}

impl Tally {
    fn add(&mut self, head: &Head, latency: Duration) -> anyhow::Result<()> {
        self.latencies.record(u64::try_from(latency.as_nanos())?)?;
        self.forwarded += u64::from(head.forwarded);
        *self.statuses.entry(head.status).or_default() += 1;
        Ok(())
    }
}

/// Sends the requests, and prints one JSON object.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let requests: Rc<[Vec<u8>]> =
        arguments.requests.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    let mut connections = Vec::new();
    for _ in 0..arguments.connections {
        connections.push(Connection::open(arguments.address).await?);
    }
    let tally = Rc::new(RefCell::new(Tally {
        latencies: Histogram::new(DIGITS)?,
        forwarded: 0,
        statuses: BTreeMap::new(),
    }));
    let started = Instant::now();
    let pace = Rc::new(Pace::new(started, arguments.count, arguments.rate)?);
    let tasks = LocalSet::new();
    let senders: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            let (requests, pace, tally) =
                (Rc::clone(&requests), Rc::clone(&pace), Rc::clone(&tally));
            tasks.spawn_local(sender(arguments.address, connection, requests, pace, tally))
        })
        .collect();
    tasks
        .run_until(async {
            pace.keep().await?;
            for sender in senders {
                sender.await??;
            }
            anyhow::Ok(())
        })
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&outcome(&tally.borrow(), seconds))?);
    Ok(())
}

/// Sends on one connection, one request after the other.
async fn sender(
    address: SocketAddr,
    mut connection: Connection,
    requests: Rc<[Vec<u8>]>,
    pace: Rc<Pace>,
    tally: Rc<RefCell<Tally>>,
) -> anyhow::Result<()> {
    while let Some(turn) = pace.turn().await? {
        let kinds = u64::try_from(requests.len())?;
        let request = &requests[usize::try_from(turn.number % kinds)?];
        connection.send(request).await?;
        let head = connection.response().await?;
        tally.borrow_mut().add(&head, turn.due.elapsed())?;
        // Some refusals end the connection.
        if head.closes {
            connection = Connection::open(address).await?;
        }
    }
    Ok(())
}

fn outcome(tally: &Tally, seconds: f64) -> Outcome {
    let at = |quantile| tally.latencies.value_at_quantile(quantile);
    Outcome {
        count: tally.latencies.len(),
        seconds,
        forwarded: tally.forwarded,
        statuses: tally.statuses.clone(),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: tally.latencies.max(),
    }
}
