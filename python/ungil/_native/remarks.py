"""LLVM's remarks about loops in plain words."""

from __future__ import annotations

import re
from collections import defaultdict

REMARK = re.compile(r"remark: (?P<file>.*):(?P<line>\d+):\d+: (?P<text>.*)")

VECTORISED = re.compile(
    r"vectorized loop \(vectorization width: (?P<width>\S+), interleaved count: (?P<count>\d+)\)"
)

REASONS = [
    (
        "cannot prove it is safe to reorder floating-point",
        "sums of floats depend on their order; fastmath=True lets it be changed",
    ),
    (
        "could not determine number of loop iterations",
        "how often it goes round is not known beforehand: something in it may leave it, "
        "or it is a while loop",
    ),
    ("early exit", "something in it may leave it: a check that is made in every round, or a break"),
    (
        "control flow is not understood",
        "something in it may leave it: a check that is made in every round, or a break",
    ),
    (
        "unsafe dependent memory operations",
        "a round may read what an earlier one has written: the same array, or one that overlaps",
    ),
    ("cannot identify array bounds", "where it reads and writes is not known beforehand"),
    (
        "could not be identified as reduction",
        "a round needs what the one before has calculated",
    ),
    ("not beneficial", "it would not be faster"),
    ("instruction return type cannot be vectorized", "it handles values that vectors cannot have"),
    ("call instruction cannot be vectorized", "it calls a function"),
    ("not the innermost loop", "only innermost loops are"),
]
"""What LLVM says, and what that means here; the first that is found counts."""

SILENT = ("explicitly disabled", "interleaving is not beneficial", "interleaving is explicitly")


def in_words(remarks: list[str]) -> dict[tuple[str, int], list[str]]:
    """Sentences for a file's lines: what was made of the loops that begin there."""
    done: dict[tuple[str, int], set[str]] = defaultdict(set)
    reasons: dict[tuple[str, int], set[str]] = defaultdict(set)
    for remark in remarks:
        found = REMARK.match(remark.strip())
        if found is None or any(word in found["text"] for word in SILENT):
            continue
        place = (found["file"], int(found["line"]))
        text = found["text"]
        vectorised = VECTORISED.match(text)
        if vectorised is not None:
            done[place].add(of_vectors(vectorised["width"], int(vectorised["count"])))
        elif "SLP vectorized" in text:
            done[place].add("vectorised: what is done side by side here is done at once")
        elif "loop not vectorized: " in text:
            reasons[place].add(reason(text.partition("loop not vectorized: ")[2]))
    told: dict[tuple[str, int], list[str]] = {}
    for place in sorted(done.keys() | reasons.keys()):
        told[place] = sorted(done[place]) or [f"not vectorised: {first_of(reasons[place])}"]
    return told


def of_vectors(width: str, count: int) -> str:
    if width == "1":
        return f"unrolled: {count} rounds at a time"
    times = f", {count} such vectors at a time" if count > 1 else ""
    return f"vectorised: {width} rounds in a vector{times}"


def first_of(reasons: set[str]) -> str:
    """LLVM goes on after the first hindrance: the one that is nearest to the source counts."""
    known = [meant for _, meant in REASONS if meant in reasons]
    return known[0] if known else min(reasons)


def reason(text: str) -> str:
    for said, meant in REASONS:
        if said in text:
            return meant
    return f"LLVM says: {text}"
