"""Refuses MCP requests that a Toolgate has not decided: ASGI middleware for a tool server.

It needs `PyJWT[crypto]` and `rfc8785`, and wraps the application of any server, such as one of the MCP SDK:

    app = ToolgateCheck(mcp.streamable_http_app(), jwks=Path("gate.jwks.json").read_text(),
                        issuer="https://gate.acme.example", audience="crm")

It reads the body before the server does, and hands the same bytes on. The digest must be computed from them: what a
framework has parsed and typed is not what was decided.
"""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import jwt
import rfc8785

HEADER = b"toolgate-assertion"
TYPE = "toolgate-assertion+jwt"
# The longest assertion, as the gate has it.
LONGEST = 32_768
# Seconds that the clocks of the gate and of this server may differ.
LEEWAY = 5
# Integers beyond it are refused: JSON parsers read them differently, and so do digests.
EXACT = 2**53 - 1

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Refused(Exception):
    """Why a request does not run. The message is for the operator and has nothing of the request."""


class ToolgateCheck:
    """The middleware. `used` is how many assertions it remembers until they expire; when it is full, it refuses."""

    def __init__(
        self, app: App, *, jwks: str, issuer: str, audience: str, most_bytes: int = 1 << 20, used: int = 100_000
    ) -> None:
        self._app = app
        self._verifier = Verifier(jwks, issuer, audience, used)
        self._most_bytes = most_bytes

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Runs the application for what was decided; only the start and the end of the server need no assertion."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is decided")
        try:
            body = await self._body(receive)
            self._verifier.check([value for name, value in scope["headers"] if name.lower() == HEADER], body)
        except Refused as why:
            await _refuse(send, str(why))
            return
        await self._app(scope, _again(body, receive), send)

    async def _body(self, receive: Any) -> bytes:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Refused("the request has no end")
            body, more = body + message.get("body", b""), message.get("more_body", False)
            if len(body) > self._most_bytes:
                raise Refused("the body is too long")
        return body


class Verifier:
    """Checks assertions and remembers which were used, in this process: several need a store that they share."""

    def __init__(self, jwks: str, issuer: str, audience: str, used: int) -> None:
        self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(jwks).keys}
        self._issuer, self._audience, self._most_used = issuer, audience, used
        self._used: dict[str, float] = {}

    def check(self, assertions: list[bytes], body: bytes) -> dict[str, Any]:
        """The claims of the one assertion, which is about this body; raises `Refused`."""
        if len(assertions) != 1:
            raise Refused("there is not exactly one assertion")
        claims = self._verified(assertions[0].decode("latin-1"))
        if claims["decision"] != "permit":
            raise Refused("it is no permit")
        # Before it is used up: an assertion that somebody took is not spent on another body.
        _same_calls(claims["calls"], body)
        self._once(claims["jti"], claims["exp"])
        return claims

    def _verified(self, assertion: str) -> dict[str, Any]:
        if len(assertion) > LONGEST:
            raise Refused("the assertion is too long")
        try:
            header = jwt.get_unverified_header(assertion)
            key = self._keys.get(header.get("kid"))
            if key is None or header.get("typ") != TYPE:
                raise Refused("its key or its type is not known")
            # The algorithm is fixed here, and never what the assertion says.
            claims: dict[str, Any] = jwt.decode(
                assertion,
                key,
                algorithms=["EdDSA"],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["iss", "aud", "iat", "exp", "jti", "sub", "decision", "calls"], "strict_aud": True},
            )
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise Refused(f"the assertion is not valid: {type(error).__name__}") from error
        return claims

    def _once(self, jti: str, expires: float) -> None:
        now = time.time()
        if jti in self._used:
            raise Refused("the assertion was used before")
        if len(self._used) >= self._most_used:
            self._used = {each: until for each, until in self._used.items() if until > now}
        if len(self._used) >= self._most_used:
            raise Refused("too many assertions are remembered")
        self._used[jti] = expires + LEEWAY


def _same_calls(asserted: list[dict[str, Any]], body: bytes) -> None:
    """Compares the calls of tools in a body with those that were decided, in their order."""
    sent = _calls(body)
    decided = [call for call in asserted if call["method"] == "tools/call"]
    if len(sent) != len(decided):
        raise Refused("it is about another number of calls")
    for params, call in zip(sent, decided, strict=True):
        if params.get("name") != call["tool_name"]:
            raise Refused("it is about another tool")
        if digest(params) != call["arguments_digest"]:
            raise Refused("it is about other arguments")


def _calls(body: bytes) -> list[dict[str, Any]]:
    if not body:
        return []
    try:
        parsed = json.loads(body.decode(), object_pairs_hook=_unique, parse_int=_exact, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused("the body is not JSON that everybody reads alike") from error
    messages = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(message, dict) for message in messages):
        raise Refused("the body has no messages")
    params = [message.get("params") for message in messages if message.get("method") == "tools/call"]
    if not all(isinstance(each, dict) for each in params):
        raise Refused("a call has no parameters")
    return params


def digest(params: dict[str, Any]) -> str | None:
    """The digest of a call's arguments; `None` for a call without any."""
    if params.get("arguments") is None:
        return None
    try:
        return f"sha256:{hashlib.sha256(rfc8785.dumps(params['arguments'])).hexdigest()}"
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise Refused("the arguments have no canonical form") from error


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) != len(members):
        raise ValueError("a member stands there twice")
    return unique


def _exact(digits: str) -> int:
    number = int(digits)
    if abs(number) > EXACT:
        raise ValueError("an integer that not everybody reads alike")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _again(body: bytes, receive: Any) -> Callable[[], Awaitable[Message]]:
    """The body once more, and then what follows it: a disconnect."""
    whole = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        message: Message = whole.pop() if whole else await receive()
        return message

    return once_more


async def _refuse(send: Any, why: str) -> None:
    body = json.dumps({"error": f"not decided by the gate: {why}"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
