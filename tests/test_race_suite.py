"""Every bug of the suite is found within the default budget; the correct programs are proved."""

from collections.abc import Callable

import pytest
import ungil.race
from race_suite.buggy import BUGGY
from race_suite.correct import CORRECT


def name(model: object) -> str:
    return getattr(model, "__name__", str(model))


@pytest.mark.parametrize(("model", "kind"), BUGGY, ids=name)
def test_the_bug_is_found(model: Callable[[], object], kind: str) -> None:
    [finding] = ungil.race.explore(model).findings
    assert finding.kind == kind


@pytest.mark.parametrize("model", CORRECT, ids=name)
def test_the_correct_program_is_proved(model: Callable[[], object]) -> None:
    result = ungil.race.explore(model)
    assert result.ok, result
    assert result.proved, result
