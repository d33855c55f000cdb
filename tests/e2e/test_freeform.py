"""Free-form arguments: the bundle describes them, passes them on unread, or tolerates what a client adds to them."""

import json
from typing import Any

import pytest

from harness import cases, decision_header, paths
from harness.gateway import Gateway, Gateways
from harness.messages import Request, tool_call
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

FREEFORM = paths.CASES / "bundles" / "freeform"
WITHHELD = "[redacted]"


@pytest.fixture
def gateway(gateways: Gateways) -> Gateway:
    """The bundle about tools whose own schemas say too little."""
    opened = gateways(FREEFORM, tokens=cases.tokens(FREEFORM))
    opened.recorder.forget()
    return opened


def call(issuer: TokenIssuer, tool: str, arguments: dict[str, Any]) -> Request:
    """A call by somebody without any role."""
    return tool_call("/mcp", tool, arguments).with_header("x-session-token", f"Bearer {issuer.sign({'sub': 'ann'})}")


def refund(amount: float, **more: Any) -> dict[str, Any]:
    """Arguments of the tool that calls other tools."""
    return {"tool_name": "refund", "parameters": {"amount": amount, "card": "4111", **more}}


PERMITTED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a-described-argument": ("call_tool", refund(99.5), {"parameters": {"amount": 99.5, "card": WITHHELD}}),
    "an-argument-of-the-client": (
        "status",
        {"toolCallId": {"id": "call_1", "access_token": "t"}},
        {"toolCallId": {"id": "call_1", "access_token": WITHHELD}},
    ),
    "both": ("call_tool", {"tool_name": "ping", "parameters": {}, "toolCallId": "call_2"}, {}),
    "any-arguments": (
        "query",
        {"limit": 1, "where": {"a": [1, {"b": None}]}, "password": "p", "token_of_ann": "t"},
        {"where": {"a": [1, {"b": None}]}, "password": WITHHELD, "token_of_ann": WITHHELD},
    ),
    "an-argument-of-a-branch": ("pay", {"by": "card", "amount": 1, "card": "4111"}, {"card": "4111"}),
}


@pytest.mark.parametrize(("tool", "arguments", "recorded"), PERMITTED.values(), ids=PERMITTED.keys())
def test_what_is_permitted_arrives_as_it_is(
    tool: str, arguments: dict[str, Any], recorded: dict[str, Any], gateway: Gateway, issuer: TokenIssuer
) -> None:
    request = call(issuer, tool, arguments)
    with gateway.client("h1") as client:
        response = client.send(request)
    assert response.status == 200
    [arrived] = gateway.recorder.requests
    assert arrived.body == request.body
    record = record_of(gateway, arrived.values("toolgate-decision")[0])
    assert (record["decision"], record["tool"]) == ("PERMIT", f"hub/{tool}")
    assert record["arguments"] == arguments | recorded


REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "too-much": ("call_tool", refund(100), "not_permitted", ""),
    "in-dollars": ("call_tool", refund(1, currency="USD"), "forbidden", "Refunds are in EUR."),
    "another-tool": ("call_tool", refund(1) | {"tool_name": "wipe"}, "invalid_arguments", "argument `tool_name` must be"),
    "no-tool": ("call_tool", {"parameters": {"amount": 1}}, "invalid_arguments", "argument `tool_name` is required"),
    "a-member-of-another-tool": ("call_tool", refund(1, ticket="t-1"), "invalid_arguments", "`parameters.ticket` is not"),
    "an-argument-of-no-branch": ("pay", {"by": "card", "amount": 1, "card": "1", "tip": 1}, "invalid_arguments", "`tip`"),
    "another-argument-of-the-client": ("status", {"tool_call_id": "c"}, "invalid_arguments", "`tool_call_id` is not"),
    "too-many-rows": ("query", {"limit": 11}, "not_permitted", ""),
}


@pytest.mark.parametrize(("tool", "arguments", "reason", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_does_not_arrive(
    tool: str, arguments: dict[str, Any], reason: str, words: str, gateway: Gateway, issuer: TokenIssuer
) -> None:
    with gateway.client("h1") as client:
        response = client.send(call(issuer, tool, arguments))
    result = response.json()["result"]
    assert result["_meta"]["dev.toolgate/refusal"]["reason"] == reason
    assert words in result["content"][0]["text"]
    assert gateway.recorder.connections == []
    record = record_of(gateway, response.header("toolgate-decision") or "")
    assert record["reason"] == reason
    assert "4111" not in json.dumps(record)


def record_of(gateway: Gateway, header: str) -> dict[str, Any]:
    """The record of the decision in a header, once it is written."""
    decision = decision_header.parse(header).id

    def found() -> list[dict[str, Any]]:
        return [record for record in gateway.envoy.decision_log(0) if record["id"] == decision]

    wait_until(lambda: bool(found()), f"the record of {decision}")
    [record] = found()
    return record
