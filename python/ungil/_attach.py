"""`ungil trace --pid` on 3.14 and newer: has another process trace itself, and fetches the result.

A script and a socket lie in a private folder. The script, which PEP 768 has the process run,
connects to the socket and begins a trace; the process goes on. It ends the trace when it is told
to, when it ends itself, or when this side is gone.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from ungil import _ungil

# How long a process may take until it runs Python code in its main thread, seconds.
PATIENCE = 3.0
# How often one looks whether it is there still, seconds.
LOOK = 0.2
# Longest path of a socket.
LONGEST = 100

SCRIPT = """
def _begin():
    import sys
    folder, version, path = {folder!r}, {version!r}, {path!r}
    try:
        import ungil._attached as attached
    except ImportError as error:
        attached, why = None, error
        if sys.version_info[:2] == version:
            sys.path.append(folder)
            try:
                import ungil._attached as attached
            except ImportError as error:
                why = error
            finally:
                sys.path.remove(folder)
    if attached is not None:
        return attached.begin(path)
    import socket
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(path)
        channel.sendall(("missing " + sys.executable).encode())
try:
    _begin()
except OSError:
    pass
"""


class Refused(Exception):
    """The process cannot be asked; it can still be looked at from outside."""


class Lost(Exception):
    """The process has ended, or does not answer: there is nothing to show."""


def begin(pid: int, version: tuple[int, int]) -> Attached:
    """Has a process begin; `Refused` if it does not."""
    if not _same_files(pid):
        raise Refused("the process runs in a container, whose files are others")
    folder = Path(tempfile.mkdtemp(prefix="ungil-", dir=_short_folder()))
    try:
        return _begin(pid, version, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _begin(pid: int, version: tuple[int, int], folder: Path) -> Attached:
    path, script = folder / "s", folder / "begin.py"
    home = Path(__file__).parent.parent
    script.write_text(SCRIPT.format(folder=str(home), version=version, path=str(path)))
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(str(path))
        listener.listen(1)
        _give_to_owner(pid, folder, path, script)
        try:
            attachment = _ungil.attach(pid, str(script))
        except RuntimeError as error:
            raise Refused(str(error)) from None
        listener.settimeout(PATIENCE)
        try:
            channel, _ = listener.accept()
        except BaseException as error:
            attachment.cancel()
            time.sleep(0.05)  # if it is just opening the script, let it
            if isinstance(error, TimeoutError):
                raise Refused(
                    f"its main thread ran no Python code for {PATIENCE:g} s, and only that can be "
                    "asked"
                ) from None
            raise
    channel.settimeout(LOOK)
    attached = Attached(pid, folder, channel)
    answer, _, text = attached.answer().partition(" ")
    if answer == "started":
        return attached
    channel.close()
    if answer == "missing":
        raise Refused(f"its Python has no ungil: {text} -m pip install ungil")
    raise Refused(text or "it did not answer")


class Attached:
    """A process that traces itself for us."""

    def __init__(self, pid: int, folder: Path, channel: socket.socket) -> None:
        self.pid, self.folder, self.channel = pid, folder, channel

    def end_after(self, duration: float | None) -> _ungil.TraceReport:
        """Waits so long, for Ctrl-C, or for its end; what it found. `Lost` if that cannot be had.
        After a `KeyboardInterrupt` it can be called again."""
        try:
            if not self._wait(duration):
                self.channel.sendall(b"end\n")
            answer, _, text = self.answer().partition(" ")
            if answer != "done":
                raise Lost(
                    f"process {self.pid} has ended, and did not get to tell its trace (a signal, "
                    f"os._exit or exec).{text and ' ' + text}"
                )
            return _ungil.TraceReport.load(str(self.folder / "report"))
        except BrokenPipeError:
            raise Lost(f"process {self.pid} has ended.") from None
        except ValueError as error:
            raise Lost(f"what process {self.pid} told cannot be read: {error}.") from None

    def close(self) -> None:
        """Leaves nothing behind; if the process traces itself still, it ends that."""
        self.channel.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self, duration: float | None) -> bool:
        """Whether it has something to say before the time is over."""
        end = None if duration is None else time.monotonic() + duration
        try:
            while True:
                left = LOOK if end is None else end - time.monotonic()
                if left <= 0:
                    return False
                self.channel.settimeout(min(left, LOOK))
                try:
                    return self.channel.recv(1, socket.MSG_PEEK) is not None
                except TimeoutError:
                    if not os.path.exists(f"/proc/{self.pid}"):
                        return True
        except KeyboardInterrupt:
            return False

    def answer(self) -> str:
        """A line from the process; empty if it is gone."""
        line = b""
        self.channel.settimeout(LOOK)
        while not line.endswith(b"\n"):
            try:
                more = self.channel.recv(4096)
            except TimeoutError:
                if os.path.exists(f"/proc/{self.pid}"):
                    continue
                break
            except ConnectionError:
                break
            if not more:
                break
            line += more
        return line.decode(errors="replace").strip()


def _same_files(pid: int) -> bool:
    def of(process: int | str) -> Any:
        return os.readlink(f"/proc/{process}/ns/mnt"), os.stat(f"/proc/{process}/root")[:2]

    try:
        return bool(of(pid) == of("self"))
    except OSError:
        return False


def _short_folder() -> str:
    folder = tempfile.gettempdir()
    return folder if len(folder) + 30 < LONGEST else "/tmp"


def _give_to_owner(pid: int, *paths: Path) -> None:
    """Root may ask other users' processes, which then must be able to read and to answer."""
    owner = os.stat(f"/proc/{pid}")
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)
