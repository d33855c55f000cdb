"""The README: its first hour works as pasted, and its picture is the one that its source draws."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import paths
from harness.tool_server import free_port

README = (paths.REPOSITORY / "README.md").read_text()
DEMO = paths.REPOSITORY / "envoy" / "demo"


def first_hour() -> str:
    """All commands of the section, in order."""
    section = README.split("## The first hour\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A directory like the repository after `make demo`, with a key of its own."""
    shutil.copytree(DEMO, tmp_path / "envoy" / "demo")
    (tmp_path / "policies").mkdir()
    target = tmp_path / "target"
    (target / "demo").mkdir(parents=True)
    (target / "debug").mkdir()
    (target / "debug" / "toolgate").symlink_to(paths.TOOLGATE)
    (target / "toolgate.wasm").symlink_to(paths.TOOLGATE_WASM)
    (target / "e2e").symlink_to(paths.INSTALLED)
    new_key = [str(paths.python("mcp2")), "-c", "import sign_in; sign_in.new_key()"]
    subprocess.run(new_key, cwd=tmp_path / "envoy" / "demo", check=True)
    return tmp_path


def test_the_first_hour_works_as_pasted(clone: Path) -> None:
    tools, calls, admin = (str(free_port()) for _ in range(3))
    script = first_hour()
    # Other tests run Envoys on this machine, too.
    changes = {
        "9000": tools,
        "10000": calls,
        "9901": admin,
        "emit envoy ": f"emit envoy --listen 127.0.0.1:{calls} --admin 127.0.0.1:{admin} ",
        "envoy -c": "envoy --use-dynamic-base-id -c",
    }
    for old, new in changes.items():
        assert old in script
        script = script.replace(old, new)
    pasted = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=clone,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = pasted.communicate(timeout=180)
    finally:
        os.killpg(pasted.pid, signal.SIGKILL)
    assert pasted.returncode == 0, output
    assert "LIVE\n" in output
    permitted, refused = re.findall(r'^(?:data: )?(\{"jsonrpc".*?\})$', output, re.MULTILINE)
    assert "Ada" in permitted and "dev.toolgate/refusal" not in permitted
    assert "Refused (forbidden): Only contacts of the account acme may be read." in refused
    assert output.splitlines()[-2:] == [
        '["PERMIT","permitted",["operators-call-everything"],"alice"]',
        '["DENY","forbidden",["own-account"],"alice"]',
    ]


def test_the_picture_is_drawn_from_its_source() -> None:
    source = paths.REPOSITORY / "envoy" / "picture.py"
    drawn = subprocess.run([sys.executable, str(source)], capture_output=True, text=True, check=True).stdout
    assert drawn == source.with_suffix(".svg").read_text()
