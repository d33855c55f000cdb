"""The demo's identity provider: prints a token for a person who works through an agent.

    python sign_in.py alice --agent support-bot
    python sign_in.py bob --agent sales-copilot --agent planner     the copilot works for the planner
    python sign_in.py alice --role operator                        with another role than the demo gives her

Real deployments get such tokens from an authorization server that does token exchange (RFC 8693);
the claims are the same. The key lives in `target/demo` and is made anew by every run of the demo.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

DIRECTORY = Path(__file__).resolve().parents[2] / "target" / "demo"
KEY_ID = "demo"
ISSUER = "https://id.acme.example"
AUDIENCE = "https://tools.acme.example"
LIFETIME = 3600

PEOPLE: dict[str, dict[str, Any]] = {
    "alice": {"roles": ["rep"], "tenant": "acme"},
    "bob": {"roles": ["manager"], "tenant": "acme"},
    "carol": {"roles": ["rep"], "tenant": "globex"},
    "dave": {"roles": ["accountant"], "tenant": "acme"},
    "gina": {"roles": [], "tenant": "acme"},
}


def new_key(directory: Path = DIRECTORY) -> None:
    """Creates the signing key, which only this module uses, and the public keys for Envoy."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = directory / "idp-key.pem"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    jwks = {"keys": [public | {"kid": KEY_ID, "alg": "ES256", "use": "sig"}]}
    (directory / "jwks.json").write_text(json.dumps(jwks))


def token(
    person: str, agents: tuple[str, ...] = (), directory: Path = DIRECTORY, *, roles: tuple[str, ...] = ()
) -> str:
    """Signs a token for a person and the agents acting for them, the current agent first; `roles` replace the person's."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + LIFETIME,
        "sub": person,
        **PEOPLE[person],
    }
    if roles:
        claims["roles"] = list(roles)
    # RFC 8693 nests actors: the outermost `act` is the current actor, each inner one preceded it.
    act: dict[str, Any] | None = None
    for agent in reversed(agents):
        act = {"sub": agent} | ({"act": act} if act else {})
    if act:
        claims["act"] = act
    key = (directory / "idp-key.pem").read_bytes()
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": KEY_ID})


def main() -> int:
    """Prints one token."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("person", choices=PEOPLE)
    parser.add_argument("--agent", action="append", default=[], help="the agent that acts, then those before it")
    parser.add_argument("--role", action="append", default=[], help="a role instead of the person's own")
    options = parser.parse_args()
    try:
        print(token(options.person, tuple(options.agent), roles=tuple(options.role)))
    except FileNotFoundError:
        print("there is no key yet: start the demo first", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
