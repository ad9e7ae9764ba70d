"""What is not in the native language, and bad input: each with what to do instead."""

import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def has_a_dict(n: Any) -> Any:
    values = {n: 0}
    return values


def catches(x: Any) -> Any:
    try:
        return 1 / x
    except:  # noqa: E722
        return 0.0


def two_types(flag: Any) -> Any:
    if flag:
        x = 1
        x = x + 1
    else:
        x = 0.5  # type: ignore[assignment]
    return x


def maybe_returns(x: Any) -> Any:
    if x > 0:
        return x


def prints(x: Any) -> Any:
    print(x)


def calls_a_stranger(x: Any) -> Any:
    return textwrap.dedent(x)


def unknown(x: Any) -> Any:
    return x + nothing_of_that_name  # type: ignore[name-defined]  # noqa: F821


def without_an_end(n: Any) -> Any:
    if n == 0:
        return 0
    return without_an_end(n - 1)


def float_index(a: Any) -> Any:
    return a[1.5]


REFUSALS = [
    (has_a_dict, (3,), "native code has no dicts", "{n: 0}"),
    (catches, (1.0,), "this would take Ctrl-C as well", "except"),
    (two_types, (True,), "`x` can have two types here", "x"),
    (maybe_returns, (1.0,), "`maybe_returns` can end without a `return`", "maybe_returns"),
    (prints, (1,), "native code has no `print`", "print"),
    (calls_a_stranger, (1,), "native code cannot call `dedent`", "textwrap.dedent"),
    (unknown, (1,), "there is no `nothing_of_that_name`", "nothing_of_that_name"),
    (float_index, (np.ones(2),), "an index has to be an int", "1.5"),
]


@pytest.mark.parametrize(("function", "arguments", "title", "underlined"), REFUSALS)
def test_a_refusal_underlines_the_piece_of_source_and_says_why(
    function: Callable[..., Any], arguments: tuple[Any, ...], title: str, underlined: str
) -> None:
    native = ungil.native(function)
    with pytest.raises(ungil.native.Refused) as caught:
        native(*arguments)
    lines = str(caught.value).splitlines()
    assert f"error: {title}" in lines
    assert caught.value.filename == __file__
    at = next(i for i, line in enumerate(lines) if "^" in line)
    start, end = lines[at].index("^"), lines[at].rindex("^") + 1
    assert lines[at - 1][start:end] == underlined
    assert str(caught.value.lineno) in lines[at - 1]
    assert any("help:" in line or "note:" in line for line in lines) or function is unknown


def test_a_recursive_function_needs_an_annotation() -> None:
    global without_an_end
    original = without_an_end
    without_an_end = ungil.native(without_an_end)
    try:
        with pytest.raises(ungil.native.Refused, match="annotate its result"):
            without_an_end(3)
    finally:
        without_an_end = original


def test_a_lambda_and_what_has_no_source_are_refused_at_once() -> None:
    with pytest.raises(ungil.native.Refused, match="is a lambda"):
        ungil.native(lambda x: x)
    names: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", names)
    with pytest.raises(ungil.native.Refused, match="source of f is not to be had"):
        ungil.native(names["f"])
    with pytest.raises(TypeError, match="takes a function that is written in Python"):
        ungil.native(len)


@ungil.native
def half(x: float, n: int) -> float:
    return x / n


def identity(x: Any) -> Any:
    return x


WRONG = [
    ((b"1", 1), TypeError, r"half\(\) argument 'x': expected float, got bytes"),
    ((1.0, 2.5), TypeError, r"half\(\) argument 'n': expected int, got float"),
    ((1.0, None), TypeError, r"half\(\) argument 'n': expected int, got NoneType"),
    ((1.0, 2**63), OverflowError, "does not fit into an int of 64 bits"),
    ((2**53 + 1, 1), OverflowError, "has no float of the same value"),
    ((10**100, 1), OverflowError, "does not fit into an int of 64 bits"),
]


@pytest.mark.parametrize(("arguments", "exception", "message"), WRONG)
def test_wrong_arguments_are_named(
    arguments: tuple[Any, ...], exception: type[Exception], message: str
) -> None:
    with pytest.raises(exception, match=message):
        half(*arguments)


