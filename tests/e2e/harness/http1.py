"""Raw HTTP/1.1: a client that controls every chunk, and a message parser."""

import select
import socket
import ssl
from types import TracebackType
from typing import NamedTuple, Self

from harness.messages import Headers, Request, Response

TIMEOUT = 15.0
CONTINUE = 100
FINAL = 200


class Message(NamedTuple):
    """A message parsed from the start of some bytes."""

    start_line: str
    headers: Headers
    body: bytes
    trailers: Headers
    # The number of bytes it occupies.
    length: int


def parse(data: bytes, *, head_only: bool = False) -> Message | None:
    """The first message of `data`, or `None` while it is incomplete; a response to HEAD has no body."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    start_line, headers = _head(data[:head_end])
    start = head_end + 4
    fields = {} if head_only else {name.lower(): value for name, value in headers}
    if "chunked" in fields.get("transfer-encoding", ""):
        return _chunked(data, start, start_line, headers)
    end = start + int(fields.get("content-length", "0"))
    return Message(start_line, headers, data[start:end], (), end) if len(data) >= end else None


def _head(data: bytes) -> tuple[str, Headers]:
    start_line, *lines = data.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return start_line, tuple((name, value.strip()) for name, _, value in pairs)


def _chunked(data: bytes, start: int, start_line: str, headers: Headers) -> Message | None:
    body = bytearray()
    while (line_end := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:line_end].split(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            # After the last chunk follows a head without a start line.
            end = data.find(b"\r\n\r\n", line_end)
            if end < 0:
                return None
            _, trailers = _head(b"\r\n" + data[start:end])
            return Message(start_line, headers, bytes(body), trailers, end + 4)
        body += data[start : start + size]
        start += size + 2
    return None


class Http1Client:
    """Sends requests over one connection, and reconnects when Envoy has closed it."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._tls = tls
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def send(self, request: Request) -> Response:
        """Sends the request in its manner, and reads the response."""
        try:
            return self._exchange(request)
        except BaseException:
            # The state of the connection is unknown, so the next request gets a new one.
            self.close()
            raise

    def begin(self, request: Request) -> None:
        """Sends the request without its last byte."""
        self._connection().sendall(self._head_of(request) + request.body[:-1])

    def abandon(self, request: Request) -> None:
        """Sends the request without its last byte, and closes the connection."""
        self.begin(request)
        self.close()

    def _exchange(self, request: Request) -> Response:
        connection = self._connection()
        connection.sendall(self._head_of(request))
        received = b""
        if request.awaits_continue:
            received = self._await_continue(connection)
        whole = not received and self._send_body(connection, request)
        response = _read(connection, received, head_only=request.method == "HEAD")
        # After a wrong content length, both ends may disagree about the start of the next request.
        if not whole or response.header("connection") == "close" or request.names("content-length"):
            self.close()
        return response

    def _connection(self) -> socket.socket:
        if self._socket is None:
            plain = socket.create_connection(("127.0.0.1", self._port), TIMEOUT)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._tls.wrap_socket(plain, server_hostname="127.0.0.1") if self._tls else plain
        return self._socket

    def _head_of(self, request: Request) -> bytes:
        lines = [f"{request.method} {request.path} HTTP/1.1"]
        if not any(name.lower() == "host" for name, _ in request.headers):
            lines.append(f"host: 127.0.0.1:{self._port}")
        lines += [f"{name}: {value}" for name, value in request.headers]
        if request.manner.cut and not request.names("transfer-encoding"):
            lines.append("transfer-encoding: chunked")
        elif request.body and not request.names("content-length", "transfer-encoding"):
            lines.append(f"content-length: {len(request.body)}")
        if request.awaits_continue and not request.names("expect"):
            lines.append("expect: 100-continue")
        return "\r\n".join([*lines, "", ""]).encode("utf-8")

    def _send_body(self, connection: socket.socket, request: Request) -> bool:
        """Sends the body; returns false if the response came before its end."""
        try:
            return self._send_pieces(connection, request)
        except (BrokenPipeError, ConnectionResetError):
            # Envoy has responded and closed the connection; the response can still be read.
            return False

    def _send_pieces(self, connection: socket.socket, request: Request) -> bool:
        if not _is_chunked(request):
            connection.sendall(request.body)
            return True
        for index, piece in enumerate(request.pieces()):
            if _is_readable(connection):
                return False
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            request.manner.between(index)
        trailers = "".join(f"{name}: {value}\r\n" for name, value in request.manner.trailers)
        connection.sendall(f"0\r\n{trailers}\r\n".encode())
        return True

    def _await_continue(self, connection: socket.socket) -> bytes:
        """Waits for the interim response; returns the received bytes if a final response came instead."""
        received = b""
        while not (message := parse(received)):
            received += _receive(connection)
        return received[message.length :] if _status(message) == CONTINUE else received


def _read(connection: socket.socket, received: bytes, *, head_only: bool) -> Response:
    """The final response; interim ones are skipped."""
    while True:
        while not (message := parse(received, head_only=head_only)):
            received += _receive(connection)
        if _status(message) >= FINAL:
            return Response(_status(message), message.headers, message.body, message.trailers)
        received = received[message.length :]


def _is_chunked(request: Request) -> bool:
    return request.manner.cut or request.names("transfer-encoding")


def _is_readable(connection: socket.socket) -> bool:
    pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
    return pending or bool(select.select([connection], [], [], 0)[0])


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the connection was closed before the answer was complete")
    return data


def _status(message: Message) -> int:
    return int(message.start_line.split(" ")[1])
