"""Every bug of the suite is found within the default budget; the correct programs are proved."""

import pytest
import ungil.race
from race_suite import BUGGY, CORRECT, NEEDED, Program
from race_suite.registry import Model


def name(it: Program | Model | int) -> str:
    return it.name if isinstance(it, Program) else getattr(it, "__name__", str(it))


def test_the_suite_is_as_large_as_it_says() -> None:
    assert len(BUGGY) >= 30
    assert len(CORRECT) >= 20


@pytest.mark.parametrize("program", BUGGY, ids=name)
def test_the_bug_is_found(program: Program) -> None:
    [finding] = ungil.race.explore(program.model).findings
    assert finding.kind == program.kind, finding


@pytest.mark.parametrize("program", CORRECT, ids=name)
def test_the_correct_program_is_proved(program: Program) -> None:
    result = ungil.race.explore(program.model, benign=program.benign)
    assert result.ok, result
    assert result.proved, result


@pytest.mark.parametrize(("model", "preemptions"), NEEDED, ids=name)
def test_as_many_preemptions_are_needed_as_it_says(model: Model, preemptions: int) -> None:
    def explore(most: int) -> ungil.race.Result:
        return ungil.race.explore(model, strategy=ungil.race.bounded(most), data_races=False)

    fewer = explore(preemptions - 1)
    assert fewer.ok, fewer
    assert fewer.note == f"all schedules of at most {preemptions - 1} preemptions"
    assert not explore(preemptions).ok
