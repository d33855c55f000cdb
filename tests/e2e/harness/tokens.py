"""The identity provider: a signing key, its JWKS, and tokens signed with it."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

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


class AnyIssuer:
    """Signs tokens by any of the algorithms that providers use: ES256, RS256 or EdDSA."""

    def __init__(self, issuer: str, algorithm: str) -> None:
        self.issuer = issuer
        self.algorithm = algorithm
        self._key = _generated(algorithm)

    def jwks(self) -> str:
        """The public key for Envoy's `local_jwks`."""
        kinds = {"ES256": jwt.algorithms.ECAlgorithm, "RS256": jwt.algorithms.RSAAlgorithm}
        algorithm = kinds.get(self.algorithm, jwt.algorithms.OKPAlgorithm)
        key = json.loads(algorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [key | {"kid": KEY_ID, "alg": self.algorithm, "use": "sig"}]})

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with these claims, and an end if they have none; a claim that is `None` is left out."""
        all_claims = {"iss": self.issuer, "exp": int(time.time()) + LIFETIME} | claims
        payload = json.dumps({name: value for name, value in all_claims.items() if value is not None}).encode()
        return jwt.api_jws.encode(payload, self._key, algorithm=self.algorithm, headers={"kid": KEY_ID} | header)


def _generated(algorithm: str) -> Any:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ed25519.Ed25519PrivateKey.generate()


class FastIssuer:
    """Signs tokens with a secret that it shares with Envoy, which takes microseconds."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._header = _base64(json.dumps({"alg": "HS256", "kid": KEY_ID}).encode())

    def jwks(self) -> str:
        """The secret for Envoy's `local_jwks`."""
        key = {"kty": "oct", "kid": KEY_ID, "alg": "HS256", "k": _base64(self._secret).decode()}
        return json.dumps({"keys": [key]})

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims, plus those that Envoy requires."""
        demanded = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + LIFETIME}
        signed = self._header + b"." + _base64(json.dumps(demanded | claims).encode())
        return (signed + b"." + _base64(hmac.digest(self._secret, signed, hashlib.sha256))).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
