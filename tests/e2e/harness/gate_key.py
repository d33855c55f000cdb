"""A key that a gate signs with, and assertions like its own."""

import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness import toolgate

TYPE = "toolgate-assertion+jwt"
HEADER = "toolgate-assertion"


class GateKey:
    """A private key in a file; the command makes its public form."""

    def __init__(self, file: Path) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.file = file
        file.write_text(self.pem)
        [key] = jwt.PyJWKSet.from_json(toolgate.run("keys", str(file))).keys
        self.kid = key.key_id

    @property
    def public_pem(self) -> bytes:
        """The public key, as an attacker has it."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """An assertion with these claims and this header, other than the gate's where it says so."""
        headers = {"typ": TYPE, "kid": self.kid} | header
        return jwt.encode(claims, self.private, algorithm="EdDSA", headers=headers)


def jwks(*keys: GateKey) -> str:
    """The public keys for a server."""
    return toolgate.run("keys", *(str(key.file) for key in keys))


def claims(assertion: str) -> dict[str, Any]:
    """What an assertion says, unverified."""
    said: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    return said


def expired(said: dict[str, Any]) -> dict[str, Any]:
    """The same an hour ago."""
    hour_ago = int(time.time()) - 3600
    return said | {"iat": hour_ago, "exp": hour_ago + 30}
