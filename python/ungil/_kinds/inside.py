"""What runs inside a worker interpreter. It is loaded there by its path, as a module of its own.

Inside, the package `ungil` itself cannot be imported: its extension module belongs to the main
interpreter. So this file puts a stand-in where programs look for it, and imports nothing of it but
its few pure modules, through that.

A task and its answer travel through a memory file that both sides have open (one process, one
table of descriptors): the number of parts, the length of each, then the parts. Only one side at a
time uses it, because the same thread goes in with a task and comes out with its answer.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

NAME = "_ungil_inside"
# Of the package's modules these are here, loaded by their paths, too.
CONTEXT = "ungil._context"
_SHARED_MEMORY = "ungil._shared_memory"

# The first thing in an answer.
VALUE, RAISED, UNPICKLABLE, UNREADABLE = range(4)

_FIRST_READ = 16 * 1024
_KEEP = 1024 * 1024


def send(file: int, parts: Sequence[Any]) -> None:
    """Writes byte-like parts into the memory file."""
    views = [memoryview(part).cast("B") for part in parts]
    head = struct.pack(f"={len(views) + 1}Q", len(views), *map(len, views))
    start = 0
    rest = [memoryview(head), *views]
    while rest:
        written = os.pwritev(file, rest[:1000], start)
        start += written
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if rest:
            rest[0] = rest[0][written:]


def receive(file: int) -> list[bytearray]:
    """Reads what the other side has sent; gives a large file's memory back."""
    first = os.pread(file, _FIRST_READ, 0)
    (count,) = struct.unpack_from("=Q", first)
    size = 8 * (count + 1)
    head = first if size <= len(first) else os.pread(file, size, 0)
    lengths = struct.unpack_from(f"={count}Q", head, 8)
    parts = []
    start = size
    for length in lengths:
        if start + length <= len(first):
            parts.append(bytearray(first[start : start + length]))
        else:
            parts.append(_read(file, start, length))
        start += length
    if start > _KEEP:
        os.ftruncate(file, 0)
    return parts


def _read(file: int, start: int, length: int) -> bytearray:
    part = bytearray(length)
    view = memoryview(part)
    while view:
        read = os.preadv(file, [view], start)
        if read == 0:
            raise EOFError("the memory file is shorter than it says")
        start += read
        view = view[read:]
    return part


def dump(value: object, dumps: Callable[..., bytes] = pickle.dumps) -> list[Any]:
    """A pickle as parts: the stream, then the buffers beside it (PEP 574)."""
    buffers: list[pickle.PickleBuffer] = []
    stream = dumps(value, protocol=5, buffer_callback=buffers.append)
    return [stream, *(buffer.raw() for buffer in buffers)]


def load(parts: Sequence[Any]) -> Any:
    return pickle.loads(parts[0], buffers=parts[1:])


# --- inside only ---------------------------------------------------------------------------------

_file = -1
_main: dict[str, str] = {}


def set_up(file: int) -> None:
    """Makes this interpreter a worker; what it has to know is in the memory file."""
    global _file
    _file = file
    sys.meta_path.insert(0, _StandInFinder())
    _shared_memory().keep()
    send(file, _answer(_move_in, receive(file)))


def run() -> None:
    """Runs the task that is in the memory file, and puts its answer there."""
    send(_file, _answer(_call, receive(_file)))
    _shared_memory().sweep()


def _shared_memory() -> Any:
    return import_module(_SHARED_MEMORY)


def _answer(do: Callable[[Any], Callable[[], object]], parts: Sequence[bytearray]) -> Sequence[Any]:
    try:
        call = do(parts)
    except BaseException as error:
        return _failure(UNREADABLE, error)
    try:
        value = call()
    except BaseException as error:
        return _failure(RAISED, error)
    try:
        return [bytes([VALUE]), *dump(value)]
    except BaseException as error:
        return _failure(UNPICKLABLE, error)


