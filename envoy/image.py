"""Packs the filter as an OCI image layout, with its bill of materials (CycloneDX).

The image has one layer with one file, `plugin.wasm`, which Istio, Envoy Gateway and image volumes of Kubernetes read.
It is the same for every machine, but runtimes look for an image of their own architecture, so there are two that
differ in that word only. The build is reproducible: the same filter gives the same bytes, without any timestamps.

    python3 envoy/image.py target/toolgate.wasm target/image
"""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
# The target of the filter's build, as in the Makefile.
TARGET = ["--filter-platform", "wasm32-wasip1", "--no-default-features"]
ARCHITECTURES = ("amd64", "arm64")

OCI = "application/vnd.oci.image"
MANIFEST = f"{OCI}.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
ANNOTATION = "org.opencontainers.image"

Json = dict[str, Any]


def main(filter_path: str, layout: str) -> None:
    """Writes the layout, and prints the references of its images."""
    code = Path(filter_path).read_bytes()
    metadata = cargo_metadata()
    [root] = [each for each in metadata["packages"] if each["id"] == metadata["resolve"]["root"]]
    blobs = Blobs(Path(layout))
    layer = archive(code)
    packed = blobs.add(f"{OCI}.layer.v1.tar+gzip", gzip.compress(layer, mtime=0))
    materials = blobs.add_json(CYCLONEDX, bill_of_materials(metadata, root, code))
    empty = blobs.add(EMPTY, b"{}")
    images = []
    for architecture in ARCHITECTURES:
        rootfs = {"type": "layers", "diff_ids": [digest(layer)]}
        config = blobs.add_json(
            f"{OCI}.config.v1+json", {"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}
        )
        image = blobs.add_json(MANIFEST, manifest(config, packed, annotations=annotations(root)))
        about = manifest(empty, materials, artifactType=CYCLONEDX, subject=image)
        images.append((f"{root['version']}-{architecture}", image))
        blobs.referrers.append(blobs.add_json(MANIFEST, about) | {"artifactType": CYCLONEDX})
    blobs.finish(images)
    for reference, image in images:
        print(f"{layout}:{reference} {image['digest']}")


class Blobs:
    """An image layout while it is written; every blob is named by its digest."""

    def __init__(self, layout: Path) -> None:
        self.referrers: list[Json] = []
        self._layout = layout
        self._directory = layout / "blobs" / "sha256"
        self._directory.mkdir(parents=True, exist_ok=True)
        for old in self._directory.iterdir():
            old.unlink()

    def add(self, media_type: str, content: bytes) -> Json:
        """Writes a blob, and returns its descriptor."""
        name = digest(content)
        (self._directory / name.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": media_type, "digest": name, "size": len(content)}

    def add_json(self, media_type: str, value: Json) -> Json:
        """Writes a document as a blob, and returns its descriptor."""
        return self.add(media_type, encoded(value))

    def finish(self, images: list[tuple[str, Json]]) -> None:
        """Writes the index: images by reference, and their referrers."""
        named = [image | {"annotations": {f"{ANNOTATION}.ref.name": name}} for name, image in images]
        index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": named + self.referrers}
        (self._layout / "index.json").write_bytes(encoded(index))
        (self._layout / "oci-layout").write_bytes(encoded({"imageLayoutVersion": "1.0.0"}))


def archive(code: bytes) -> bytes:
    """A tar archive with the filter under the file name of plugins."""
    file = tarfile.TarInfo("plugin.wasm")
    file.size = len(code)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(file, io.BytesIO(code))
    return buffer.getvalue()


def manifest(config: Json, layer: Json, **more: Any) -> Json:
    """A manifest with one layer."""
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], **more}


def annotations(root: Json) -> Json:
    """The package's metadata as annotations."""
    keys = {"title": "name", "description": "description", "version": "version", "licenses": "license"}
    return {f"{ANNOTATION}.{key}": root[name] for key, name in keys.items()}


def cargo_metadata() -> Json:
    """Cargo's metadata of the filter's build."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *TARGET]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed:\n{result.stderr}")
    parsed: Json = json.loads(result.stdout)
    return parsed


def bill_of_materials(metadata: Json, root: Json, code: bytes) -> Json:
    """Every package whose code is in the filter, with its dependencies."""
    packages = {each["id"]: each for each in metadata["packages"]}
    needs = linked(metadata, packages)
    lock = tomllib.loads((REPOSITORY / "Cargo.lock").read_text())
    hashes = {(each["name"], each["version"]): each.get("checksum") for each in lock["package"]}
    whole = component(root) | {"type": "application", "hashes": [sha256(hashlib.sha256(code).hexdigest())]}
    parts = []
    for package in (packages[name] for name in needs if name != root["id"]):
        checksum = hashes[package["name"], package["version"]]
        parts.append(component(package) | {"hashes": [sha256(checksum)] if checksum else []})
    graph = [
        {"ref": purl(packages[name]), "dependsOn": sorted(purl(packages[need]) for need in needed)}
        for name, needed in needs.items()
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": whole},
        "components": sorted(parts, key=lambda part: str(part["bom-ref"])),
        "dependencies": sorted(graph, key=lambda node: str(node["ref"])),
    }


def built() -> set[tuple[str, str]]:
    """The packages of the filter's build, by name and version. The metadata has those of the whole workspace."""
    command = ["cargo", "tree", "--locked", "--package", "toolgate", "--no-default-features"]
    command += ["--target", "wasm32-wasip1", "--edges", "normal", "--prefix", "none", "--format", "{p}"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed:\n{result.stderr}")
    named = (line.split(" ") for line in result.stdout.splitlines())
    return {(name, version.removeprefix("v")) for name, version, *_ in named}


def linked(metadata: Json, packages: dict[str, Json]) -> dict[str, list[str]]:
    """The linked dependencies of every package, starting at the filter: no tests, build scripts or macros."""
    of_filter = built()
    in_filter = {name for name, each in packages.items() if (each["name"], each["version"]) in of_filter}
    nodes = {each["id"]: each["deps"] for each in metadata["resolve"]["nodes"]}
    found: dict[str, list[str]] = {}
    waiting = [metadata["resolve"]["root"]]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        normal = [each["pkg"] for each in nodes[name] if any(kind["kind"] is None for kind in each["dep_kinds"])]
        found[name] = [each for each in normal if each in in_filter and not is_macro(packages[each])]
        waiting += found[name]
    return found


def is_macro(package: Json) -> bool:
    """Whether the package is a procedural macro."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def component(package: Json) -> Json:
    """A package as a CycloneDX component."""
    # Old packages separate alternative licenses by a slash.
    licence = (package["license"] or "").replace(" / ", "/").replace("/", " OR ")
    return {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"expression": licence}] if licence else [],
        "purl": purl(package),
    }


def purl(package: Json) -> str:
    """The package URL."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def sha256(content: str) -> Json:
    """A digest in CycloneDX form."""
    return {"alg": "SHA-256", "content": content}


def digest(content: bytes) -> str:
    """The digest that names a blob."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def encoded(value: Json) -> bytes:
    """A document serialized deterministically."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: image.py FILTER LAYOUT")
    main(sys.argv[1], sys.argv[2])
