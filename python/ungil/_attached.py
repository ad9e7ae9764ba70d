"""The side of `ungil trace --pid` that runs in the process that is traced."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import socket

from ungil import _ungil
from ungil._trace import Trace


class _Session:
    """One trace for one listener."""

    def __init__(self, path: str, channel: socket.socket) -> None:
        self.folder, self.channel, self.pid = os.path.dirname(path), channel, os.getpid()
        self.trace = Trace()
        self.lock = _thread.allocate_lock()

    def wait(self) -> None:
        """Until it is told to end, or nobody is there any more. In a thread that only Python's
        innermost knows: the program's own list of threads is as before."""
        _ungil.name_thread("ungil")
        with contextlib.suppress(OSError):
            self.channel.recv(16)
        self.end()

    def end(self) -> None:
        """Ends the trace, if that has not been done, and tells."""
        atexit.unregister(self.end)
        if self.pid != os.getpid() or not self.lock.acquire(blocking=False):
            return
        with contextlib.suppress(OSError), self.channel:
            try:
                self.trace.stop()
                self.trace._done().dump(os.path.join(self.folder, "report"))
            except (RuntimeError, OSError) as error:
                self.channel.sendall(f"refused {error}\n".encode())
            else:
                self.channel.sendall(b"done\n")


def begin(path: str) -> None:
    """Begins a trace, and ends it as the listener on this socket wants; `OSError` without one."""
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(path)
    session = _Session(path, channel)
    try:
        session.trace.start()
    except RuntimeError as error:
        with channel:
            channel.sendall(f"refused {error}\n".encode())
        return
    atexit.register(session.end)
    channel.sendall(b"started\n")
    _thread.start_new_thread(session.wait, ())
