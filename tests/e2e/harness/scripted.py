"""An upstream over HTTP/1.1 that answers every request with the bytes that a test chooses."""

import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness import http1
from harness.messages import Headers

JSON: Headers = (("content-type", "application/json"),)
EVENTS: Headers = (("content-type", "text/event-stream"),)
# Seconds between two pieces, so that Envoy reads them one by one.
PAUSE = 0.005


class Scripted:
    """The answer to the next requests, and the requests so far."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[http1.Message] = []
        self.status = "200 OK"
        self.headers: Headers = JSON
        self.pieces: Sequence[bytes] = (b"",)
        self.trailers: Headers = ()
        # Whether the length is announced; otherwise the body comes in chunks.
        self.sized = False

    def answer(self, body: bytes, *, headers: Headers = JSON, piece: int | None = None, sized: bool = False) -> None:
        """Sets the body of the answer, sent in pieces of this many bytes."""
        size = piece or max(len(body), 1)
        self.pieces = [body[start : start + size] for start in range(0, len(body), size)]
        self.headers, self.sized, self.trailers, self.status = headers, sized, (), "200 OK"

    def written(self) -> Iterator[bytes]:
        """The bytes of the answer."""
        length = ("content-length", str(sum(map(len, self.pieces))))
        framing = length if self.sized else ("transfer-encoding", "chunked")
        head = "".join(f"{name}: {value}\r\n" for name, value in (*self.headers, framing))
        yield f"HTTP/1.1 {self.status}\r\n{head}\r\n".encode()
        for piece in self.pieces:
            yield piece if self.sized else f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        if not self.sized:
            trailers = "".join(f"{name}: {value}\r\n" for name, value in self.trailers)
            yield f"0\r\n{trailers}\r\n".encode()


@contextmanager
def scripted() -> Iterator[Scripted]:
    """Serves until the end of the block."""
    script = Scripted()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            unread = b""
            while data := self.request.recv(65536):
                unread += data
                while message := http1.parse(unread):
                    unread = unread[message.length :]
                    script.requests.append(message)
                    for part in script.written():
                        self.request.sendall(part)
                        time.sleep(PAUSE if len(script.pieces) > 1 else 0)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield script
        server.shutdown()
