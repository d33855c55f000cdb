"""Generates the bundle and the answers of a server with 50 tools, for the measurements of responses.

Ten policies, as in the other measurements. They hide 14 of the 50 tools from the caller, whatever the arguments, and
withhold one of two labels of a result.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from parts import organisation

Json = dict[str, Any]

SERVER = "crm"
PATH = f"/{SERVER}/mcp"
CALLED = "search_contact"
CONTACTS = 20
WITHHELD = "[withheld: pii]"

POLICIES = """\
@id("rep-reads")
permit (principal in Role::"rep", action in Action::"class:read", resource)
when { context.actor in AgentClass::"support" };

@id("rep-writes")
permit (principal in Role::"rep", action in Action::"class:write", resource)
when { context.actor in AgentClass::"support" };

@id("manager-does-everything")
permit (principal in Role::"manager", action in Action::"server:crm", resource);

@id("no-agent-writes-contracts")
forbid (principal, action in Action::"class:binding", resource)
unless { context.actor in AgentClass::"finance" };

@id("own-tenant")
forbid (principal, action, resource)
unless { context.input.account == principal.tenant };

@id("frozen")
forbid (principal in Group::"frozen", action, resource);

@id("trainees-only-read")
forbid (principal, action in Action::"class:write", resource)
when { context.actor in AgentClass::"trainee" };

@id("no-long-chains")
forbid (principal, action in Action::"server:crm", resource)
when { context.delegation.depth > 3 };

@id("rep-sees-money")
permit (principal in Role::"rep", action in Action::"reveal:financial", resource);

