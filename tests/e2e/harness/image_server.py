"""Serves an OCI image layout read-only, like a registry."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@contextmanager
def serve(layout: Path) -> Iterator[str]:
    """The address of a server with the layout under every name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(layout, self.path)
            if found is None:
                self.send_error(404)
                return
            media_type, content = found
            self.send_response(200)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Discards log messages."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(layout: Path, path: str) -> tuple[str, bytes] | None:
    """Media type and content of a manifest, a blob, or the list of a manifest's referrers."""
    index = json.loads((layout / "index.json").read_text())
    *_, kind, digest = path.split("/")
    if kind == "referrers":
        referring = [each for each in index["manifests"] if subject(layout, each["digest"]) == digest]
        return index["mediaType"], json.dumps(index | {"manifests": referring}).encode()
    media_types = {each["digest"]: each["mediaType"] for each in index["manifests"]}
    content = blob(layout, digest)
    if kind not in ("manifests", "blobs") or content is None or (kind == "manifests") != (digest in media_types):
        return None
    return media_types.get(digest, "application/octet-stream"), content


def subject(layout: Path, digest: str) -> str | None:
    """The digest that a manifest refers to as its subject."""
    manifest = json.loads(blob(layout, digest) or b"{}")
    found = manifest.get("subject", {}).get("digest")
    return str(found) if found else None


def blob(layout: Path, digest: str) -> bytes | None:
    """The content with this digest."""
    file = layout / "blobs" / digest.replace(":", "/")
    content = file.read_bytes() if file.is_file() else None
    assert content is None or f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content
