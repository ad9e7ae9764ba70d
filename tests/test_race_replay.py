"""A finding of one Python is replayed by another: by source positions and operations."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import ungil.race
from race_replay.bank import model as bank

SAVED = Path(__file__).parent / "race_replay" / "finding.json"


def saved() -> ungil.race.Finding:
    return ungil.race.Finding.from_json(SAVED.read_text(encoding="utf-8"))


def test_a_finding_of_another_python_fails_here_as_it_did_there() -> None:
    again = ungil.race.replay(saved(), bank)
    assert again.kind == saved().kind


def test_the_threads_are_put_aside_at_the_same_lines() -> None:
    again = ungil.race.replay(saved(), bank)
    assert [switch and switch.line for switch in again.switches] == [
        switch and switch.line for switch in saved().switches
    ]


def from_elsewhere(model: Callable[[], object], **options: object) -> ungil.race.Finding:
    """A finding whose numbers of steps are of no use here."""
    [finding] = ungil.race.explore(model, **options).findings  # type: ignore[arg-type]
    turns = tuple((thread, 1) for thread, _ in finding.turns)
    return dataclasses.replace(finding, python="2.7", turns=turns)


@pytest.mark.parametrize("seed", range(3))
def test_switches_alone_lead_to_the_failure(seed: int) -> None:
    strategy = ungil.race.random()
    finding = from_elsewhere(bank, strategy=strategy, seed=seed, max_schedules=5000)
    assert ungil.race.replay(finding, bank).kind == finding.kind


def test_what_a_changed_program_does_not_do_any_more_is_told() -> None:
    finding = from_elsewhere(bank)
    with pytest.raises(RuntimeError, match=r"no longer does what it did: .* never comes to where"):
        ungil.race.replay(finding, lambda: None)
