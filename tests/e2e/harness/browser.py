"""A real Chromium without a window, spoken to by its own protocol over a pipe."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import paths

Message = dict[str, Any]


class Page:
    """A tab."""

    def __init__(self, process: subprocess.Popen[bytes], reader: int, writer: int) -> None:
        self._process = process
        self._reader, self._writer = reader, writer
        self._buffer, self._last = b"", 0
        self._session: str | None = None
        self._events: list[Message] = []
        self.requests: list[str] = []
        # What Chromium has complained about, such as what a page's policy forbids.
        self.complaints: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            self.send(f"{domain}.enable")
        self.resize(1024, 768)

    def send(self, method: str, **params: Any) -> Message:
        """Carries out a command."""
        self._last += 1
        number = self._last
        message: Message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer}"
                result: Message = answer["result"]
                return result

    def open(self, url: str) -> None:
        """Opens an address and waits until everything has loaded."""
        self._events.clear()
        self.send("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def wait(self, event: str) -> None:
        """Waits for an event since the last one that was waited for."""
        while not any(seen["method"] == event for seen in self._events):
            self._read()
        self._events.clear()

    def run(self, script: str) -> Any:
        """The value of a script's expression in the page, which its own policy does not restrict."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses a key."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {"key": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        self._events.clear()
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Writes into what has the focus."""
        self.send("Input.insertText", text=text)

    def tab_to(self, name: str) -> None:
        """Presses Tab until the element with this text, or of this id, has the focus, which must be visible."""
        for _ in range(60):
            self.press("Tab")
            focused = self.run("(e => [e.textContent.trim(), e.id])(document.activeElement)")
            if name in focused:
                style = "getComputedStyle(document.activeElement)"
                assert self.run(f"{style}.outlineStyle != 'none' && parseFloat({style}.outlineWidth) >= 2")
                return
        raise AssertionError(f"`{name}` cannot be reached by the keyboard")

    def resize(self, width: int, height: int) -> None:
        """Makes the window this large."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def media(self, *, scheme: str = "light", kind: str = "") -> None:
        """Prefers a colour scheme, or prints."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=kind, features=features)

    def picture(self, file: Path) -> None:
        """Takes a picture of the whole page."""
        taken = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    def tree(self) -> list[tuple[str, str]]:
        """What a screen reader sees: role and name of everything that is not left out."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]
        ]

    def _read(self) -> Message:
        deadline = time.monotonic() + 30
        while b"\0" not in self._buffer:
            assert self._process.poll() is None, "Chromium has ended"
            assert time.monotonic() < deadline, "Chromium does not answer"
            self._buffer += os.read(self._reader, 1 << 20)
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: Message = json.loads(text)
        if "method" in message:
            self._events.append(message)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        return message


@contextmanager
def open_page(directory: Path) -> Iterator[Page]:
    """A tab of a Chromium of its own, whose files are in the directory."""
    unpacked = _unpacked()
    there, writer = os.pipe()
    reader, back = os.pipe()
    options = (
        *("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--disable-extensions"),
        *("--disable-component-update", "--disable-background-networking", "--no-first-run"),
        *(f"--user-data-dir={directory / 'profile'}", "--remote-debugging-pipe"),
    )
    # Chromium reads commands from file 3, and answers into file 4.
    command = ["bash", "-c", f'exec "$0" "$@" 3<&{there} 4>&{back}', str(unpacked / "chromium"), *options]
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(unpacked / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(unpacked / "fonts.conf"),
        "HOME": str(unpacked),
    }
    with (directory / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, pass_fds=(there, back), env=environment, stdout=log, stderr=log)
    os.close(there)
    os.close(back)
    try:
        yield Page(process, reader, writer)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)


def _unpacked() -> Path:
    """Chromium as its package has it, unpacked once."""
    directory = paths.INSTALLED / "browser" / "unpacked"
    if not (directory / "complete").is_file():
        directory.mkdir(exist_ok=True)
        script = paths.INSTALLED / "browser" / "unpack.mjs"
        environment = os.environ | {"TMPDIR": str(directory)}
        # Node looks for packages next to where a script is, not to where it leads.
        command = [str(paths.node()), "--preserve-symlinks-main", "--preserve-symlinks", str(script)]
        subprocess.run(command, env=environment, check=True, timeout=300)
        # The package's own configuration names directories of the cloud that it is made for.
        fonts = f"<dir>{directory / 'fonts'}</dir><cachedir>{directory / 'cache'}</cachedir>"
        (directory / "fonts.conf").write_text(f"<fontconfig>{fonts}</fontconfig>")
        (directory / "complete").touch()
    return directory
