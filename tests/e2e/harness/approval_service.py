"""The approval service as a process, and gates that ask it."""

import base64
import hashlib
import json
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness import paths
from harness.waiting import wait_until

NAME = "https://approvals.example"
REQUEST = "toolgate-approval-request+jwt"
APPROVAL = "toolgate-approval+jwt"

Json = dict[str, Any]


class Key:
    """An Ed25519 key whose parts are files."""

    def __init__(self, directory: Path, name: str) -> None:
        self._key = ed25519.Ed25519PrivateKey.generate()
        self.private, self.public = directory / f"{name}.pem", directory / f"{name}.pub.pem"
        pem = serialization.Encoding.PEM
        none = serialization.NoEncryption()
        self.private.write_bytes(self._key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public.write_bytes(self._key.public_key().public_bytes(pem, info))
        der = self._key.public_key().public_bytes(serialization.Encoding.DER, info)
        self.id = f"sha256:{hashlib.sha256(der).hexdigest()}"

    def sign(self, typ: str, claims: Json) -> str:
        """A JWS with these claims."""
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": typ, "kid": self.id})

    def read(self, typ: str, token: str) -> Json:
        """The claims of a JWS, which this key must have signed for this purpose."""
        assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": typ, "kid": self.id}
        options: Any = {"verify_aud": False}
        claims: Json = jwt.decode(token, self._key.public_key(), algorithms=["EdDSA"], options=options)
        return claims


def hash_of(value: Any) -> str:
    """SHA-256 of canonical JSON, of values whose canonical form Python writes, in base64url."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@dataclass
class Call:
    """A call that needs approval."""

    person: str = "alice"
    chain: tuple[str, ...] = ("support-bot", "planner")
    tool: str = "payments/refund"
    arguments: Json = field(default_factory=lambda: {"payment_id": "pay_81", "amount": 1200, "note": "[redacted]"})
    reasons: tuple[str, ...] = ("Refunds above 500 need a second person.",)
    iss: str = "acme-gate"

    def binding(self) -> Json:
        """What an approval of it is bound to."""
        return {
            "subject": {"type": "User", "id": self.person},
            "action": {"name": self.tool},
            "resource": {"type": "Payment", "id": "pay_81"},
            "context": {
                "tenant": "acme",
                "agent_type": "Agent",
                "chain": list(self.chain),
                "arguments": self.arguments,
                "arguments_digest": f"sha256:{'0' * 64}",
                "bundle": "acme@7",
                "bundle_digest": f"sha256:{'9' * 64}",
                "environment": "production",
                "proxy": "7d0c3f5a",
            },
        }

    def claims(self, **changes: Any) -> Json:
        """The claims of a gate's request for it."""
        now = int(time.time())
        binding = self.binding()
        details = {
            "groups": ["finance"],
            "policies": ["large-refund"],
            "reasons": list(self.reasons),
            "txn": "txn-2231",
        }
        times = {"iat": now, "exp": now + 600, "jti": str(uuid.uuid4())}
        own = {"iss": self.iss, "aud": NAME, "binding_hash": hash_of(binding), "details": details}
        return binding | own | times | changes

    def asked(self, key: Key, **changes: Any) -> Json:
        """The body of a gate's request for it, which the key signs."""
        return self.binding() | {"binding_token": key.sign(REQUEST, self.claims(**changes))}


@dataclass
class Service:
    """A running service."""

    url: str
    gate: Key
    key: Key
    directory: Path
    process: subprocess.Popen[bytes]

    def ask(self, call: Call, *, wait: int = 0, **changes: Any) -> httpx.Response:
        """Asks as a gate."""
        headers = {"prefer": f"wait={wait}"} if wait else {}
        return self.post(call.asked(self.gate, **changes), headers)

    def post(self, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """Posts any body to where gates ask."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json"} | (headers or {})
        return httpx.post(f"{self.url}/access-requests", content=content, headers=given, timeout=70)

    def page(self, path: str = "/", **who: Any) -> httpx.Response:
        """A page, as this person."""
        return httpx.get(f"{self.url}{path}", headers=signed_in(**who), timeout=10)

    def waiting(self, **who: Any) -> list[str]:
        """The paths of the requests that wait, as a page lists them."""
        return re.findall(r'href="(/requests/\w+)"', self.page(**who).text)

    def decide(self, path: str, decision: str, reason: str = "", **changes: Any) -> httpx.Response:
        """Sends the form of a page, with other headers or members if so given."""
        who = changes.pop("who", {"sub": "carol"})
        token = re.search(r'name="token" value="(\w+)"', self.page(path, **who).text)
        form = {"token": token[1] if token else "", "decision": decision, "reason": reason}
        form |= changes.pop("form", {})
        headers = signed_in(**who) | {"origin": self.url, "sec-fetch-site": "same-origin"}
        headers |= changes.pop("headers", {})
        kept = {name: value for name, value in headers.items() if value is not None}
        return httpx.post(f"{self.url}{path}", data=form, headers=kept, timeout=10)

    def approval(self, answer: httpx.Response) -> Json:
        """The signed decision in an answer."""
        return self.key.read(APPROVAL, answer.json()["approval"])

    def log(self) -> list[Json]:
        """What the service has written to stdout."""
        return [json.loads(line) for line in (self.directory / "stdout").read_text().splitlines()]


def signed_in(**claims: Any) -> dict[str, str]:
    """The header that a proxy sets."""
    claims = claims or {"sub": "carol"}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return {"x-approver": payload}


@contextmanager
def serving(directory: Path, *options: str, keys: tuple[Key, Key] | None = None) -> Iterator[Service]:
    """A service with new keys for it and for a gate, or with these."""
    directory.mkdir(parents=True, exist_ok=True)
    gate, key = keys or (Key(directory, "gate"), Key(directory, "service"))
    approver = () if "--approver" in options else ("--approver-header", "x-approver")
    command = [
        *(str(paths.TOOLGATE), "approvals", "--listen", "127.0.0.1:0", "--name", NAME),
        *("--key", str(key.private), "--gate-key", str(gate.public), *approver, *options),
    ]
    stderr = directory / "stderr"
    with (directory / "stdout").open("wb") as out, stderr.open("wb") as error:
        process = subprocess.Popen(command, stdout=out, stderr=error)
    try:
        url = wait_until(lambda: _address(process, stderr), "the approval service")
        yield Service(url, gate, key, directory, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(process: subprocess.Popen[bytes], stderr: Path) -> str | None:
    text = stderr.read_text()
    assert process.poll() is None, text
    found = re.search(r"on (http://\S+?)/", text)
    return found[1] if found else None
