"""The code blocks of README.md, COMPARE.md and all pages in docs/ run.

A Python block is a program of its own. A comment in the line before a block says more:

    <!-- needs NAME -->   skipped where the package NAME, or `race`, is not to be had (all of
                          race.md needs `race`)
    <!-- file NAME -->    is not run: a file for the blocks of its page that are run
    <!-- run -->          commands for a shell that are run; of others, options are looked up

`text` and the like are what something has printed.
"""

import functools
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from programs import explores

ROOT = Path(__file__).parents[1]
MADE = ROOT / "docs" / "api"  # by the site's build
PAGES = [
    ROOT / "README.md",
    ROOT / "COMPARE.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if MADE not in page.parents),
]
BLOCK = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w+)\n(.*?)^```$", re.S | re.M)
SHELL = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


class Block(NamedTuple):
    page: Path
    line: int
    comment: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        return self.comment.removeprefix("file ") if self.comment.startswith("file ") else None

    @property
    def needs(self) -> str | None:
        if self.comment.startswith("needs "):
            return self.comment.removeprefix("needs ")
        return "race" if self.page.name == "race.md" else None


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text()
        for found in BLOCK.finditer(text):
            comment, language, block = found.groups()
            yield Block(page, text.count("\n", 0, found.start(3)), comment or "", language, block)


BLOCKS = list(blocks())
PROGRAMS = [b for b in BLOCKS if b.language == "python" and not b.file]
COMMANDS = [b for b in BLOCKS if b.language == "sh" and b.comment == "run"]
SHOWN = [b for b in BLOCKS if b.language == "sh" and b.comment != "run"]


def have(needed: str) -> bool:
    return explores() if needed == "race" else importlib.util.find_spec(needed) is not None


def run(block: Block, folder: Path, *command: str | Path) -> None:
    for file in (b for b in BLOCKS if b.page == block.page and b.file):
        (folder / str(file.file)).write_text(file.text)
    ran = subprocess.run(
        command, cwd=folder, env=SHELL, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, f"{block}: {ran.stdout}\n{ran.stderr}"
    assert "Traceback" not in ran.stderr


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_runs(block: Block, tmp_path: Path) -> None:
    if block.needs and not have(block.needs):
        pytest.skip(f"{block.needs} is not to be had here")
    script = tmp_path / "example.py"
    script.write_text(block.text)
    run(block, tmp_path, sys.executable, script)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_commands_run(block: Block, tmp_path: Path) -> None:
    run(block, tmp_path, "bash", "-euo", "pipefail", "-c", block.text)


@functools.cache
def options_of(verb: str) -> set[str]:
    help_text = subprocess.run(
        [sys.executable, "-m", "ungil", verb, "--help"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_text))


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_commands_that_are_shown_are_in_the_grammar(block: Block) -> None:
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["ungil"] or len(words) < 2:
            continue
        for word in words[2:]:
            if words[1] == "trace" and (word == "-m" or word.endswith(".py")):
                break  # what follows is the program's own
            if word.startswith("-"):
                assert word.partition("=")[0] in options_of(words[1]), f"{block}: {line}"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "toml"], ids=str)
def test_toml_is_toml(block: Block) -> None:
    tomllib.loads(block.text)


def test_every_block_is_found() -> None:
    fences = sum(len(re.findall(r"^```\w", page.read_text(), re.M)) for page in PAGES)
    assert len(BLOCKS) == fences
    assert {b.language for b in BLOCKS} <= {"python", "sh", "toml", "text"}
    assert {b.comment.split()[0] for b in BLOCKS if b.comment} <= {"needs", "file", "run"}
