"""A notebook made of a script: its docstring as text, each of its parts as a cell.

A part is what two blank lines part from the next. Cells are run by IPython without a Jupyter
server; `nbformat` 4.5 is simple enough to be written as it is.
"""

import ast
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

START = 'if __name__ == "__main__":'

Cell = dict[str, Any]


def cells_of(script: Path) -> list[Cell]:
    """The cells, without outputs."""
    text = script.read_text()
    module = ast.parse(text)
    docstring = module.body[0]
    sentence, _command, *rest = (ast.get_docstring(module) or "").split("\n\n")
    cells = [markdown("\n\n".join([f"# {sentence}", *rest, f"Made from `{script.name}`."]))]
    code = "\n".join(text.splitlines()[docstring.end_lineno :])
    for part in re.split(r"\n\n\n+", code.strip("\n")):
        source = "main()" if part.startswith(START) else part.strip("\n")
        cells.append(code_cell(source))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells


def markdown(text: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": lines(text)}


def code_cell(source: str) -> Cell:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": lines(source),
    }


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def run(cells: list[Cell]) -> None:
    """Runs them in this process, which becomes an IPython session, and fills in what they print."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 (not needed to make)
    from IPython.utils.capture import capture_output  # noqa: PLC0415

    shell = InteractiveShell.instance(colors="NoColor")
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        with capture_output() as captured:
            source = "".join(cell["source"])
            result = shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        if not result.success:
            sys.exit(f"a cell failed: {source}\n{captured.stdout}")
        cell["execution_count"] = result.execution_count
        if captured.stdout:
            text = captured.stdout.replace(f"{os.getcwd()}{os.sep}", "")
            cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": lines(text)}]


def notebook(cells: list[Cell]) -> str:
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    made = cells_of(Path(sys.argv[1]))
    run(made)
    print(notebook(made), end="")
