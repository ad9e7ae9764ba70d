"""From LLVM IR to object code, by LLVM or from the cache."""

from __future__ import annotations

import os
from _thread import RLock
from importlib import import_module

from ungil._native import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OLDEST = (0, 45)
"""The oldest llvmlite whose LLVM knows what is used."""

REMEDY = "install it with: pip install 'ungil[native]'"

SIDE_BY_SIDE = "; side by side\n"
"""What a module begins with in which vectors are looked for outside of loops' rounds, too."""

# A signal's handler may need code of its own while the thread that it interrupts compiles.
_lock = RLock()


def _renew_lock() -> None:
    global _lock
    _lock = RLock()


# Who held it lives on in the parent only.
os.register_at_fork(after_in_child=_renew_lock)


def object_code(ir: str) -> tuple[bytes, str]:
    """The object file for a module, and where it came from: "compiled" or "cache".

    Raises `ImportError` where LLVM is needed and is not there.
    """
    key = cache.key(ir)
    # One at a time: the second thread finds what the first one has compiled.
    with _lock:
        found = cache.load(key)
        if found is not None:
            return found, "cache"
        compiled = compile_with_llvm(ir)
        cache.store(key, compiled)
        return compiled, "compiled"


def compile_with_llvm(ir: str) -> bytes:
    _, machine = target()
    with optimised(ir) as module:
        return bytes(machine.emit_object(module))


def optimised(ir: str) -> Any:
    """The module after LLVM's passes; closed by `with`."""
    llvm, machine = target()
    module = llvm.parse_assembly(ir)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    # Level 3 takes up to twice as long for code that is no faster.
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = True
    options.slp_vectorization = ir.startswith(SIDE_BY_SIDE)
    options.loop_interleaving = True
    # Those few that are worth it are marked.
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


_target: list[tuple[Any, Any]] = []


def target() -> tuple[Any, Any]:
    """llvmlite.binding and the machine to compile for: this one."""
    if not _target:
        _target.append(this_machine())
    return _target[0]


def this_machine() -> tuple[Any, Any]:
    llvm = load_llvm()
    try:  # noqa: SIM105  (contextlib takes long to import)
        llvm.initialize()
    except RuntimeError:
        pass  # newer ones do it themselves, and say so
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )
    return llvm, machine


def load_llvm() -> Any:
    try:
        llvmlite = import_module("llvmlite")
        binding = import_module("llvmlite.binding")
    except ImportError as error:
        raise ImportError(f"native functions are compiled by llvmlite: {REMEDY}") from error
    version = tuple(int(part) for part in llvmlite.__version__.split(".")[:2])
    if version < OLDEST:
        raise ImportError(
            f"llvmlite {llvmlite.__version__} is too old for native functions, "
            f"{OLDEST[0]}.{OLDEST[1]} or newer is needed: {REMEDY}"
        )
    return binding
