//! The tool server: answers every request with the same result.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use tokio::net::TcpListener;

use crate::http1::{Connection, FORWARDED};

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"done"}]}}"#;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The body of its responses
    #[arg(long)]
    answer: Option<PathBuf>,
}

/// Listens on a port of the kernel's choice, and says which.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let body = arguments.answer.map_or_else(|| Ok(BODY.to_owned()), std::fs::read_to_string)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{FORWARDED}: 1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer: &'static str = answer.leak();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(Connection::new(stream)?, answer).await {
                eprintln!("upstream: {error}");
            }
            anyhow::Ok(())
        });
    }
}

async fn serve(mut connection: Connection, answer: &str) -> anyhow::Result<()> {
    while connection.request().await?.is_some() {
        connection.send(answer.as_bytes()).await?;
    }
    Ok(())
}
