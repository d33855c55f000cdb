//! What stands around Envoy in the benchmark.

mod http1;
mod load;
mod sidecar;
mod upstream;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Send requests, and tell how long the answers took
    Load(load::Arguments),
    /// Answer every request at once
    Upstream(upstream::Arguments),
    /// Decide for `ext_authz` and `ext_proc` with Cedar's authorizer
    Sidecar(sidecar::Arguments),
}

/// One thread: the benchmark gives every process one core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().part {
        Part::Load(arguments) => load::run(arguments).await,
        Part::Upstream(arguments) => upstream::run(arguments).await,
        Part::Sidecar(arguments) => sidecar::run(arguments).await,
    }
}
