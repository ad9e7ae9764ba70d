"""A Python whose import slots cannot be patched: the trace samples, and says so.

The interpreter is a copy whose imports have another name, which a small library maps to the C
library's function: for the tracer a Python without the slots that it looks for, as a static one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from command_line import ENVIRONMENT

SHIM = """
#include <pthread.h>
int pthread_cond_timedwaiT(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{ return pthread_cond_timedwait(c, m, t); }
"""


@pytest.fixture(scope="module")
def slotless(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of such a Python."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc")
    folder = tmp_path_factory.mktemp("slotless")
    (folder / "shim.c").write_text(SHIM)
    shim = str(folder / "shim.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, folder / "shim.c"], check=True)
    library = next(
        (
            line.split()[-1]
            for line in Path("/proc/self/maps").read_text().splitlines()
            if "/libpython3." in line
        ),
        None,
    )
    original = Path(library or os.path.realpath("/proc/self/exe"))
    name = b"\0pthread_cond_timedwait\0"
    content = original.read_bytes()
    assert content.count(name) >= 1
    copy = folder / original.name
    copy.write_bytes(content.replace(name, b"\0pthread_cond_timedwaiT\0"))
    copy.chmod(0o755)
    preload = shim if library is None else f"{shim} {copy}"
    environment = ENVIRONMENT | {"LD_PRELOAD": preload}
    if library is not None:
        return [sys.executable], environment
    environment |= {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": sysconfig.get_path("purelib")}
    return [str(copy)], environment


def test_the_trace_is_sampled_and_labelled(
    slotless: tuple[list[str], dict[str, str]], tmp_path: Path
) -> None:
    command, environment = slotless
    program = tmp_path / "program.py"
    program.write_text(
        "import ctypes, os, threading\n"
        "hold, rest = ctypes.PyDLL(None).usleep, ctypes.CDLL(None).usleep\n"
        "def work():\n"
        "    for _ in range(50): hold(9000); rest(1000)\n"
        "thread = threading.Thread(target=work, name='holder')\n"
        "thread.start()\n"
        "thread.join()\n"
        "if os.fork() == 0: os._exit(0)\n"
        "os.wait()\n"
    )
    options = ["-m", "ungil", "trace", "--json=x.json", "program.py"]
    done = subprocess.run(
        [*command, *options],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Approximate: " in done.stderr
    assert "no import slot for pthread_cond_timedwait" in " ".join(done.stderr.split())
    figures = json.loads((tmp_path / "x.json").read_text())
    threads = {thread["name"]: thread for thread in figures["threads"]}
    # 0.45 of the 0.5 seconds, where nothing else runs.
    assert threads["holder"]["held_s"] > 0.2
    assert figures["functions"][0]["function"]["name"] == "work"


def test_the_meter_says_why_it_cannot(slotless: tuple[list[str], dict[str, str]]) -> None:
    command, environment = slotless
    done = subprocess.run(
        [*command, "-c", "import ungil; ungil.gil_stats()"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RuntimeError: the GIL of this Python cannot be traced" in done.stderr
