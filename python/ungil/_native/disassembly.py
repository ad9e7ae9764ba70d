"""What LLVM makes of a module with lines: its code, machine code, remarks; in a process of its own.

LLVM's remarks are switched on for a whole process, and written to its stderr.
"""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys
request = json.load(sys.stdin)
sys.path[:] = request["path"]
from ungil._native.disassembly import answer
answer(request["ir"])
"""

PASSES = "loop-vectorize|slp-vectorizer"


def compiled(ir: str) -> tuple[str, str, list[str]]:
    """LLVM's code after its passes, the assembly, and the remarks.

    Raises `ImportError` where llvmlite is missing, `RuntimeError` if LLVM refuses the module.
    """
    from ungil._native.compiler import load_llvm  # noqa: PLC0415

    load_llvm()
    run = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        input=json.dumps({"path": sys.path, "ir": ir}),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"LLVM could not be asked: {run.stderr.strip()[-500:]}")
    code, assembly = json.loads(run.stdout)
    return code, assembly, run.stderr.splitlines()


def answer(ir: str) -> None:
    """Compiles on behalf of another process."""
    from ungil._native.compiler import optimised, target  # noqa: PLC0415

    llvm, machine = target()
    for kind in ("", "-missed", "-analysis"):
        llvm.set_option("ungil", f"-pass-remarks{kind}={PASSES}")
    with optimised(ir) as module:
        json.dump([str(module), machine.emit_assembly(module)], sys.stdout)
