"""An approval service that a test controls, and the keys of the test bundle `approvals`."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

SERVICE = "https://approvals.acme.example"
GATE = "https://gate.acme.example"
REQUEST = "toolgate-approval-request+jwt"
APPROVAL = "toolgate-approval+jwt"
HEADER = "toolgate-approval"
SIGNING_KEY = "TOOLGATE_SIGNING_KEY"
CAROL = {"sub": "carol", "tenant": "acme", "roles": ["finance"]}

Json = dict[str, Any]


class Key:
    """An Ed25519 key whose 32 bytes are all the same number."""

    def __init__(self, number: int) -> None:
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number] * 32))

    @property
    def private(self) -> str:
        """The base64 of PKCS#8."""
        none = serialization.NoEncryption()
        der = self._key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, none)
        return base64.b64encode(der).decode()

    @property
    def _public_der(self) -> bytes:
        public = self._key.public_key()
        return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def public(self) -> str:
        """The base64 of the public key."""
        return base64.b64encode(self._public_der).decode()

    @property
    def id(self) -> str:
        """The id by which gates and services know the key."""
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self._public_der)
        return f"sha256:{digest.finalize().hex()}"

    def sign(self, typ: str, claims: Json, **header: Any) -> str:
        """A JWS; members of the header can be replaced."""
        fields = {"typ": typ, "kid": self.id} | header
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers=fields)

    def read(self, jws: str) -> Json:
        """The claims of a JWS that the key has signed."""
        options = {"verify_aud": False}
        claims: Json = jwt.decode(jws, self._key.public_key(), algorithms=["EdDSA"], options=options)
        return claims


GATE_KEY = Key(1)
SIGNER = Key(9)


def approval(request: str, **changes: Any) -> Json:
    """The claims of an approval of this request by Carol, with some of them replaced."""
    now = int(time.time())
    claims = {
        "iss": SERVICE,
        "aud": GATE,
        "iat": now,
        "exp": now + 300,
        "jti": "a-1",
        "request": request,
        "decision": "approved",
        "approver": CAROL,
        "reason": "agreed on the phone",
    }
    return claims | changes


def approved(request: str, **changes: Any) -> str:
    """The signed approval of this request."""
    return SIGNER.sign(APPROVAL, approval(request, **changes))


# Answers a question: the status, and the body.
Answers = Callable[[Json], tuple[int, bytes]]


class ApprovalService:
    """The service; a context manager. It answers what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                service.asked.append((self.path, dict(self.headers), asked))
                status, body = service.answers(asked)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.answers: Answers = pending
        self.asked: list[tuple[str, dict[str, str], Json]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def pending(_: Json) -> tuple[int, bytes]:
    """Nobody has decided."""
    return 202, b'{"status":"pending"}'


def approves(asked: Json) -> tuple[int, bytes]:
    """Carol approves everything."""
    signed = approved(asked["binding_token"])
    return 200, json.dumps({"status": "approved", "approval": signed}).encode()


def cluster(port: int) -> Json:
    """The cluster of the service, as the bundle names it."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "name": "approvals",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "approvals",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def with_key(resource: bytes, key: str) -> bytes:
    """The resource of a bundle, whose filter gets this key to sign with."""
    changed = json.loads(resource)
    [plugin] = [each["typed_config"]["config"] for each in changed["resources"]]
    plugin["vm_config"]["environment_variables"] = {"key_values": {SIGNING_KEY: key}}
    return json.dumps(changed).encode()
