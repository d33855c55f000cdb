"""The image contains only the filter, and every OCI client can pull it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import acme, image_server, paths
from harness.gateway import open_gateway
from harness.tokens import TokenIssuer


def build(layout: Path) -> dict[str, str]:
    """The digests of the images that `make image` builds, by tag."""
    command = [sys.executable, str(paths.REPOSITORY / "envoy" / "image.py"), str(paths.TOOLGATE_WASM), str(layout)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    lines = (line.removeprefix(f"{layout}:").split() for line in result.stdout.splitlines())
    return dict((tag, digest) for tag, digest in lines)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image layout."""
    directory = tmp_path_factory.mktemp("layout")
    build(directory)
    return directory


def test_the_same_filter_gives_the_same_image(layout: Path, tmp_path: Path) -> None:
    build(tmp_path)
    files = {file.relative_to(layout) for file in layout.rglob("*") if file.is_file()}
    assert files == {file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()}
    assert all((layout / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_a_stock_client_pulls_the_filter(architecture: str, layout: Path, tmp_path: Path) -> None:
    [digest] = [digest for tag, digest in build(layout).items() if tag.endswith(architecture)]
    with image_server.serve(layout) as server:
        script = str(paths.E2E / "clients" / "pull.py")
        command = [str(paths.python("image")), script, f"{server}/toolgate@{digest}", str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "plugin.wasm").read_bytes() == paths.TOOLGATE_WASM.read_bytes()
    materials = json.loads((tmp_path / "materials.json").read_text())
    names = {part["name"] for part in materials["components"]}
    # Only linked packages: none that only run in the compiler, or that only the command or the tests use.
    assert {"cedar-policy", "proxy-wasm"} <= names
    assert not {"serde_derive", "clap", "insta"} & names
    assert all(part["hashes"] for part in materials["components"])


def test_the_filter_of_the_image_runs_in_envoy(
    layout: Path, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str
) -> None:
    [digest, *_] = build(layout).values()
    with image_server.serve(layout) as server:
        script = str(paths.E2E / "clients" / "pull.py")
        pulled = tmp_path / "pulled"
        pulled.mkdir()
        subprocess.run(
            [str(paths.python("image")), script, f"{server}/toolgate@{digest}", str(pulled)], timeout=60, check=True
        )
    resource = bundle.replace(str(paths.TOOLGATE_WASM).encode(), str(pulled / "plugin.wasm").encode())
    assert resource != bundle
    with open_gateway(tmp_path / "gateway", issuer, resource) as gateway, gateway.client("h1") as client:
        assert client.send(acme.permitted(alice)).status == 200
        assert client.send(acme.permitted(None)).status == 401
