"""The demo's story: every call, and its expected result."""

import json
from dataclasses import dataclass, field
from typing import Any

# Values of redacted arguments. They must not appear in any log.
SECRETS = ("allergic to peanuts", "bank details on paper", "strictly between us", "+49 30 1234567", "shoe size 47")


@dataclass(frozen=True)
class Scene:
    """One call: the caller, the way it is sent, and the expected result."""

    title: str
    person: str | None
    agents: tuple[str, ...]
    tool: str
    arguments: dict[str, Any]
    decision: str
    reason: str
    policies: tuple[str, ...] = ()
    # A part of the text that the caller must get.
    told: str = ""
    # `auto` uses the newest protocol that both sides support, `legacy` the one before 2026-07-28,
    # `raw` sends `body` and `headers` unchanged.
    client: str = "auto"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    # The claims of the token were changed after signing. Envoy itself refuses it, before the filter
    # gets the request.
    forged: bool = False
    # Seconds to wait before the call.
    wait: float = 0
    # What the approver says when the client is asked to open the page; without it, nobody opens it.
    approved: str = ""
    # How many records it leaves: a client that was asked to open a page calls again.
    records: int = 1

    @property
    def server(self) -> str:
        """The tool server, which is also the first path segment."""
        return self.tool.partition("/")[0]

    @property
    def name(self) -> str:
        """The tool's name on its server."""
        return self.tool.partition("/")[2]

    @property
    def permitted(self) -> bool:
        """Whether the call must be executed."""
        return self.decision == "PERMIT"


COPILOT = ("sales-copilot",)
SUPPORT = ("support-bot",)
FINANCE = ("finance-bot",)

ADA = {"account": "acme", "contact_id": "c-1"}
BEN = {"account": "acme", "contact_id": "c-2"}
TO_ADA = {"to": "ada@customer.example", "subject": "Our offer", "body": "Dear Ada, strictly between us"}


def permit(
    title: str,
    person: str,
    agents: tuple[str, ...],
    tool: str,
    arguments: dict[str, Any],
    policy: str,
    told: str,
    **how: Any,
) -> Scene:
    """A call that this policy must permit."""
    return Scene(title, person, agents, tool, arguments, "PERMIT", "permitted", (policy,), told, **how)


def forbid(
    title: str,
    person: str,
    agents: tuple[str, ...],
    tool: str,
    arguments: dict[str, Any],
    policy: str,
    told: str,
    **how: Any,
) -> Scene:
    """A call that this policy must refuse, with this message to the caller."""
    return Scene(title, person, agents, tool, arguments, "DENY", "forbidden", (policy,), told, **how)


def message(name: str, arguments: dict[str, Any], **meta: Any) -> dict[str, Any]:
    """The body of a tool call."""
    params = {"name": name, "arguments": arguments} | ({"_meta": meta} if meta else {})
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


# Most JSON parsers keep the last of two equal keys, some keep the first, and none reports an error.
READ_ADA = json.dumps(message("get_contact", ADA))
TWO_NAMES = READ_ADA.replace('"name": "get_contact"', '"name": "get_contact", "name": "delete_contact"')
LEGACY = {"mcp-protocol-version": "2025-11-25"}

# Since 2026-07-28 headers repeat values of the body, and a server may use either.
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
MODERN_READ_ADA = json.dumps(message("get_contact", ADA, **META))
TWO_ACCOUNTS = {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "get_contact",
    "mcp-param-account": "globex",
}

