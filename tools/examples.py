"""The examples' recorded output, and their notebooks.

    python3 dev.py examples [NAME ...]

runs each script of `examples/` and writes what it prints to `NAME.out` beside it, and the notebook
made of it, with the outputs of its cells, to `NAME.ipynb`. Both show what this machine measured;
compared are words only, see `normalised`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*/*.py"))
RECORDED_ON = (3, 11)
"""Byte code differs between versions of Python."""

# Nothing of this machine's terminal and caches; native code is compiled each time.
SETTINGS = {"COLUMNS": "88", "NO_COLOR": "1", "UNGIL_NATIVE_CACHE": "off"}


def output_of(*command: str | Path) -> str:
    """What a program prints that runs to its end; paths are those of the clone."""
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"{command}: exit code {ran.returncode}\n{ran.stdout}\n{ran.stderr}")
    return ran.stdout.replace(f"{ROOT}{os.sep}", "")


def output_of_script(script: Path) -> str:
    return output_of(script.relative_to(ROOT))


def executed_notebook(script: Path) -> str:
    """A script's notebook with the outputs of its cells, run in a process of its own."""
    return output_of("-m", "tools.notebooks", script.relative_to(ROOT))


def normalised(text: str) -> str:
    """What two runs have in common: words.

    Numbers, with their units, become `#`; verdicts (lines that begin with `>`), which follow from
    what was measured, and pictures of blocks become one mark.
    """
    text = re.sub(r"^ *> .*(\n *> .*)*", "> ...", text, flags=re.M)
    text = re.sub(r"<ipython-input-[^>]*>", "<cell>", text)
    text = re.sub(r"[█░·]{8,}", "▒", text)
    text = re.sub(r"\d[\d,.:_]*( ?(ns|µs|ms|s|kB|MB|%)\b|%)?", "#", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines()) + "\n"


def record(script: Path) -> None:
    print(script.relative_to(ROOT), flush=True)
    script.with_suffix(".out").write_text(output_of_script(script))
    script.with_suffix(".ipynb").write_text(executed_notebook(script))


def main(names: list[str]) -> int:
    if sys.version_info[:2] != RECORDED_ON:
        print(f"examples are recorded on Python {'.'.join(map(str, RECORDED_ON))}", file=sys.stderr)
        return 2
    chosen = [script for script in SCRIPTS if not names or script.stem in names]
    if not chosen:
        print(f"no example is called {', '.join(names)}", file=sys.stderr)
        return 2
    for script in chosen:
        record(script)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
