"""Sends raw bytes on a connection, for requests that no HTTP library would send."""

import socket
import time

from harness.gateway import Gateway
from harness.messages import Request

TIMEOUT = 15.0
# Envoy is considered done after this many seconds without a first, or a further, response.
SILENCE = 1.0
QUIET = 0.2


def exchange(gateway: Gateway, *pieces: bytes) -> bytes:
    """Sends the pieces one by one over a new connection, and reads until Envoy closes it or falls silent."""
    received = b""
    with socket.create_connection(("127.0.0.1", gateway.envoy.port), TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.01)
            connection.settimeout(SILENCE)
            while data := connection.recv(65536):
                received += data
                connection.settimeout(QUIET)
        except (TimeoutError, ConnectionError):
            pass
    return received


def send_and_hang_up(gateway: Gateway, data: bytes) -> None:
    """Sends the bytes, and closes the connection immediately."""
    with socket.create_connection(("127.0.0.1", gateway.envoy.port), TIMEOUT) as connection:
        connection.sendall(data)


def statuses(received: bytes) -> list[int]:
    """The statuses of the responses, in order."""
    starts = received.split(b"HTTP/1.1 ")[1:]
    return [int(start[:3]) for start in starts]


def head(request: Request, *lines: bytes, with_host: bool = True) -> bytes:
    """The head of a request with additional raw lines, which must set its length."""
    fields = [f"{name}: {value}".encode() for name, value in request.headers]
    host = [b"host: tools.example"] if with_host else []
    return b"\r\n".join([f"{request.method} {request.path} HTTP/1.1".encode(), *host, *fields, *lines, b"", b""])


def whole(request: Request) -> bytes:
    """A request with its length and body."""
    return head(request, b"content-length: %d" % len(request.body)) + request.body


def chunked(body: bytes) -> bytes:
    """The body as one chunk."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
