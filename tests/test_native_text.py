"""`str` and `bytes` in native functions: what CPython does with them."""

import importlib
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        found = function(*arguments)
    except Exception as error:
        return type(error), str(error)
    return type(found), found


def same(function: Any, *arguments: Any) -> None:
    """Native code does what Python does: result, or exception and its text."""
    assert outcome(ungil.native(function), *arguments) == outcome(function, *arguments)


def levenshtein(a: str, b: str, row: Any) -> int:
    for j in range(len(b) + 1):
        row[j] = j
    for i in range(len(a)):
        before, row[0] = row[0], i + 1
        for j in range(len(b)):
            cost = before if a[i] == b[j] else before + 1
            before = row[j + 1]
            row[j + 1] = min(cost, row[j] + 1, before + 1)
    return int(row[len(b)])


def test_levenshtein_of_all_kinds_of_text() -> None:
    np = pytest.importorskip("numpy")
    rng = random.Random(3)
    native = ungil.native(levenshtein)
    for alphabet in ("ab", "aé", "aβ", "a😀"):
        for _ in range(5):
            a, b = ("".join(rng.choices(alphabet, k=rng.randint(0, 12))) for _ in "ab")
            row = np.zeros(len(b) + 1, np.int64)
            assert native(a, b, row) == levenshtein(a, b, [0] * (len(b) + 1))


TEXTS = [
    "",
    "a",
    "ab",
    "b",
    "aé",
    "é",
    "\x00",
    "a\x00",
    "βa",
    "β",
    "😀",
    "a😀b",
    "\ud800",
    "abc" * 9,
]
BYTES = [text.encode("utf-8", "surrogatepass") for text in TEXTS]


def comparisons(a: Any, b: Any) -> Any:
    return a == b, a != b, a < b, a <= b, (a > b, a >= b), a in b, b not in a


def lengths(a: Any, b: Any) -> Any:
    total = len(a) * 100 + len(b)
    if a:
        total += 1
    if not b:
        total += 10
    return total if a < b != a else -total


@pytest.mark.parametrize("values", [TEXTS, BYTES])
def test_comparison_and_containment(values: list[Any]) -> None:
    for function in (comparisons, lengths):
        native = ungil.native(function)
        for a in values:
            for b in values:
                assert native(a, b) == function(a, b), (a, b)


def item(text: Any, i: int) -> Any:
    return text[i]


def part(text: Any, i: int, j: int) -> Any:
    return text[i:j]


def rest(text: Any, i: int, j: int) -> Any:
    middle = text[i:][:j]
    return middle[:-1:1] if len(middle) > 3 else middle


@pytest.mark.parametrize("values", [TEXTS, BYTES])
def test_indices_and_slices(values: list[Any]) -> None:
    for function in (part, rest):
        native = ungil.native(function)
        for text in values:
            for i in range(-4, 5):
                for j in (-2, 0, 1, 4, 99):
                    assert outcome(native, text, i, j) == outcome(function, text, i, j)
    one = ungil.native(item)
    for text in values:
        for i in range(-4, 5):
            assert outcome(one, text, i) == outcome(item, text, i)


def vowels(text: str) -> int:
    found = 0
    for at, c in enumerate(text):
        if c in "aeiou":
            found += 1
        elif "0" <= c <= "9" or c == "é":
            found += 100 * at
        elif c not in "xyz":
            found -= ord(c)
    return found


def last_letter(text: str) -> str:
    best = ""
    for c, d in zip(text, reversed(text)):  # noqa: B905
        if c > best and c != d:
            best = c
    return best


def code(text: str) -> int:
    return ord(text)


def checksum(data: bytes) -> int:
    total = 0
    for byte in data:
        total = total * 31 % 65521 + byte
    for at in range(len(data)):
        if data[at] == data[-at - 1] and data[at] in b"abc":
            total += 1
    return total


