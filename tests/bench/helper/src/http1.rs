//! As much HTTP/1.1 as both ends of the benchmark need: messages of a known length or in chunks, on a connection that
//! is kept.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MOST_HEADERS: usize = 64;
const CHUNK: usize = 64 * 1024;
const LINE_END: usize = 2;

/// The header that the server behind Envoy puts on its answers.
pub(crate) const FORWARDED: &str = "x-forwarded-to-tool";

/// What is known of a message from its head.
#[derive(Default)]
pub(crate) struct Head {
    /// The status of a response.
    pub(crate) status: u16,
    /// Whether the response is the server's and not the proxy's.
    pub(crate) forwarded: bool,
    /// Whether nothing follows on this connection.
    pub(crate) closes: bool,
    size: usize,
    body: usize,
    chunked: bool,
}

/// A connection, and what has been read from it beyond the last message.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    pub(crate) fn new(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(CHUNK) })
    }

    pub(crate) async fn send(&mut self, message: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(message).await?)
    }

    /// Reads one response to its end.
    pub(crate) async fn response(&mut self) -> anyhow::Result<Head> {
        self.message(response).await?.context("the connection was closed before the response")
    }

    /// Reads one request to its end; there is none when the connection is closed.
    pub(crate) async fn request(&mut self) -> anyhow::Result<Option<Head>> {
        self.message(request).await
    }

    async fn message(
        &mut self,
        parse: fn(&[u8]) -> anyhow::Result<Option<Head>>,
    ) -> anyhow::Result<Option<Head>> {
        let head = loop {
            if let Some(head) = parse(&self.buffer)? {
                break head;
            }
            if self.buffer.is_empty() {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Ok(None);
                }
            } else {
                self.read_more().await?;
            }
        };
        self.skip(head.size + head.body).await?;
        if head.chunked {
            self.skip_chunks().await?;
        }
        Ok(Some(head))
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection was closed in the middle of a message");
        }
        Ok(())
    }

    /// Drops chunks up to the last one. No trailers follow.
    async fn skip_chunks(&mut self) -> anyhow::Result<()> {
        loop {
            let (line, size) = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) => self.read_more().await?,
                    Err(_) => bail!("a chunk without a length"),
                }
            };
            self.skip(line + usize::try_from(size)? + LINE_END).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Drops so many bytes, of which some may still have to come.
    async fn skip(&mut self, size: usize) -> anyhow::Result<()> {
        let mut missing = size.saturating_sub(self.buffer.len());
        self.buffer.drain(..size.min(self.buffer.len()));
        while missing > 0 {
            self.buffer.clear();
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 {
                bail!("the connection was closed in the middle of a body");
            }
            self.buffer.drain(..missing.min(read));
            missing = missing.saturating_sub(read);
        }
        Ok(())
    }
}

fn response(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    Ok(Some(Head { status, ..head(size, response.headers)? }))
}

fn request(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(size) = request.parse(bytes)? else { return Ok(None) };
    Ok(Some(head(size, request.headers)?))
}

fn head(size: usize, headers: &[httparse::Header<'_>]) -> anyhow::Result<Head> {
    let mut head = Head { size, ..Head::default() };
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            head.body = std::str::from_utf8(header.value)?.parse()?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.closes = header.value.eq_ignore_ascii_case(b"close");
        } else if header.name.eq_ignore_ascii_case(FORWARDED) {
            head.forwarded = true;
        }
    }
    Ok(head)
}
