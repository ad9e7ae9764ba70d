"""Numbers that pages take from benchmarks/RESULTS.md are there.

Behind such a number stands a comment with the words of RESULTS.md that it comes from:

    ours take 7 % more than gcc's<!-- results: geometric mean of ungil / gcc: 1.07 -->
"""

import re
from pathlib import Path

import pytest
from test_docs_examples import PAGES, ROOT

RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text()
QUOTED = [
    (page, found[1])
    for page in PAGES
    for found in re.finditer(r"<!-- results: (.*?) -->", page.read_text())
]


@pytest.mark.parametrize(("page", "words"), QUOTED, ids=lambda part: getattr(part, "name", part))
def test_a_quoted_result_is_in_the_results(page: Path, words: str) -> None:
    assert words in RESULTS, f"{page.name}: measure again, or write what RESULTS.md says now"


def test_there_are_quoted_results() -> None:
    assert QUOTED
