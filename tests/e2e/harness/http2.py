"""An HTTP/2 client that controls every DATA frame, and can end a request with trailers."""

import socket
import ssl
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.events

from harness.messages import Headers, Request, Response

TIMEOUT = 15.0


class Http2Client:
    """Sends requests one after the other over one connection (prior knowledge, or ALPN with TLS)."""

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
        if self._socket is None:
            self._connect()
        stream = _Stream(self._http.get_next_available_stream_id())
        try:
            self._send(request, stream)
            while not stream.ended:
                self._receive(stream)
        except BaseException:
            # The state of the connection is unknown, so the next request gets a new one.
            self.close()
            raise
        return stream.response()

    def abandon(self, request: Request) -> None:
        """Sends the request without its last byte, and closes the connection."""
        if self._socket is None:
            self._connect()
        stream = self._http.get_next_available_stream_id()
        self._http.send_headers(stream, self._head_of(request))
        self._http.send_data(stream, request.body[:-1])
        self._flush()
        self.close()

    def reset(self, request: Request, *, is_complete: bool) -> None:
        """Sends the request, or all but its last byte, and resets its stream immediately."""
        if self._socket is None:
            self._connect()
        stream = self._http.get_next_available_stream_id()
        self._http.send_headers(stream, self._head_of(request))
        self._http.send_data(stream, request.body if is_complete else request.body[:-1], end_stream=is_complete)
        self._http.reset_stream(stream)
        self._flush()

    def _connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self._port), TIMEOUT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = self._tls.wrap_socket(plain, server_hostname="127.0.0.1") if self._tls else plain
        # The client must neither repair nor reject what a test sends.
        config = h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self._http = h2.connection.H2Connection(config)
        self._http.initiate_connection()
        self._flush()

    def _send(self, request: Request, stream: "_Stream") -> None:
        pieces = request.pieces()
        self._http.send_headers(
            stream.number, self._head_of(request), end_stream=not pieces and not request.manner.trailers
        )
        self._flush()
        if request.awaits_continue:
            while not (stream.continued or stream.ended):
                self._receive(stream)
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1 and not request.manner.trailers
            if not self._send_piece(stream, piece, end_stream=last):
                return
            request.manner.between(index)
        if request.manner.trailers and not stream.ended:
            self._http.send_headers(stream.number, list(request.manner.trailers), end_stream=True)
            self._flush()

    def _send_piece(self, stream: "_Stream", piece: bytes, *, end_stream: bool) -> bool:
        """Sends one piece within the flow-control window; returns false if the response came first."""
        while piece:
            self._receive_pending(stream)
            window = self._http.local_flow_control_window(stream.number) if not stream.ended else 0
            if stream.ended:
                return False
            part = piece[: min(window, self._http.max_outbound_frame_size)]
            if not part:
                self._receive(stream)
                continue
            piece = piece[len(part) :]
            self._http.send_data(stream.number, part, end_stream=end_stream and not piece)
            self._flush()
        return True

    def _head_of(self, request: Request) -> list[tuple[str, str]]:
        fields = {name.lower(): value for name, value in request.headers}
        # If the request sets `:authority` itself, a `host` header is sent in addition to it.
        instead = ":authority" if ":authority" in fields else "host"
        authority = fields.get(instead, f"127.0.0.1:{self._port}")
        scheme = "https" if self._tls else "http"
        pseudo = [(":method", request.method), (":scheme", scheme), (":authority", authority), (":path", request.path)]
        expect = [("expect", "100-continue")] if request.awaits_continue and not request.names("expect") else []
        given = [(name.lower(), value) for name, value in request.headers if name.lower() != instead]
        # Pseudo-headers such as `:protocol` come first.
        given.sort(key=lambda field: not field[0].startswith(":"))
        return pseudo + given + expect

    def _receive_pending(self, stream: "_Stream") -> None:
        """Processes received data without waiting for more."""
        self._connected().settimeout(0)
        try:
            self._receive(stream)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        finally:
            self._connected().settimeout(TIMEOUT)

    def _receive(self, stream: "_Stream") -> None:
        data = self._connected().recv(65536)
        if not data:
            raise ConnectionError("the connection was closed before the answer was complete")
        for event in self._http.receive_data(data):
            stream.take(event)
            if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self._flush()

    def _flush(self) -> None:
        if data := self._http.data_to_send():
            self._connected().sendall(data)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionError("not connected")
        return self._socket


class _Stream:
    """The data received on one stream."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.continued = False
        self.ended = False
        self._headers: Headers = ()
        self._trailers: Headers = ()
        self._body = bytearray()

    def take(self, event: h2.events.Event) -> None:
        """Processes an event of this stream; events of others are ignored."""
        if isinstance(event, h2.events.ConnectionTerminated):
            raise ConnectionError(f"the connection was terminated with {event.error_code}")
        if getattr(event, "stream_id", None) != self.number:
            return
        match event:
            case h2.events.InformationalResponseReceived():
                self.continued = True
            case h2.events.ResponseReceived():
                self._headers = tuple(event.headers or ())
            case h2.events.TrailersReceived():
                self._trailers = tuple(event.headers or ())
            case h2.events.DataReceived():
                self._body += event.data or b""
            case h2.events.StreamEnded():
                self.ended = True
            case h2.events.StreamReset() if self._headers:
                # Envoy resets the rest of a request that it has already responded to.
                self.ended = True
            case h2.events.StreamReset():
                raise ConnectionError(f"the stream was reset with {event.error_code}")

    def response(self) -> Response:
        """The response, once it is complete."""
        [status] = [value for name, value in self._headers if name == ":status"]
        regular = tuple((name, value) for name, value in self._headers if not name.startswith(":"))
        return Response(int(status), regular, bytes(self._body), self._trailers)
