"""Acme's tool servers: crm, payments and mail, three MCP servers in one process.

They are ordinary servers written with the official SDK and know nothing of Toolgate.
Data lives in memory, belongs to two tenants, and is really changed by calls.

    python server.py --port 8000          serve /crm/mcp, /payments/mcp and /mail/mcp
    python server.py --capture DIR        write what each server answers to tools/list

GET /executed lists every call that reached a tool, so a test can prove what ran and what did not.
Made for mcp 2.x, which serves the 2026-07-28 protocol and the older ones; runs under mcp 1.30 as well.
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import uvicorn
from pydantic import BaseModel, Field, WithJsonSchema
from pydantic_core import to_jsonable_python
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

try:
    from mcp.server.mcpserver import MCPServer as Server
    from mcp.server.mcpserver.exceptions import ToolError
except ModuleNotFoundError:  # mcp 1.x, where the same class has another name
    from mcp.server.fastmcp import FastMCP as Server
    from mcp.server.fastmcp.exceptions import ToolError

EXECUTED: list[dict[str, Any]] = []


class RecordingServer(Server):
    """A tool server that records each call with the gate's decision before running it."""

    async def call_tool(self, name: str, arguments: dict[str, Any], *context: Any) -> Any:
        request = (context[0] if context else self.get_context()).request_context.request
        EXECUTED.append(
            {
                "server": self.name,
                "tool": name,
                "arguments": arguments,
                "decision": request.headers.get("toolgate-decision"),
                "identity": request.headers.get("toolgate-identity"),
            }
        )
        return await super().call_tool(name, arguments, *context)


crm = RecordingServer("crm", instructions="Contacts of the sales teams.")
payments = RecordingServer("payments", instructions="Card payments and refunds.")
mail = RecordingServer("mail", instructions="Mail in the name of the person you work for.")
SERVERS = (crm, payments, mail)

# ---- argument types -------------------------------------------------------------------------

# `x-mcp-header` makes clients of the 2026-07-28 protocol repeat the value as `Mcp-Param-Account`,
# so that a proxy can route by tenant. A proxy must then check that header and body agree.
Account = Annotated[
    str,
    Field(description="tenant that owns the data", json_schema_extra={"x-mcp-header": "Account"}),
]
ContactId = Annotated[str, Field(pattern=r"^c-\d+$", description="such as c-1")]
# A single address on one line: rejects values that a lenient mail server could read as two.
Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$", description="such as ada@customer.example")]
Subject = Annotated[str, Field(pattern=r"^[^\r\n]+$")]
PaymentId = Annotated[str, Field(pattern=r"^p-\d+$", description="such as p-1")]
Stage = Literal["lead", "qualified", "won", "lost"]
# By default, pydantic's schema for a Decimal is `number or string`; callers only need the number.
Amount = Annotated[
    Decimal,
    Field(gt=0, max_digits=9, decimal_places=2),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "description": "in EUR, at most two decimals"}),
]


class ContactDetails(BaseModel):
    """How to reach a contact."""

    email: str | None = None
    phone: str | None = None


class Contact(BaseModel):
    """One person in the address book of a tenant."""

    contact_id: str
    account: str
    name: str
    stage: Stage = "lead"
    details: ContactDetails = ContactDetails()
    follow_up: date | None = None
    notes: str = ""
    tags: set[str] = set()
    custom_fields: dict[str, Any] = {}


class Payment(BaseModel):
    """One card payment and what was given back of it."""

    payment_id: str
    account: str
    amount: Decimal
    refunded: Decimal = Decimal(0)


class Mail(BaseModel):
    """One message, in the outbox or among the drafts."""

    to: str
    cc: set[str] = set()
    subject: str
    body: str


CONTACTS = {
    contact.contact_id: contact
    for contact in (
        Contact(
            contact_id="c-1", account="acme", name="Ada Park", details=ContactDetails(email="ada@customer.example")
        ),
        Contact(contact_id="c-2", account="acme", name="Ben Roth", stage="qualified"),
        Contact(contact_id="c-3", account="globex", name="Cleo Sand", notes="renewal in spring"),
    )
}
PAYMENTS = {
    payment.payment_id: payment
    for payment in (
        Payment(payment_id="p-1", account="acme", amount=Decimal("480.00")),
        Payment(payment_id="p-2", account="acme", amount=Decimal("1200.00")),
        Payment(payment_id="p-3", account="globex", amount=Decimal("99.00")),
    )
}
DRAFTS: list[Mail] = []
OUTBOX: list[Mail] = []

Row = TypeVar("Row", Contact, Payment)


def owned(table: dict[str, Row], key: str, account: str) -> Row:
    """Finds a row of this tenant; a row of another tenant is treated as missing."""
    row = table.get(key)
    if row is None or row.account != account:
        raise ToolError(f"no `{key}` in this account")
    return row


