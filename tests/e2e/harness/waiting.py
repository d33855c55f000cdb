"""Waiting for things that other processes do, with a deadline and a reason."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(
    condition: Callable[[], Result | None], what: str, *, seconds: float = 30.0, every: float = 0.02
) -> Result:
    """Poll until `condition` returns something true, and return that; `what` names it when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)
