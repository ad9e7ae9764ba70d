"""What the workers run. Imported by them, so it imports next to nothing itself."""

import time


def nothing() -> None:
    """The no-op: all that is measured is the way there and back."""


def pause(seconds: float) -> None:
    time.sleep(seconds)


def echo(value: object) -> object:
    """What was sent comes back: a copy each way, unless the pool knows better."""
    return value
