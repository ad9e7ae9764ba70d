"""How the benchmark turns raw figures into the ratios that are published."""

import os

import pytest

from poolbench.contenders import contenders
from poolbench.machine import spread
from poolbench.measures import P50, RATE, START, proportional_and_unique
from poolbench.report import Results, markdown

ROUNDS = [
    {"ungil fork": {"rate": 40.0, "p50": 10.0}, "futures fork": {"rate": 10.0, "p50": 50.0}},
    {"ungil fork": {"rate": 60.0, "p50": 20.0}, "futures fork": {"rate": 30.0, "p50": 40.0}},
    {"ungil fork": {"rate": 50.0}, "futures spawn": {"rate": 5.0}},
]


def test_ratios_are_of_figures_from_the_same_round() -> None:
    results = Results(2, 100, [], ROUNDS)
    assert results.ratios("ungil fork", ["futures fork"], RATE) == [4.0, 2.0]


def test_less_is_better_where_time_is_measured() -> None:
    results = Results(2, 100, [], ROUNDS)
    assert results.ratios("ungil fork", ["futures fork"], P50) == [5.0, 2.0]


def test_the_best_of_several_is_chosen_in_each_round() -> None:
    results = Results(2, 100, [], ROUNDS)
    theirs = ["futures fork", "futures spawn"]
    assert results.ratios("ungil fork", theirs, RATE) == [4.0, 2.0, 10.0]
    assert results.ratios("ungil fork", theirs, START) == []


def test_a_ratio_is_told_with_its_spread() -> None:
    assert spread([4.0, 2.0, 10.0]) == "4.00 times (2.00 - 10.00)"


def test_the_table_compares_with_the_same_start_method() -> None:
    results = Results(2, 100, [1e9] * 3, ROUNDS)
    rows = [line for line in markdown(results, contenders()) if line.startswith("| futures fork")]
    assert rows[0].endswith("| 3.00 times (2.00 - 4.00) |")


def test_memory_is_the_kernels() -> None:

    pss, uss = proportional_and_unique(os.getpid())
    assert 1 << 20 < uss <= pss


@pytest.mark.parametrize("name", ["futures thread", "futures fork", "mp.Pool imap_unordered"])
def test_a_contender_burns_through_its_burst_and_closes(name: str) -> None:
    contender = next(c for c in contenders() if c.name == name)
    pool = contender.open(2)
    try:
        pool.burst(10)
        assert pool.call(abs, -3) == 3
        assert len(pool.pids()) == (0 if contender.kind == "thread" else 2)
    finally:
        pool.close()
