"""A person who approves calls, on the pages of `toolgate approvals`, and the bundle that asks for it."""

import re
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

GATE = "https://gate.acme.example"
# What is added to the bundle: who approves, and who may.
SETTINGS = """
issuer: {gate}
approvals:
  service: {service}
  keys: [{key}]
  cluster: approvals
  timeout_ms: 2000
"""
POLICY = """
// The finance desk lifts the limit, up to 5,000 EUR.
@id("finance-desk-approves-refunds")
permit (principal in Role::"accountant", action == Action::"payments/refund/approve", resource)
when { context.escalation.groups.contains("finance-desk") && context.input.amount.lessThanOrEqual(decimal("5000.0")) };
"""
LIMIT = 'unless { context.input.amount.lessThan(decimal("500.0")) };'
CLUSTER = """
    - name: approvals
      type: STATIC
      connect_timeout: 1s
      load_assignment:
        cluster_name: approvals
        endpoints:
          - lb_endpoints:
              - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}
"""


def new_keys(directory: Path) -> dict[str, tuple[Path, str]]:
    """New keys of the gate and of the approval service: the file of the private key, and the public key in base64."""
    keys = {}
    for name in ("gate", "service"):
        key = ed25519.Ed25519PrivateKey.generate()
        private, public = directory / f"{name}-key.pem", directory / f"{name}-key.pub.pem"
        private.touch(mode=0o600)
        pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
        private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
        text = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        public.write_text(text)
        keys[name] = (private, "".join(text.splitlines()[1:-1]))
    return keys


def write_bundle(bundle: Path, directory: Path, service: str, key: str) -> None:
    """A copy of the bundle that leaves larger refunds to the finance desk."""
    shutil.copytree(bundle, directory)
    manifest = directory / "bundle.yaml"
    manifest.write_text(manifest.read_text() + SETTINGS.format(gate=GATE, service=service, key=key))
    policies = directory / "org" / "payments.cedar"
    text = policies.read_text()
    if text.count(LIMIT) != 1 or text.count('@id("refund-limit")') != 1:
        raise ValueError(f"{policies} has no limit of refunds, or several")
    text = text.replace('@id("refund-limit")', '@id("refund-limit")\n@escalate("finance-desk")')
    policies.write_text(text.replace(LIMIT, f"{LIMIT[:-1]}\nunless {{ context has approval }};") + POLICY)


def approve(page: str, reason: str) -> None:
    """Opens the page and sends its form, as the browser of the approver does."""
    opened = urllib.request.urlopen(page, timeout=10)
    found = re.search(r'name="token" value="(\w+)"', opened.read().decode())
    if found is None:
        raise ValueError(f"{page} has no form")
    form = urllib.parse.urlencode({"token": found[1], "decision": "approved", "reason": reason})
    origin = "/".join(page.split("/")[:3])
    headers = {"origin": origin, "sec-fetch-site": "same-origin"}
    # The gate names the page by its own id, and the service sends the browser on to that of the request.
    request = urllib.request.Request(opened.geturl(), form.encode(), headers)
    urllib.request.urlopen(request, timeout=10).read()
