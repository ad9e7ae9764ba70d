"""What somebody may have meant who named a thing that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, known: Iterable[str]) -> str:
    """A sentence, with a blank before it, that names what is alike, or all if that is little."""
    known = [each for each in dict.fromkeys(known) if not each.endswith(">")]
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(repr(each) for each in near)}?"
    return f" It has: {', '.join(known[:8])}." if 0 < len(known) <= 8 else ""
