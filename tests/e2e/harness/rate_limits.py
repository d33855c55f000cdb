"""A rate limit service that says what a test wants, also what a real one never says."""

from harness.recorder import Recorder

OK, OVER_LIMIT = 1, 2


class RateLimits(Recorder):
    """The service; a context manager."""

    def __init__(self) -> None:
        super().__init__(http2=True)
        self.answer_type = "application/grpc"
        self.says(OK)

    def says(self, code: int, until_reset: int | None = None) -> None:
        """Answers with this code, and the seconds until the limit is reset."""
        message = bytes([0x08, code])
        if until_reset is not None:
            duration = bytes([0x08, until_reset])
            status = bytes([0x22, len(duration)]) + duration
            message += bytes([0x12, len(status)]) + status
        self.sends(message)

    def sends(self, message: bytes, status: int = 0) -> None:
        """Answers with these bytes in place of a message, and this gRPC status."""
        self.answer_body = b"\0" + len(message).to_bytes(4, "big") + message
        self.answer_trailers = (("grpc-status", str(status)),)

    def asked(self) -> list[tuple[str, int]]:
        """The budget and the hits of each question."""
        return [_read(request.body[5:]) for request in self.requests]


def _read(message: bytes) -> tuple[str, int]:
    """The value of the entry `budget`, and field 3, which comes last and is a varint."""
    [_, after] = message.split(b"\x0a\x06budget\x12", 1)
    budget = after[1 : 1 + after[0]].decode()
    hits, place = 0, len(message) - 1
    while place and message[place - 1] & 0x80:
        place -= 1
    assert message[place - 1] == 0x18, message
    for byte in reversed(message[place:]):
        hits = hits << 7 | byte & 0x7F
    return budget, hits
