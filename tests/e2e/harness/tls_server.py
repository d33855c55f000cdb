"""A server with TLS that answers every request with one body, and remembers what it got."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from harness.certificates import CertificateAuthority


class TlsServer(NamedTuple):
    """A running server."""

    port: int
    # Host and path of each request.
    received: list[tuple[str | None, str]]


@contextmanager
def serve(authority: CertificateAuthority, body: bytes) -> Iterator[TlsServer]:
    """Serves on localhost with the authority's server certificate."""
    received: list[tuple[str | None, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            received.append((self.headers["host"], self.path))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_certificate, authority.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TlsServer(server.server_address[1], received)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
