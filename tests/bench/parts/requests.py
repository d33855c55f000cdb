"""The requests that every contender gets, as bytes."""

from pathlib import Path
from typing import Any

from harness.messages import Request, mcp_request, tool_call
from harness.tokens import TokenIssuer

from parts import customers

CALLER = {"tenant": "acme", "roles": ["rep"], "act": {"sub": "support-bot"}}
# Calls are of so many people in turn, each with the same agent.
PEOPLE = 50
PATH = "/payments/mcp"
REFUSED_AMOUNT = 900
PERMITTED_AMOUNT = 120.5
# The length of a body without padding.
SMALLEST_BODY = 260


class Requests:
    """Files with requests; a mix is a list of them, sent in turn."""

    def __init__(self, directory: Path, issuer: TokenIssuer) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._tokens = [issuer.sign(CALLER | {"sub": f"person-{number}"}) for number in range(PEOPLE)]

    def permitted(self, body: int = 0) -> list[Path]:
        """A call that every contender permits, with a body of about this many bytes, by each person."""
        return [self._write(f"permitted-{body}", "refund", PERMITTED_AMOUNT, body, person) for person in range(PEOPLE)]

    def half_refused(self) -> list[Path]:
        """A call that every contender permits, alternating with one that a `forbid` about an argument refuses.

        The refused call is of another tool, so that it can also be refused by the tool's name.
        """
        refused = (self._write("refused", "payout", REFUSED_AMOUNT, 0, person) for person in range(PEOPLE))
        return [each for pair in zip(self.permitted(), refused, strict=True) for each in pair]

    def listing(self) -> list[Path]:
        """A `tools/list`."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        return [self._file("list", mcp_request(customers.PATH, message, self._tokens[0]))]

    def labelled(self) -> list[Path]:
        """A permitted call whose result has labels, one of which is withheld."""
        arguments = {"account": "acme", "query": "purchasing"}
        return [self._file("labelled", tool_call(customers.PATH, customers.CALLED, arguments, self._tokens[0]))]

    def _write(self, name: str, tool: str, amount: float, body: int, person: int) -> Path:
        note = "Arrived with a crack in the lid."
        note += "." * max(body - SMALLEST_BODY, 0)
        arguments: dict[str, Any] = {"account": "acme", "payment_id": "p-2", "amount": amount}
        arguments |= {"reason": "damaged", "note": note}
        return self._file(f"{name}-{person}", tool_call(PATH, tool, arguments, self._tokens[person]))

    def _file(self, name: str, request: Request) -> Path:
        request = request.with_header("host", "tools.example").with_header("content-length", str(len(request.body)))
        lines = [f"POST {request.path} HTTP/1.1", *(f"{field}: {value}" for field, value in request.headers)]
        file = self._directory / f"{name}.http"
        file.write_bytes("\r\n".join([*lines, "", ""]).encode() + request.body)
        return file
