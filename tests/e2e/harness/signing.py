"""Keys for signing bundles, and the trust settings of a filter for them."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness import bundles


class SigningKey:
    """An Ed25519 key, with its private part in a file."""

    def __init__(self, file: Path) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        file.write_bytes(private)
        self.file = file
        self.public = public.decode()


def document(bundle: Path, *signers: SigningKey, environment: str | None = None) -> dict[str, Any]:
    """The built document of a bundle, for an environment, signed with these keys."""
    options = [option for signer in signers for option in ("--sign", str(signer.file))]
    options += ["--environment", environment] if environment else []
    built: dict[str, Any] = json.loads(bundles.build(bundle, *options))
    return built


def trust(*keys: SigningKey, **demands: Any) -> dict[str, Any]:
    """The section `trust` of a filter that trusts these keys."""
    return {"keys": [{"public_key": key.public} for key in keys]} | demands
