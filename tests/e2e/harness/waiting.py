"""Waits for other processes, with a deadline and an error message."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(
    condition: Callable[[], Result | None], what: str, *, seconds: float = 30.0, every: float = 0.02
) -> Result:
    """Polls until `condition` returns something true, and returns that; `what` names it in the timeout error."""
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)
