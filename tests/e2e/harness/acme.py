"""Principals, agents and calls of the example bundle that several tests use."""

from harness.messages import Request, mcp_request, tool_call

# A sales representative using the support agent.
ALICE = {"sub": "alice", "roles": ["rep"], "tenant": "acme", "act": {"sub": "support-bot"}}
SUPPORT_BOT = "spiffe://acme.example/agent/support-bot"

READ = ("get_contact", {"account": "acme", "contact_id": "c-1"})
REFUND = ("refund", {"account": "acme", "payment_id": "p-2", "amount": 500, "reason": "damaged"})
REFUND_POLICY = "refund-limit"
DELETE = ("delete_contact", {"account": "acme", "contact_id": "c-1"})


def permitted(token: str | None) -> Request:
    """A call that Alice is permitted to make."""
    return tool_call("/crm/mcp", *READ, token)


def forbidden(token: str | None) -> Request:
    """A call that a policy forbids her."""
    return tool_call("/payments/mcp", *REFUND, token)


def silent(token: str | None) -> Request:
    """A call that no policy permits her."""
    return tool_call("/crm/mcp", *DELETE, token)


def housekeeping(token: str | None) -> Request:
    """A message that is not a call: it is forwarded and leaves no record."""
    return mcp_request("/crm/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, token)