# ---- crm ------------------------------------------------------------------------------------


@crm.tool()
def get_contact(account: Account, contact_id: ContactId) -> Contact:
    """Reads one contact."""
    return owned(CONTACTS, contact_id, account)


@crm.tool()
def search_contacts(
    account: Account,
    query: Annotated[str, Field(max_length=100)] = "",
    stage: Stage | None = None,
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
) -> list[Contact]:
    """Finds contacts by a part of their name and by stage."""
    found = [
        contact
        for contact in CONTACTS.values()
        if contact.account == account and query.lower() in contact.name.lower() and stage in (None, contact.stage)
    ]
    return found[:limit]


@crm.tool()
def update_contact(
    account: Account,
    contact_id: ContactId,
    stage: Stage | None = None,
    details: ContactDetails | None = None,
    follow_up: date | None = None,
    notes: Annotated[str, Field(max_length=2000)] | None = None,
    tags: list[str] | None = None,
    custom_fields: dict[str, Any] | None = None,
) -> Contact:
    """Changes the given fields of a contact and leaves the others as they are."""
    contact = owned(CONTACTS, contact_id, account)
    changes = {
        "stage": stage,
        "details": details,
        "follow_up": follow_up,
        "notes": notes,
        "tags": None if tags is None else set(tags),
        "custom_fields": custom_fields,
    }
    updated = contact.model_copy(update={name: value for name, value in changes.items() if value is not None})
    CONTACTS[contact_id] = updated
    return updated


@crm.tool()
def delete_contact(account: Account, contact_id: ContactId) -> str:
    """Deletes a contact for good."""
    owned(CONTACTS, contact_id, account)
    del CONTACTS[contact_id]
    return f"deleted {contact_id}"


# ---- payments -------------------------------------------------------------------------------


@payments.tool()
def get_payment(account: Account, payment_id: PaymentId) -> Payment:
    """Reads one payment."""
    return owned(PAYMENTS, payment_id, account)


@payments.tool()
def refund(
    account: Account,
    payment_id: PaymentId,
    amount: Amount,
    reason: Literal["duplicate", "damaged", "goodwill"],
    note: str | None = None,
) -> Payment:
    """Gives money back to the customer."""
    payment = owned(PAYMENTS, payment_id, account)
    if payment.refunded + amount > payment.amount:
        raise ToolError(f"only {payment.amount - payment.refunded} EUR of `{payment_id}` are left to refund")
    payment.refunded += amount
    return payment


# ---- mail -----------------------------------------------------------------------------------


@mail.tool()
def draft_email(to: Address, subject: Subject, body: str, cc: list[Address] | None = None) -> str:
    """Puts a message among the drafts, for a person to look at."""
    DRAFTS.append(Mail(to=to, cc=set(cc or ()), subject=subject, body=body))
    return f"draft {len(DRAFTS)} saved"


@mail.tool()
def send_email(to: Address, subject: Subject, body: str, cc: list[Address] | None = None) -> str:
    """Sends a message to one recipient, with copies to others."""
    OUTBOX.append(Mail(to=to, cc=set(cc or ()), subject=subject, body=body))
    return f"sent to {to}"


# ---- serving --------------------------------------------------------------------------------


def http_app(server: Server) -> Starlette:
    """One server as an ASGI application at /mcp, suited to curl: one request per call, answered with JSON."""
    if hasattr(server.settings, "json_response"):  # mcp 1.x
        server.settings.json_response = True
        server.settings.stateless_http = True
        return server.streamable_http_app()
    return server.streamable_http_app(json_response=True, stateless_http=True)


def application() -> Starlette:
    """All three servers, and the list of executed calls."""
    mounts = [Mount(f"/{server.name}", http_app(server)) for server in SERVERS]

    @contextlib.asynccontextmanager
    async def sessions(_: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for server in SERVERS:
                await stack.enter_async_context(server.session_manager.run())
            yield

    async def executed(_: Any) -> JSONResponse:
        return JSONResponse(to_jsonable_python(EXECUTED))

    return Starlette(routes=[Route("/executed", executed), *mounts], lifespan=sessions)


async def capture(directory: Path) -> None:
    """Captures each server's response to tools/list, from which `toolgate inventory` generates tools files."""
    directory.mkdir(parents=True, exist_ok=True)
    for server in SERVERS:
        tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in await server.list_tools()]
        (directory / f"{server.name}.json").write_text(json.dumps({"tools": tools}, indent=2) + "\n")


def main() -> None:
    """Serves or captures, depending on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--capture", type=Path, metavar="DIR")
    options = parser.parse_args()
    if options.capture:
        asyncio.run(capture(options.capture))
    else:
        uvicorn.run(application(), host="127.0.0.1", port=options.port, log_level="info")


if __name__ == "__main__":
    main()
