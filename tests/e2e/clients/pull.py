"""Pulls an image as any OCI client does, unpacks its only layer, and checks the bill of materials that refers to it.

    pull.py localhost:5000/toolgate@sha256:… DIRECTORY
"""

import sys
import tarfile
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from oras.client import OrasClient
from oras.container import Container


def main(reference: str, directory: Path) -> None:
    """Writes `plugin.wasm` and `materials.json`."""
    client = OrasClient(insecure=True)
    image = Container(reference)
    [layer] = client.get_manifest(image)["layers"]
    client.download_blob(image, layer["digest"], str(directory / "layer"))
    with tarfile.open(directory / "layer") as tar:
        tar.extractall(directory, filter="data")
    answer = client.do_request(f"{client.prefix}://{image.registry}/v2/{image.api_prefix}/referrers/{image.digest}")
    [about] = answer.json()["manifests"]
    materials = Container(f"{image.registry}/{image.api_prefix}@{about['digest']}")
    [document] = client.get_manifest(materials)["layers"]
    file = directory / "materials.json"
    client.download_blob(materials, document["digest"], str(file))
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text())
    if error:
        sys.exit(f"the bill of materials is none: {error}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