ARRAYS = [
    (np.zeros(2, object), TypeError, "Python objects"),
    (np.zeros(2, np.clongdouble), TypeError, "of the format 'Zg'"),
    (np.zeros(2, ">f8"), TypeError, "most significant byte first"),
    (np.zeros(()), ValueError, "1 to 4 dimensions here, this one has 0"),
    (np.zeros((1,) * 5), ValueError, "1 to 4 dimensions here, this one has 5"),
    (np.broadcast_to(np.zeros(1), (2**50,)), ValueError, "too large"),
    ([1, 2], TypeError, "lists live in native code only"),
    ({1: 2}, TypeError, "expected a number, a text or an array, got dict"),
]


@pytest.mark.parametrize(("value", "exception", "message"), ARRAYS)
def test_arrays_of_what_is_no_number_are_refused(
    value: Any, exception: type[Exception], message: str
) -> None:
    with pytest.raises(exception, match=message):
        ungil.native(identity)(value)


@ungil.native
def inner(a: Any, i: Any) -> Any:
    return a[i] * 2


@ungil.native
def outer(a: Any, i: Any) -> Any:
    return inner(a, i) + 1


def test_a_traceback_has_the_lines_and_marks_of_all_native_functions() -> None:
    with pytest.raises(IndexError) as caught:
        outer(np.ones(2), 5)
    frames = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert [(frame.name, frame.line) for frame in frames] == [
        ("outer", "return inner(a, i) + 1"),
        ("inner", "return a[i] * 2"),
    ]
    assert (frames[1].colno, frames[1].end_colno) == (11, 15)


def test_with_fallback_python_runs_what_is_refused_and_warns() -> None:
    native = ungil.native(fallback=True)(has_a_dict)
    with pytest.warns(RuntimeWarning, match="has_a_dict is run by Python.*no dicts"):
        assert native(3) == {3: 0}
    assert ungil.native(fallback=True)(half.__wrapped__)(1.0, 2) == 0.5  # type: ignore[attr-defined]


class Counter:
    @ungil.native
    def plus(self, x: int) -> int:
        return x


def test_a_method_is_told_that_its_instance_is_no_number() -> None:
    with pytest.raises(
        TypeError, match=r"plus\(\) argument 'self': expected a number, a text or an array"
    ):
        Counter().plus(1)


DEEP = "def f(x):\n    return " + "(" * 180 + "x" + " + 1)" * 180 + "\n"


def test_text_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(DEEP)
    sys.path.insert(0, str(tmp_path))
    try:
        import deep  # type: ignore[import-not-found]  # noqa: PLC0415
    finally:
        sys.path.remove(str(tmp_path))
    with pytest.raises(ungil.native.Refused, match="nested too deeply"):
        ungil.native(deep.f)(1)


def run(program: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script = folder / "program.py"
    script.write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env=environment,
    )


def test_importing_ungil_does_not_import_llvmlite(tmp_path: Path) -> None:
    ran = run(
        """
        import sys, ungil

        @ungil.native
        def f(x):
            return x

        print("llvmlite" in sys.modules)
        """,
        tmp_path,
    )
    assert ran.stdout == "False\n", ran.stderr


def test_llvmlite_missing_or_too_old_is_said_with_the_remedy(tmp_path: Path) -> None:
    ran = run(
        """
        import sys, types, ungil

        @ungil.native
        def f(x):
            return x

        for version in (None, "0.40.1"):
            fake = None
            if version:
                fake = types.ModuleType("llvmlite")
                fake.__version__, fake.__path__ = version, []
                sys.modules["llvmlite.binding"] = types.ModuleType("llvmlite.binding")
            sys.modules["llvmlite"] = fake
            try:
                f(1)
            except ImportError as error:
                print(error)
        """,
        tmp_path,
        UNGIL_NATIVE_CACHE="off",
    )
    missing, old = ran.stdout.splitlines()
    assert "pip install 'ungil[native]'" in missing
    assert "llvmlite 0.40.1 is too old" in old
