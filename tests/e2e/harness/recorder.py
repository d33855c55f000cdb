"""An upstream that records every received byte and responds with 200: evidence of what passes Envoy."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any, NamedTuple, Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from harness import http1
from harness.messages import Headers
from harness.waiting import wait_until

ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}}'
# Envoy can respond to a caller before the recorder accepts the connection opened at the same time.
SETTLE = 0.02


class Recorded(NamedTuple):
    """A request that reached the upstream."""

    headers: Headers
    body: bytes
    trailers: Headers

    def values(self, name: str) -> list[str]:
        """All values of a header, which can be a pseudo-header such as `:path`."""
        return [value for key, value in self.headers if key == name]


class Recorder:
    """The recording server, on a separate thread; a context manager."""

    def __init__(self, *, http2: bool = False) -> None:
        self._protocol = _Http2Connection if http2 else _Http1Connection
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: list[_Connection] = []
        self._requests: list[Recorded] = []
        # Whether requests get a response.
        self.answers = True
        # The type and the body of every response, and additional headers.
        self.answer_type = "application/json"
        self.answer_body = ANSWER
        self.answer_headers: Headers = ()
        self.answer_trailers: Headers = ()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._on_loop(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._on_loop(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> list[bytes]:
        """The bytes of every connection since the last `forget`, after a delay for bytes in transit."""
        self._on_loop(asyncio.sleep(SETTLE))
        return [bytes(each.received) for each in self._connections]

    @property
    def requests(self) -> list[Recorded]:
        """The complete requests since the last `forget`, in the order of completion."""
        return list(self._requests)

    @property
    def unfinished(self) -> bool:
        """Whether the upstream has received a part of a request, but not its end."""
        self._on_loop(asyncio.sleep(SETTLE))
        return any(each.unfinished for each in self._connections)

    @property
    def bytes_received(self) -> int:
        """The number of bytes received since the last `forget`."""
        return sum(len(each.received) for each in self._connections)

    def record(self, request: Recorded) -> None:
        """Records a complete request."""
        self._requests.append(request)

    def take(self) -> list[Recorded]:
        """The complete requests since the last `take`; connections are not affected."""
        taken = list(self._requests)
        del self._requests[: len(taken)]
        return taken

    def forget(self) -> None:
        """Closes all connections and clears the recording."""
        wait_until(lambda: self._on_loop(self._drop()), "the connections from Envoy to close")

    def _on_loop(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(10)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._accept, "127.0.0.1", 0)

    def _accept(self) -> asyncio.Protocol:
        connection = self._protocol(self)
        self._connections.append(connection)
        return connection

    async def _drop(self) -> bool:
        for each in self._connections:
            each.close()
        closed = all(each.closed for each in self._connections)
        if closed:
            self._connections.clear()
            self._requests.clear()
        return closed

    async def _close(self) -> None:
        self._server.close()
        await self._drop()


class _Connection(asyncio.Protocol):
    """Records received bytes; subclasses parse them."""

    def __init__(self, recorder: Recorder) -> None:
        self.received = bytearray()
        self.closed = False
        self.recorder = recorder
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.understand(data)

    @property
    def unfinished(self) -> bool:
        """Whether a request has begun and not ended."""
        raise NotImplementedError

    def understand(self, data: bytes) -> None:
        """Parses requests from received bytes, and responds to them."""
        raise NotImplementedError

    def close(self) -> None:
        self.transport.close()


class _Http1Connection(_Connection):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._unread = b""

    @property
    def unfinished(self) -> bool:
        return bool(self._unread)

    def understand(self, data: bytes) -> None:
        self._unread += data
        while message := http1.parse(self._unread):
            self._unread = self._unread[message.length :]
            method, path, _ = message.start_line.split(" ")
            headers = ((":method", method), (":path", path), *message.headers)
            self.recorder.record(Recorded(headers, message.body, message.trailers))
            if self.recorder.answers:
                self.transport.write(self._answer())

    def _answer(self) -> bytes:
        content_type = ("content-type", self.recorder.answer_type)
        headers = [content_type, ("transfer-encoding", "chunked"), *self.recorder.answer_headers]
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        trailers = "".join(f"{name}: {value}\r\n" for name, value in self.recorder.answer_trailers)
        body = self.recorder.answer_body
        chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n"
        return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + chunk + f"0\r\n{trailers}\r\n".encode()


class _Http2Connection(_Connection):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._http = h2.connection.H2Connection(config)
        self._streams: dict[int, Recorded] = {}

    @property
    def unfinished(self) -> bool:
        return bool(self._streams)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._http.initiate_connection()
        self._flush()

    def understand(self, data: bytes) -> None:
        for event in self._http.receive_data(data):
            # If the peer has reset the stream in the meantime, no response is needed.
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._streams[event.stream_id] = Recorded(tuple(event.headers or ()), b"", ())
            case h2.events.DataReceived():
                stream = self._streams[event.stream_id]
                self._streams[event.stream_id] = stream._replace(body=stream.body + (event.data or b""))
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                stream = self._streams[event.stream_id]
                self._streams[event.stream_id] = stream._replace(trailers=tuple(event.headers or ()))
            case h2.events.StreamEnded():
                self._answer(event.stream_id)
            case h2.events.StreamReset():
                self._streams.pop(event.stream_id, None)

    def _answer(self, number: int) -> None:
        self.recorder.record(self._streams.pop(number))
        if not self.recorder.answers:
            return
        headers, trailers = self.recorder.answer_headers, self.recorder.answer_trailers
        content_type = ("content-type", self.recorder.answer_type)
        self._http.send_headers(number, [(":status", "200"), content_type, *headers])
        self._http.send_data(number, self.recorder.answer_body, end_stream=not trailers)
        if trailers:
            self._http.send_headers(number, list(trailers), end_stream=True)

    def _flush(self) -> None:
        if data := self._http.data_to_send():
            self.transport.write(data)
