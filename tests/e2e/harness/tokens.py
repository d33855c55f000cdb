"""The identity provider: a signing key, its JWKS, and tokens signed with it."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "https://id.acme.example"
AUDIENCE = "https://tools.acme.example"
KEY_ID = "e2e"
LIFETIME = 3600


class TokenIssuer:
    """Signs tokens with a key created for this run."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> str:
        """The public key for Envoy's `local_jwks`."""
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [key | {"kid": KEY_ID, "alg": "ES256", "use": "sig"}]})

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with exactly these claims, plus those that Envoy requires if they are missing."""
        demanded = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + LIFETIME}
        return self.sign_bytes(json.dumps(demanded | claims).encode())

    def sign_bytes(self, payload: bytes) -> str:
        """A token with this payload, without any checks."""
        return jwt.api_jws.encode(payload, self._key, algorithm="ES256", headers={"kid": KEY_ID})
