"""Event loops in threads of a model.

A loop with nothing to do waits until another thread wakes it, or until its next timer, in virtual
time. Where it waits for sockets or processes, it goes on when one of them is ready, too: the file
descriptor of its selector says so.
"""

from asyncio.selector_events import BaseSelectorEventLoop
from typing import Any

from ungil._ungil import race as _native
from ungil.race._patches import Patches

_LOOP = "an event loop"


def run_once(self: Any) -> None:
    if _native.running() is not None and self._selector is not None:
        while not _has_work(self):
            timeout = None
            if self._scheduled:
                timeout = max(0.0, self._scheduled[0]._when - self.time())
            if not _is_alone(self):
                if (ready := _descriptor(self)) is None:
                    break
                _native.wait_readable(self, "waits in", _LOOP, descriptor=ready, timeout=timeout)
                continue
            woken = self.__dict__.get("_ungil_woken", False)
            _native.wait(self, "waits in", _LOOP, available=woken, takes=False, timeout=timeout)
            # It may have been woken for what it has done already: it looks again.
            self._ungil_woken = False
            _native.change(self, False)
    PATCHES.original("BaseEventLoop", "_run_once")(self)


def _has_work(loop: Any) -> bool:
    if loop._ready or loop._stopping or loop._selector.select(0):
        return True
    return bool(loop._scheduled) and loop._scheduled[0]._when <= loop.time()


def _is_alone(loop: Any) -> bool:
    """Whether the loop waits for nothing but to be woken by other threads."""
    return len(loop._selector.get_map() or ()) <= 1


def _descriptor(loop: Any) -> int | None:
    """What is readable when something that the loop waits for is ready, where there is one."""
    fileno = getattr(loop._selector, "fileno", None)
    return None if fileno is None else fileno()


def write_to_self(self: Any) -> None:
    if _native.running() is not None:
        woken = self.__dict__.get("_ungil_woken", False)
        _native.sync_point(self, "wakes", _LOOP, woken)
        self._ungil_woken = True
        _native.change(self, True)
    PATCHES.original("BaseSelectorEventLoop", "_write_to_self")(self)


_base: Any = BaseSelectorEventLoop.__mro__[1]
PATCHES = Patches(
    [
        (_base, "_run_once", run_once),
        (BaseSelectorEventLoop, "_write_to_self", write_to_self),
    ]
)