# A formatter would only make this table longer.
# fmt: off
CHAPTERS: dict[str, list[Scene]] = {
    "People and agents: both must have the right": [
        permit("a rep reads a contact", "alice", COPILOT, "crm/get_contact", ADA, "rep-reads-contacts", "Ada Park"),
        Scene("a person without a role, same agent", "gina", COPILOT, "crm/get_contact", ADA,
              "SILENCE", "not_permitted", (), "no policy permits this call"),
        Scene("a rep, but the agent is not made for contacts", "alice", FINANCE, "crm/get_contact", ADA,
              "SILENCE", "not_permitted", (), "no policy permits this call"),
    ],
    "Arguments decide": [
        permit("a rep updates a contact; what is private stays out of the log", "alice", COPILOT, "crm/update_contact",
               {**ADA, "stage": "qualified", "follow_up": "2099-01-05", "notes": "allergic to peanuts",
                "details": {"phone": "+49 30 1234567"}, "custom_fields": {"gift": "shoe size 47"}},
               "rep-updates-contacts", "qualified"),
        forbid("a rep declares the deal won", "alice", COPILOT, "crm/update_contact", {**ADA, "stage": "won"},
               "deals-are-won-by-managers", "Only a manager can set a contact to won"),
        permit("a manager does, with an older client", "bob", COPILOT, "crm/update_contact", {**ADA, "stage": "won"},
               "rep-updates-contacts", "won", client="legacy"),
        Scene("an argument that the tool never declared", "alice", COPILOT, "crm/get_contact",
              {**ADA, "as_user": "bob"}, "DENY", "invalid_arguments", (), "`as_user` is not known to the tool"),
    ],
    "Money": [
        permit("a refund under the limit", "alice", SUPPORT, "payments/refund",
               {"account": "acme", "payment_id": "p-2", "amount": 499.99, "reason": "damaged",
                "note": "bank details on paper"},
               "rep-refunds", "499.99"),
        forbid("a refund one cent higher", "alice", SUPPORT, "payments/refund",
               {"account": "acme", "payment_id": "p-2", "amount": 500, "reason": "damaged"},
               "refund-limit", "less than 500 EUR"),
        permit("an accountant looks at the payment", "dave", FINANCE, "payments/get_payment",
               {"account": "acme", "payment_id": "p-2"}, "accountant-reads-payments", "499.99"),
        forbid("and would like to refund some, too", "dave", FINANCE, "payments/refund",
               {"account": "acme", "payment_id": "p-2", "amount": 20, "reason": "goodwill"},
               "finance-agents-move-no-money", "Finance agents cannot move money"),
    ],
    "Mail": [
        permit("a rep drafts a mail to a customer", "alice", COPILOT, "mail/draft_email", TO_ADA,
               "rep-drafts-mail", "draft 1 saved"),
        forbid("but does not send it", "alice", COPILOT, "mail/send_email", TO_ADA,
               "outside-mail-by-managers", "Only a manager can send mail outside the company"),
        permit("a manager does", "bob", COPILOT, "mail/send_email", TO_ADA, "rep-sends-mail", "sent to ada@"),
    ],
    "What was done before: history, which no new session resets": [
        permit("a manager searches the contacts", "bob", COPILOT, "crm/search_contacts", {"account": "acme"},
               "rep-reads-contacts", "Ada Park"),
        forbid("and would mail what was found to somebody outside", "bob", COPILOT, "mail/send_email", TO_ADA,
               "no-outside-mail-after-searching", "mail only goes to colleagues"),
        permit("to a colleague it goes", "bob", COPILOT, "mail/send_email", {**TO_ADA, "to": "alice@acme.example"},
               "rep-sends-mail", "sent to alice@"),
        forbid("outside again, on a new connection in a new session", "bob", COPILOT, "mail/send_email", TO_ADA,
               "no-outside-mail-after-searching", "mail only goes to colleagues", client="legacy"),
        permit("once the search is long enough ago (an hour; here six seconds)", "bob", COPILOT, "mail/send_email",
               TO_ADA, "rep-sends-mail", "sent to ada@", wait=6),
    ],
    "Chains of agents, and neighbours": [
        forbid("an agent on probation only reads", "alice", ("intern-bot",), "crm/update_contact",
               {**ADA, "stage": "lost"}, "trainees-do-not-write", "can only read and draft"),
        forbid("an agent that nobody knows, behind a known one", "bob", ("sales-copilot", "free-bot"),
               "crm/get_contact", ADA, "approved-agents-only", "is not approved"),
        forbid("a deletion on behalf of another agent", "bob", ("sales-copilot", "planner"), "crm/delete_contact", BEN,
               "high-risk-only-directly", "Ask the agent you talk to"),
        permit("the same deletion, asked for directly", "bob", COPILOT, "crm/delete_contact", BEN,
               "manager-deletes-contacts", "deleted c-2"),
        forbid("a look at the neighbour's contacts", "carol", SUPPORT, "crm/get_contact", ADA,
               "own-account-only", "data of your own company"),
    ],
    "Attempts, sent as raw HTTP": [
        Scene("two tool names in one call", "alice", SUPPORT, "crm/get_contact", ADA, "DENY", "malformed_body",
              client="raw", headers=LEGACY, body=TWO_NAMES),
        Scene("the account in the header is not the one in the body", "alice", SUPPORT, "crm/get_contact", ADA,
              "DENY", "header_mismatch", client="raw", status=400, headers=TWO_ACCOUNTS, body=MODERN_READ_ADA),
        Scene("no token", None, (), "crm/get_contact", ADA, "DENY", "unauthenticated",
              told="a verified identity is required", client="raw", status=401, headers=LEGACY, body=READ_ADA),
        Scene("a token edited after signing", "alice", SUPPORT, "crm/get_contact", ADA, "DENY", "unauthenticated",
              told="Refused (unauthenticated): the", client="raw", status=401, headers=LEGACY, body=READ_ADA, forged=True),
    ],
}
# fmt: on

REFUND = {"account": "acme", "payment_id": "p-2", "amount": 600, "reason": "damaged"}
# The new bundle leaves larger refunds to the finance desk, where dave works.
APPROVALS = [
    permit("a refund that dave approves on the page; then the client completes the call by itself",
           "alice", SUPPORT, "payments/refund", REFUND, "rep-refunds", "1099.99", approved="I have seen the photos", records=2),
    Scene("the same refund once more: an approval is for one call", "alice", SUPPORT, "payments/refund", REFUND,
          "ESCALATE", "approval_required", ("refund-limit",), "A person can approve it", records=2),
    Scene("more than dave may approve", "alice", SUPPORT, "payments/refund", {**REFUND, "amount": 6000},
          "DENY", "approver_not_permitted", (), "the approver may not approve this call", approved="go ahead", records=2),
]

# The new bundle has the sales copilot in quarantine.
BRAKE = forbid(
    "the call of the first scene, now with the copilot in quarantine",
    "alice",
    COPILOT,
    "crm/get_contact",
    ADA,
    "quarantined-agents",
    "is in quarantine",
)
