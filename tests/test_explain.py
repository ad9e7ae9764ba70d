"""`ungil explain` and `ungil.explain`: source beside byte code, whatever the version of Python."""

from __future__ import annotations

import dis
import functools
import json
import math
import py_compile
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ungil
from command_line import ENVIRONMENT, Cli

CRUNCH = '''
open("imported", "w").close()


def crunch(n):
    """Adds up."""
    total = 0
    for i in range(n):
        # every one
        total += i * 2
    return total


def decorate(function):
    def wrapper(*args):
        return function(*args)

    wrapper.__wrapped__ = function
    return wrapper


class Account:
    @decorate
    def withdraw(self, amount):
        return self.balance - amount

    def fails(self):
        raise ValueError("no luck")


first, second = lambda: 1, lambda: 2
third = lambda: 3


def generates():
    yield 1
'''
LINES = dict(enumerate(CRUNCH.splitlines(), start=1))
IN_CRUNCH = {number for number, line in LINES.items() if 5 <= number <= 11}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.py"
    path.write_text(CRUNCH)
    return path


def explained(cli: Cli, *arguments: str) -> dict[str, Any]:
    done = cli("explain", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def instructions(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for line in document["lines"] for each in line["instructions"]]


def numbered(document: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {line["number"]: line for line in document["lines"] if line["number"]}


def test_every_instruction_is_there_once_at_its_line(cli: Cli, file: Path) -> None:
    names: dict[str, Any] = {"open": lambda *_: file.open()}
    exec(compile(CRUNCH, str(file), "exec"), names)
    expected = [
        (each.offset, each.opname, (each.positions.lineno or None) if each.positions else None)
        for each in dis.get_instructions(names["crunch"])
    ]
    shown = [
        (each["offset"], each["name"], line["number"])
        for line in explained(cli, "jobs.py:crunch")["lines"]
        for each in line["instructions"]
    ]
    assert sorted(shown) == sorted(expected)


def test_all_lines_of_the_function_are_shown_comments_too(cli: Cli, file: Path) -> None:
    lines = numbered(explained(cli, "jobs.py:crunch"))
    assert {number: line["source"] for number, line in lines.items()} == {
        number: LINES[number] for number in IN_CRUNCH
    }
    assert lines[9]["instructions"] == []


def test_a_jump_leads_to_a_label_that_is_there(cli: Cli, file: Path) -> None:
    found = instructions(explained(cli, "jobs.py:crunch"))
    labels = [each["label"] for each in found if each["label"]]
    targets = {each["target"] for each in found if each["target"]}
    assert len(targets) >= 2
    assert sorted(labels) == sorted(targets)


def test_a_file_is_not_imported_to_be_explained(cli: Cli, file: Path) -> None:
    explained(cli, "jobs.py:crunch")
    assert not (file.parent / "imported").exists()


def test_a_loop_can_hand_the_gil_over_where_it_jumps_back(cli: Cli, file: Path) -> None:
    found = instructions(explained(cli, "jobs.py:crunch"))
    switches = {each["name"] for each in found if each["switches"]}
    assert {"RESUME", "JUMP_BACKWARD"} <= switches
    assert not switches & {"LOAD_CONST", "BINARY_OP", "FOR_ITER", "RETURN_VALUE"}


def test_behind_an_await_nobody_looks_whether_the_gil_is_wanted(cli: Cli, file: Path) -> None:
    file.write_text("async def f(x):\n    await x\n")
    resumes = [
        each for each in instructions(explained(cli, "jobs.py:f")) if each["name"] == "RESUME"
    ]
    assert [each["switches"] for each in resumes] == [True, False]


def test_reference_counts_are_marked_by_family(cli: Cli, file: Path) -> None:
    marks = {
        each["name"]: each["references"] for each in instructions(explained(cli, "jobs.py:crunch"))
    }
    assert (marks["BINARY_OP"], marks["FOR_ITER"]) == ("+-", "+")
    assert {mark for name, mark in marks.items() if name.startswith("LOAD_FAST_BORROW")} <= {"~"}


def test_what_has_run_hot_shows_what_python_made_of_it(cli: Cli, file: Path) -> None:
    assert explained(cli, "jobs.py:crunch")["hot"] is None
    document = explained(cli, "jobs.py:crunch", "--run", "100")
    assert document["hot"] == 64
    specialised = {each["name"]: each["specialised"] for each in instructions(document)}
    assert specialised["BINARY_OP"].startswith("BINARY_OP_")
    assert "INT" in specialised["BINARY_OP"]


def test_arguments_see_the_functions_module_and_what_it_prints_goes_to_stderr(
    cli: Cli, file: Path
) -> None:
    file.write_text("size = 3\ndef f(a, b):\n    print('called', a, b)\n")
    done = cli("explain", "--json", "jobs.py:f", "--run", "size, b=size + 1", "--hot", "2")
    assert json.loads(done.stdout)["hot"] == 2
    assert done.stderr == "called 3 4\n" * 2


def test_what_the_function_raises_is_shown_from_its_own_frame_on(cli: Cli, file: Path) -> None:
    done = cli("explain", "jobs.py:Account.fails", "--run", "None")
    assert done.returncode == 1
    assert "in fails" in done.stderr
    assert "ValueError: no luck" in done.stderr
    assert "_explain" not in done.stderr


def test_a_method_is_found_below_its_decorator(cli: Cli, file: Path) -> None:
    lines = numbered(explained(cli, "jobs.py:Account.withdraw"))
    assert LINES[24] in {line["source"] for line in lines.values()}
    module = explained(cli, "jobs:Account.withdraw")
    assert module["name"] == "Account.withdraw"


def test_a_function_inside_of_one_is_named_with_a_dot(cli: Cli, file: Path) -> None:
    assert explained(cli, "jobs.py:decorate.wrapper")["name"] == "decorate.wrapper"
    assert explained(cli, "jobs.py:decorate")["defines"] == ["decorate.wrapper"]


def test_a_lambda_is_named_by_its_line(cli: Cli, file: Path) -> None:
    document = explained(cli, "jobs.py:32")
    assert (document["name"], LINES[32]) == ("<lambda>", "third = lambda: 3")


def test_a_module_is_explained_without_the_bodies_of_its_functions(cli: Cli, file: Path) -> None:
    document = explained(cli, "jobs.py")
    lines = numbered(document)
    assert (document["name"], 5 in lines, 7 in lines) == ("<module>", True, False)
    assert {"crunch", "Account", "Account.fails"} <= set(document["defines"])


REFUSED = {
    "no file": (["gone.py:f"], 'there is no file "gone.py"'),
    "near file": (["job.py:f"], "Did you mean 'jobs.py'"),
    "near function": (["jobs.py:crnch"], "Did you mean 'crunch'?"),
    "no module": (["jbs:crunch"], "Did you mean 'jobs'"),
    "lambdas": (["jobs.py:<lambda>"], 'has 3 of "<lambda>", in lines 31, 31, 32'),
    "two in a line": (["jobs.py:31"], "begins 2 functions"),
    "no function there": (["jobs.py:2"], "no function in line 2"),
    "not Python": (["text.py:f"], "is not Python 3."),
    "bytes": (["bytes.py:f"], "is not Python 3."),
    "folder": (["folder.py:f"], "Is a directory"),
    "built in": (["math:sqrt"], '"math.sqrt" is not written in Python, but in C'),
    "taken from C": (["os:getcwd"], '"os.getcwd" is not written in Python, but in C'),
    "broken package": (["broken.inner:f"], "fails when it is imported (ZeroDivisionError: "),
    "nothing": ([":f"], "names no function"),
    "no arguments": (["jobs.py:crunch", "--run", "1 +"], "is no list of arguments"),
    "hot": (["jobs.py:crunch", "--hot", "0"], "--hot must be"),
    "whole": (["jobs.py", "--run", "1"], "cannot be called"),
    "called C": (["math:sqrt", "--run", "2.0"], "sqrt is not written in Python, but in C"),
    "class": (["jobs.py:Account", "--run", ""], "is a class"),
    "truncated": (["short.pyc"], "is truncated"),
    "no pyc": (["text.pyc"], "is no .pyc file"),
    "flags": (["flags.pyc"], "no flag 0x80"),
    "damaged": (["half.pyc"], "is damaged behind its header"),
    "no code": (["none.pyc"], "holds no code, but a NoneType"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_explained_is_told_in_a_sentence(
    cli: Cli, file: Path, tmp_path: Path, case: str
) -> None:
    (tmp_path / "text.py").write_text("this is no Python\n")
    (tmp_path / "bytes.py").write_bytes(b"\x00\xff\xfe")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("1 // 0\n")
    data = compiled(file, py_compile.PycInvalidationMode.TIMESTAMP).read_bytes()
    (tmp_path / "short.pyc").write_bytes(data[:9])
    (tmp_path / "half.pyc").write_bytes(data[: len(data) // 2])
    (tmp_path / "flags.pyc").write_bytes(data[:4] + b"\x80" + data[5:])
    (tmp_path / "none.pyc").write_bytes(data[:16] + b"N")
    (tmp_path / "text.pyc").write_text("this is prose, and long enough for a header\n")
    arguments, message = REFUSED[case]
    done = cli("explain", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def compiled(file: Path, mode: py_compile.PycInvalidationMode) -> Path:
    target = file.with_suffix(".pyc")
    py_compile.compile(str(file), str(target), doraise=True, invalidation_mode=mode)
    return target


def test_a_pyc_has_its_header_explained(cli: Cli, file: Path) -> None:
    compiled(file, py_compile.PycInvalidationMode.TIMESTAMP)
    document = explained(cli, "jobs.pyc:crunch")
    header = dict(document["header"])
    assert header["magic"].endswith(f"Python 3.{sys.version_info.minor}")
    assert header["source size"].startswith(f"{len(CRUNCH)} bytes")
    assert numbered(document)[10]["source"] == LINES[10]


@pytest.mark.parametrize("mode", ["CHECKED_HASH", "UNCHECKED_HASH"])
def test_a_pyc_by_hash_has_its_hash_shown(cli: Cli, file: Path, mode: str) -> None:
    target = compiled(file, py_compile.PycInvalidationMode[mode])
    header = dict(explained(cli, "jobs.pyc")["header"])
    assert header["hash"] == target.read_bytes()[8:16].hex()
    assert ("not compared" in header["flags"]) is (mode == "UNCHECKED_HASH")


def test_a_pyc_whose_source_has_changed_is_shown_without_it(cli: Cli, file: Path) -> None:
    compiled(file, py_compile.PycInvalidationMode.TIMESTAMP)
    file.write_text(CRUNCH + "\n\nmore = 1\n")
    document = explained(cli, "jobs.pyc:crunch")
    assert "has changed since" in document["notes"][0]
    assert all(line["source"] is None for line in document["lines"])


@pytest.mark.parametrize("minor", range(11, 16))
def test_another_versions_pyc_names_the_python_that_can_show_it(
    cli: Cli, tmp_path: Path, minor: int
) -> None:
    magic = 2900 + 50 * minor  # that of its first alpha release, which nobody has
    (tmp_path / "other.pyc").write_bytes(magic.to_bytes(2, "little") + b"\r\n" + bytes(12) + b"N")
    done = cli("explain", "other.pyc")
    assert done.returncode == 2
    assert f"magic {magic}: Python 3.{minor}" in done.stderr
    assert f"`python3.{minor} -m ungil explain" in done.stderr


def test_a_pyc_of_a_version_too_old_is_told_so(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "old.pyc").write_bytes((3439).to_bytes(2, "little") + b"\r\n" + bytes(12) + b"N")
    done = cli("explain", "old.pyc")
    assert done.returncode == 2
    assert "Python 3.10 or older" in done.stderr


OTHERS = {
    path.name: path
    for path in (Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3.1[1-9]")
    if path.name != f"python3.{sys.version_info.minor}"
}


@pytest.mark.skipif(not OTHERS, reason="pyenv has no other Python here")
def test_a_pyc_of_another_python_is_explained_by_that_one(cli: Cli, file: Path) -> None:
    name, program = sorted(OTHERS.items())[-1]
    compiling = f"import py_compile; py_compile.compile({str(file)!r}, 'other.pyc', doraise=True)"
    subprocess.run([program, "-c", compiling], cwd=file.parent, check=True)
    document = explained(cli, "other.pyc:crunch")
    assert f"python{document['python']}".startswith(name)
    assert any(line["source"] and "total += i * 2" in line["source"] for line in document["lines"])
    assert dict(document["header"])["magic"].endswith(name.replace("python", "Python "))
    assert f"/{name}, for this is its byte code" in document["notes"][-1]


@pytest.mark.skipif(not OTHERS, reason="pyenv has no other Python here")
def test_what_another_python_refuses_is_told(cli: Cli, file: Path) -> None:
    program = sorted(OTHERS.items())[-1][1]
    compiling = f"import py_compile; py_compile.compile({str(file)!r}, 'other.pyc', doraise=True)"
    subprocess.run([program, "-c", compiling], cwd=file.parent, check=True)
    done = cli("explain", "other.pyc:crush")
    assert done.returncode == 2
    assert "has no function \"crush\". Did you mean 'crunch'" in done.stderr


def test_the_text_fits_the_terminal_and_falls_back_to_one_column(cli: Cli, file: Path) -> None:
    for width in (30, 50, 120, 160):
        text = cli("explain", "jobs.py:crunch", env={"COLUMNS": str(width)}).stdout
        assert max(map(len, text.splitlines())) <= width
        assert ("│" in text) is (width >= 120)
        assert "total += i * 2" in text or width == 30


def test_colour_only_adds(cli: Cli, file: Path) -> None:
    plain = cli("explain", "jobs.py:crunch").stdout
    painted = cli("explain", "jobs.py:crunch", "--color=always").stdout
    assert plain != painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_a_page_has_everything_without_scripts(cli: Cli, file: Path, tmp_path: Path) -> None:
    file.write_text("def f(x):\n    while x < 3:\n        x += '<b>&'\n    return x\n")
    done = cli("explain", "jobs.py:f", "--html", "page.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (tmp_path / "page.html").read_text()
    assert "x += &#39;&lt;b&gt;&amp;&#39;" in page
    ids = set(re.findall(r'id="(L\d+)"', page))
    assert ids
    assert set(re.findall(r'href="#(L\d+)"', page)) == ids


def test_a_target_file_that_cannot_be_written_is_told_first(cli: Cli, file: Path) -> None:
    done = cli("explain", "jobs.py:crunch", "--run", "1", "--html=no/such.html")
    assert done.returncode == 2
    assert not (file.parent / "imported").exists()


def add(a: float, b: float) -> float:
    return a + b


class Held:
    def method(self) -> int:
        return 1


def test_the_function_explains_callables_of_every_kind(tmp_path: Path) -> None:
    callables: list[tuple[Callable[..., object], str]] = [
        (add, "add"),
        (Held.method, "Held.method"),
        (Held().method, "Held.method"),
        (functools.partial(add, 1), "add"),
        (functools.lru_cache(add), "add"),
        (lambda: 1, "test_the_function_explains_callables_of_every_kind.<lambda>"),
    ]
    for function, name in callables:
        assert ungil.explain(function).to_dict()["name"] == name
    ungil.explain(add).save(tmp_path / "page.html")
    assert "BINARY_OP" in (tmp_path / "page.html").read_text()


def test_the_function_runs_it_hot_with_arguments() -> None:
    explanation = ungil.explain(add, args=(1.5,), kwargs={"b": 2.5}, hot=64)
    names = {each["name"]: each["specialised"] for each in instructions(explanation.to_dict())}
    assert names["BINARY_OP"] == "BINARY_OP_ADD_FLOAT"
    assert "BINARY_OP_ADD_FLOAT" in repr(explanation)


@pytest.mark.parametrize("thing", [math.sqrt, len, int, Held, 7, "math:sqrt", "nowhere:f"])
def test_the_function_refuses_what_has_no_byte_code(thing: Any) -> None:
    with pytest.raises(ValueError, match=r"in C|is a class|no function|no module"):
        ungil.explain(thing)


def test_code_whose_source_is_gone_or_changed_is_shown_without_it(
    tmp_path: Path, file: Path
) -> None:
    script = (
        "import sys; sys.path.insert(0, '.'); import jobs, ungil, pathlib\n"
        "pathlib.Path('jobs.py').write_text('x = 1\\n' * 40)\n"
        "print(ungil.explain(jobs.crunch).to_dict()['notes'])\n"
        "pathlib.Path('jobs.py').unlink()\n"
        "print(ungil.explain(jobs.crunch).to_dict()['notes'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    changed, gone = ran.stdout.splitlines()
    assert "has changed since" in changed
    assert "is not there" in gone


def test_a_generator_is_not_run_by_calling_it(cli: Cli, file: Path) -> None:
    document = explained(cli, "jobs.py:generates", "--run", "")
    assert "has to be consumed" in document["notes"][0]


def test_warnings_about_the_source_are_left_to_python(cli: Cli, file: Path) -> None:
    file.write_text("def f():\n    return '\\d'\n")
    done = cli("explain", "jobs.py:f")
    assert (done.returncode, done.stderr) == (0, "")
