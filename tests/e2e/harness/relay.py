"""A relay between Envoy and a server that cuts or joins what the server sends."""

import contextlib
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# A request with this in its query gets its response in pieces of one byte.
PIECES = "pieces=1"
# Between two pieces, so that Envoy reads them one by one.
PAUSE = 0.00005
# Any other response is held back until the server pauses for this long.
QUIET = 0.03


class Relay:
    """Where it listens, and how many requests for the rest of a broken stream it has seen."""

    def __init__(self) -> None:
        self.port = 0
        self.resumed = 0


@contextmanager
def relay(server: int) -> Iterator[Relay]:
    """Relays to this port until the end of the block."""
    made = Relay()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", server)) as upstream, contextlib.suppress(OSError):
                for connection in (self.request, upstream):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _exchange(self.request, upstream, made)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as listener:
        made.port = listener.server_address[1]
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield made
        listener.shutdown()


def _exchange(client: socket.socket, upstream: socket.socket, made: Relay) -> None:
    """Relays one request after the other, as Envoy sends them on a connection, until either side ends it."""
    cut, held = False, b""
    with selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ)
        ready.register(upstream, selectors.EVENT_READ)
        while True:
            sockets = [key.fileobj for key, _ in ready.select(QUIET if held else None)]
            if client in sockets:
                request = client.recv(65536)
                if not request:
                    return
                if request.split(b" ", 1)[0] in (b"GET", b"POST", b"DELETE"):
                    head = request.split(b"\r\n\r\n", 1)[0].lower()
                    cut = PIECES.encode() in head.split(b"\r\n", 1)[0]
                    made.resumed += b"last-event-id:" in head
                upstream.sendall(request)
            if upstream in sockets:
                response = upstream.recv(65536)
                if cut:
                    _send_bytes(client, response)
                else:
                    held += response
                if not response:
                    client.sendall(held)
                    return
            elif held:
                client.sendall(held)
                held = b""


def _send_bytes(client: socket.socket, data: bytes) -> None:
    for place in range(len(data)):
        client.sendall(data[place : place + 1])
        time.sleep(PAUSE)