def _call(parts: Sequence[bytearray]) -> Callable[[], object]:
    if b"__main__" in parts[0]:
        _import_main()
    function, args, kwargs = load(parts)
    return lambda: function(*args, **kwargs)


def _move_in(parts: Sequence[bytearray]) -> Callable[[], object]:
    """Takes over the program's paths, then gives the initializer's call."""
    what = load(parts[:1])
    sys.path[:] = what["sys_path"]
    sys.argv[:] = what["argv"]
    _main.update(what["main"])
    context = sys.modules[CONTEXT]
    initializer = _call(parts[1:]) if len(parts) > 1 else lambda: context.NOTHING

    def initialize() -> None:
        context.enter_all(initializer())

    return initialize


def _failure(kind: int, error: BaseException) -> Sequence[Any]:
    import traceback  # noqa: PLC0415 (only on the way to failure)

    # Through the finder below.
    from ungil._kinds.refusals import refused_module  # noqa: PLC0415

    # Without this file's own frames.
    shown = error.__traceback__
    while shown is not None and shown.tb_frame.f_code.co_filename == __file__:
        shown = shown.tb_next
    lines = traceback.format_exception(type(error), error, shown)
    told = (type(error).__qualname__, str(error), "".join(lines), refused_module(error))
    rebuilt = []
    if kind == RAISED:
        try:
            stream = pickle.dumps(error, protocol=5)
            pickle.loads(stream)
            rebuilt = [stream]
        except BaseException:  # then the words have to do
            rebuilt = []
    return [bytes([kind]), pickle.dumps(told, protocol=5), *rebuilt]


def _import_main() -> None:
    """Imports the program's main module as `__mp_main__`, as multiprocessing's workers do."""
    if not _main:
        return
    import runpy  # noqa: PLC0415 (only where it is needed)

    how = dict(_main)
    _main.clear()
    module = ModuleType("__mp_main__")
    # Known before it runs: classes that are pickled while it runs look themselves up there.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
    if "init_main_from_name" in how:
        name = how["init_main_from_name"]
        content = runpy.run_module(name, run_name="__mp_main__", alter_sys=True)
    else:
        content = runpy.run_path(how["init_main_from_path"], run_name="__mp_main__")
    module.__dict__.update(content)
    # Both calls above put back what they found.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module


class _StandIn(ModuleType):
    """In place of `ungil` and its modules: names can be imported, calling them tells why not."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name == "worker_context":
            return sys.modules[CONTEXT].worker_context
        package = os.path.dirname(os.path.dirname(__file__))
        if self.__name__ == "ungil" and os.path.exists(os.path.join(package, f"{name}.py")):
            # `from ungil import sync` asks for an attribute, and wants the module.
            return import_module(f"ungil.{name}")

        def refuse(_cls: object, *args: object, **_kwargs: object) -> None:
            # What rebuilds an object of `ungil.sync` is given the name of its class.
            what = args[0] if name == "_rebuild" and args else name
            raise RuntimeError(
                f"{self.__name__}.{what} cannot be used inside a worker interpreter: "
                "ungil's native half belongs to the main interpreter. If this is the program "
                "starting again, put the code that starts it under `if __name__ == '__main__':`"
            )

        # A class, so that `except ungil.WorkerCrashed` and annotations work.
        made = type(name, (Exception,), {"__new__": refuse, "__module__": self.__name__})
        setattr(self, name, made)
        return made


# Of `ungil`, this much is pure Python and of use inside.
_PURE = ("workloads", "_reference", "_shared_memory", "_kinds.refusals", "_kinds.timed")


class _StandInFinder:
    """Finds `ungil` and its modules: as stand-ins, where they are not pure."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        outermost, _, rest = name.partition(".")
        if outermost != "ungil":
            return None
        if rest in _PURE:
            package = os.path.dirname(os.path.dirname(__file__))
            return spec_from_file_location(
                name, os.path.join(package, rest.replace(".", os.sep) + ".py")
            )
        loader: Any = self
        return ModuleSpec(name, loader, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, _module: ModuleType) -> None:
        pass