def byte_inside(byte: int, data: bytes) -> bool:
    return byte in data


@pytest.mark.parametrize("text", [*TEXTS, "hello world 42", "déjà vu 7", "x" * 40])
def test_loops(text: str) -> None:
    for function in (vowels, last_letter, code):
        same(function, text)
    same(checksum, text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("byte", [-1, 0, 97, 255, 256, 2**40])
def test_a_number_in_bytes(byte: int) -> None:
    same(byte_inside, byte, b"hello a\xff")


def named(kind: int, text: str) -> Any:
    if kind == 0:
        return "", b"", (text, 1.5)
    if kind == 1:
        return "zéro 😀", b"\x00\xff", (text[1:2], 2.5)
    return text[0], b"a" if text == "b" else b"other", (text, 0.0)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("text", ["", "a", "b", "β😀"])
def test_texts_in_results(kind: int, text: str) -> None:
    same(named, kind, text)


def in_parallel(text: str, wanted: str) -> int:
    found = 0
    for i in ungil.prange(len(text)):
        c = text[i]
        if c == wanted or text[i : i + 2] == "ab":
            found += 1
    return found


def test_parallel_loops() -> None:
    same(in_parallel, "abéaβab" * 50, "é")


def keyed(data: Any, key: Any = "k") -> Any:
    return data[0] == key


def test_defaults_and_keywords() -> None:
    same(keyed, "kl")
    assert ungil.native(keyed)("kl", key="l") is False


GLOBALS = """
from ungil import native

WORDS = ("one", "zwei", "trois β")
KEY = b"\\x01\\x02"
LIMITS = (1, 2.5, (True, "x"), 3j)
LETTERS = "aβc"
LONE = "\\ud800"


@native
def f(word: str, data: bytes) -> tuple[bool, bool, int, float]:
    hits = 0
    for c in word:
        if c in LETTERS and c != LONE:
            hits += 1
    return word in WORDS, data == KEY, hits * LIMITS[0], LIMITS[1] + len(LIMITS[2][1])
"""


def test_global_texts_and_tuples_are_constants_whose_change_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "native_globals.py").write_text(GLOBALS)
    monkeypatch.syspath_prepend(tmp_path)
    module: Any = importlib.import_module("native_globals")
    assert module.f("zwei", b"\x01\x02") == (True, True, 0, 3.5)
    module.WORDS = ("drei",)
    module.LETTERS = "z"
    assert module.f("zwei", b"\x01\x02") == (False, True, 1, 3.5)
    sys.modules.pop("native_globals")


def joined(a: str, b: str) -> Any:
    return a + b


def backwards(a: str) -> Any:
    return a[::-1]


def upper(a: str) -> Any:
    return a.upper()


def mixed(a: str, n: int) -> Any:
    return a == n  # type: ignore[comparison-overlap]


def formatted(n: int) -> Any:
    return f"{n}"


def listed(a: str) -> Any:
    letters = [a]
    return len(letters)


def lone() -> Any:
    return "\ud800"


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (joined, ("a", "b"), r"native code has no `\+` of these"),
        (backwards, ("ab",), "a slice of str has no step here"),
        (upper, ("a",), "native code has no `upper` of str"),
        (mixed, ("a", 1), "these are never equal"),
        (formatted, (1,), "native code has no texts that are put together"),
        (listed, ("a",), "a native list holds numbers of one type"),
        (lone, (), "native code cannot read this text"),
    ],
)
def test_the_rest_is_refused(function: Any, arguments: Any, text: str) -> None:
    with pytest.raises(ungil.native.Refused, match=text):
        ungil.native(function)(*arguments)


def test_other_types_are_no_texts() -> None:
    with pytest.raises(TypeError, match="expected str, got bytes"):
        ungil.native(vowels)(b"a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected bytes, got bytearray"):
        ungil.native(checksum)(bytearray(b"a"))  # type: ignore[arg-type]