@id("manager-sees-people")
permit (principal in Role::"manager", action in Action::"reveal:pii", resource);
"""

LABELS = {
    "pii": ["contacts[].email", "contacts[].phones[]", "contacts[].address.street"],
    "financial": ["contacts[].credit"],
}

# What the server knows, and how a record of it is described.
RECORDS = {
    "account": "a company that buys from us or could, with its industry, its size and the person who looks after it",
    "contact": "a person at a company, with the ways to reach them and what they agreed to be contacted about",
    "deal": "a sale that is being negotiated, with its stage, its probability and the products that are offered",
    "invoice": "a demand for payment, with its lines, its taxes, the date when it is due and what has been paid",
    "contract": "an agreement that binds both sides, with its term, its notice period and the people who signed it",
    "ticket": "a question or complaint of a customer, with its messages, its priority and the team that answers it",
    "task": "something that somebody has to do, with the date when it is due and the record that it belongs to",
    "note": "a text that somebody wrote about a customer after a call, a visit or a message, with its author",
    "campaign": "a series of messages to many people, with its audience, its schedule and how it was received",
    "product": "something that is sold, with its prices in every currency, its variants and its availability",
}
VERBS = {
    "search": "Searches for every {record} that fits all of the given filters, and returns a page of them with the "
    "fields that lists show. Use it when the id is not known. Ask for the next page with the cursor of this one.",
    "get": "Returns one {record} with all of its fields and the ids of what belongs to it. Use it after a search, "
    "or when the user names an id. It fails if there is none with this id, or if it was merged into another one.",
    "create": "Creates one {record} and returns it with its new id. Search before, so that nothing is entered twice. "
    "Fields that are left out get the defaults of the account. Nobody is notified unless you ask for it.",
    "update": "Changes fields of one {record} and returns all of it as it is afterwards. Only the fields that are "
    "given change; a field that is null is emptied. Changes can be undone for thirty days.",
    "delete": "Deletes one {record} and everything that belongs only to it. This cannot be undone. Ask the user to "
    "confirm it with the name of what is deleted, and prefer to archive it with an update.",
}
CLASSES = {"search": "read", "get": "read", "create": "write", "update": "write", "delete": "delete"}
BINDING = ("invoice", "contract")

ACCOUNT = {"type": "string", "description": "The id of the customer's account, such as `acme`."}
ID = {"type": "string", "description": "The id, as a search returns it.", "pattern": "^[a-z]+-[0-9a-f]{8}$"}
FIELDS = {
    "type": "object",
    "description": "The fields by name. Dates are written as 2026-05-31, amounts in the account's currency.",
    "properties": {
        "title": {"type": "string", "description": "A short name for lists.", "maxLength": 200},
        "owner": {"type": "string", "description": "The id of the user who looks after it."},
        "status": {"type": "string", "enum": ["draft", "open", "waiting", "closed", "archived"]},
        "due": {"type": "string", "description": "The date when something has to happen.", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}, "description": "Words for filters.", "maxItems": 20},
    },
}
NOTIFY = {"type": "boolean", "description": "Whether the owner gets a message.", "default": False}
QUERY = {"type": "string", "description": "Words that must occur in any field.", "maxLength": 500}
LIMIT = {"type": "integer", "description": "The most entries of a page.", "minimum": 1, "maximum": 100, "default": 20}
CURSOR = {"type": "string", "description": "The cursor of the previous page."}
ARGUMENTS: dict[str, Json] = {
    "search": {"query": QUERY, "filter": FIELDS, "limit": LIMIT, "cursor": CURSOR},
    "get": {"id": ID},
    "create": {"fields": FIELDS, "notify": NOTIFY},
    "update": {"id": ID, "fields": FIELDS, "notify": NOTIFY},
    "delete": {"id": ID, "notify": NOTIFY},
}
OPTIONAL = ("filter", "limit", "cursor", "notify")


def tools() -> list[Json]:
    """The 50 tools, as their server lists them."""
    return [_tool(verb, record) for record in RECORDS for verb in VERBS]


def list_answer() -> Json:
    """The answer to `tools/list`."""
    return _list(tools())


def list_for_caller() -> Json:
    """What the policies leave of it."""
    hidden = {"delete", "binding"}
    return _list([tool for tool in tools() if hidden.isdisjoint(_marks(*tool["name"].split("_"))["classes"])])


def call_answer() -> Json:
    """The answer to the call: data, and a text that repeats it."""
    return _result([_contact(number) for number in range(CONTACTS)])


def call_for_caller() -> Json:
    """What the policies leave of it."""
    contacts = [_contact(number) for number in range(CONTACTS)]
    for contact in contacts:
        contact["email"] = contact["address"]["street"] = WITHHELD
        contact["phones"] = [WITHHELD for _ in contact["phones"]]
    return _result(contacts)


@cache
def bundle() -> Path:
    """The directory of the bundle."""
    marks = {tool["name"]: _marks(*tool["name"].split("_")) for tool in tools()}
    marks[CALLED]["labels"] = LABELS
    servers = {SERVER: {"tools_from": f"tools/{SERVER}.json", "tools": marks}}
    manifest = organisation.manifest(servers, version=1)
    return organisation.write("customers", manifest, {SERVER: tools()}, {"own": POLICIES})


def _list(listed: list[Json]) -> Json:
    return {"jsonrpc": "2.0", "id": 1, "result": {"tools": listed}}


def _result(contacts: list[Json]) -> Json:
    data = {"contacts": contacts, "total": len(contacts)}
    text = {"type": "text", "text": json.dumps(data)}
    return {"jsonrpc": "2.0", "id": 1, "result": {"content": [text], "structuredContent": data}}


def _tool(verb: str, record: str) -> Json:
    arguments = {"account": ACCOUNT} | ARGUMENTS[verb]
    schema = {
        "type": "object",
        "properties": arguments,
        "required": [name for name in arguments if name not in OPTIONAL],
        "additionalProperties": False,
    }
    description = VERBS[verb].format(record=record)
    return {
        "name": f"{verb}_{record}",
        "title": f"{verb.capitalize()} {record}",
        "description": f"{description} A {record} is {RECORDS[record]}.",
        "inputSchema": schema,
        "annotations": {"readOnlyHint": CLASSES[verb] == "read", "destructiveHint": verb == "delete"},
    }


def _marks(verb: str, record: str) -> Json:
    binding = ["binding"] if record in BINDING and CLASSES[verb] == "write" else []
    return {"classes": [CLASSES[verb], *binding]}


def _contact(number: int) -> Json:
    return {
        "id": f"contact-{number:08x}",
        "name": f"Person {number}",
        "title": "Head of Purchasing",
        "company": "Acme Industries GmbH",
        "email": f"person.{number}@acme.example",
        "phones": [f"+49 30 5550{number:04}", f"+49 170 5551{number:04}"],
        "address": {"street": f"Long Street {number}", "city": "Berlin", "postcode": "10115", "country": "DE"},
        "credit": {"limit": 5000 + number, "used": 120.5, "currency": "EUR"},
        "tags": ["customer", "newsletter", "conference-2026"],
        "owner": "user-0000002a",
        "last_contacted": "2026-05-31T09:30:00Z",
        "notes": "Asked for a new offer after the summer. Prefers calls in the morning, and written summaries.",
    }
