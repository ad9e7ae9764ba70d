"""joblib's Parallel on ungil's workers."""

import math
import multiprocessing
import os
import time
from functools import partial

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from ungil import ProcessPoolExecutor
from ungil.joblib import UngilBackend


def square_root(x: float) -> float:
    return math.sqrt(x)


def scale(array: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    return array * factor


def refuse(x: int) -> int:
    if x == 7:
        raise LookupError("seven")
    time.sleep(0.01)
    return x


def nested(x: int) -> int:
    inner = joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-i) for i in range(x))
    return sum(inner)


def pid_and_threads() -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def test_the_results_come_in_order_from_other_processes() -> None:
    with joblib.parallel_config(backend="ungil", n_jobs=2):
        calls = (joblib.delayed(square_root)(i * i) for i in range(300))
        assert joblib.Parallel()(calls) == [float(i) for i in range(300)]
        pids = joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(10))
    assert os.getpid() not in pids


def test_parallel_backend_the_older_spelling() -> None:
    with joblib.parallel_backend("ungil", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(abs)(-i) for i in range(5)) == list(range(5))


def test_named_at_parallel_itself_and_used_twice() -> None:
    with joblib.Parallel(n_jobs=2, backend="ungil") as parallel:
        first = parallel(joblib.delayed(os.getpid)() for _ in range(8))
        second = parallel(joblib.delayed(os.getpid)() for _ in range(8))
    assert set(second) <= set(first) | set(second)
    assert len(set(first) | set(second)) <= 2


def test_large_arrays_travel() -> None:
    arrays = [np.full(500_000, float(i)) for i in range(4)]
    with joblib.parallel_config(backend="ungil", n_jobs=2):
        scaled = joblib.Parallel()(joblib.delayed(scale)(a, 2.0) for a in arrays)
    for i, array in enumerate(scaled):
        np.testing.assert_array_equal(array, np.full(500_000, 2.0 * i))


def test_a_function_with_an_array_inside() -> None:
    with ProcessPoolExecutor(1) as pool:
        array = np.arange(300_000.0)
        total = pool.submit(partial(np.sum, array)).result()
        assert total == array.sum()


def test_an_exception_ends_the_call_and_the_backend_goes_on() -> None:
    with joblib.Parallel(n_jobs=2, backend="ungil") as parallel:
        with pytest.raises(LookupError, match="seven"):
            parallel(joblib.delayed(refuse)(i) for i in range(40))
        assert parallel(joblib.delayed(refuse)(i) for i in range(5)) == list(range(5))


def test_a_lambda() -> None:
    with joblib.parallel_config(backend="ungil", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(lambda x: x + 1)(i) for i in range(4)) == [
            1,
            2,
            3,
            4,
        ]


def test_generators() -> None:
    with joblib.parallel_config(backend="ungil", n_jobs=2):
        ordered = joblib.Parallel(return_as="generator")(joblib.delayed(abs)(-i) for i in range(50))
        assert list(ordered) == list(range(50))
        free = joblib.Parallel(return_as="generator_unordered")(
            joblib.delayed(abs)(-i) for i in range(50)
        )
        assert sorted(free) == list(range(50))


def test_a_call_that_takes_too_long_times_out() -> None:
    with pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(n_jobs=2, backend="ungil", timeout=0.2)(
            joblib.delayed(time.sleep)(30) for _ in range(2)
        )


def test_nested_calls() -> None:
    with joblib.parallel_config(backend="ungil", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(nested)(i) for i in range(4)) == [0, 0, 1, 3]


def test_workers_libraries_start_few_threads() -> None:
    with joblib.parallel_config(backend="ungil", n_jobs=2, inner_max_num_threads=3):
        told = joblib.Parallel()(joblib.delayed(pid_and_threads)() for _ in range(4))
    assert {threads for _, threads in told} == {"3"}


def test_arguments_for_the_executor() -> None:
    with joblib.parallel_config(backend="ungil", n_jobs=2, start_method="fork"):
        parents = joblib.Parallel()(joblib.delayed(os.getppid)() for _ in range(4))
    assert set(parents) == {os.getpid()}


@pytest.mark.parametrize(("n_jobs", "workers"), [(None, 1), (1, 1), (3, 3)])
def test_effective_n_jobs(n_jobs: int | None, workers: int) -> None:
    assert UngilBackend().effective_n_jobs(n_jobs) == workers
    with pytest.raises(ValueError, match="no meaning"):
        UngilBackend().effective_n_jobs(0)
    assert UngilBackend().effective_n_jobs(-1) >= 1


def slow_or_bad(x: int) -> int:
    if x < 0:
        raise LookupError("below zero")
    time.sleep(0.02)
    return x


def test_what_a_failed_call_leaves_is_not_counted_as_the_next_ones() -> None:
    with joblib.Parallel(n_jobs=2, backend="ungil", pre_dispatch="all") as parallel:
        for _ in range(2):
            with pytest.raises(LookupError, match="below zero"):
                parallel(joblib.delayed(slow_or_bad)(x) for x in [0, -1, *range(30)])
            assert parallel(joblib.delayed(slow_or_bad)(x) for x in range(4)) == [0, 1, 2, 3]
            assert parallel.n_completed_tasks == 4


def test_tasks_taken_ahead_by_a_failed_call_are_not_the_next_ones() -> None:
    with joblib.Parallel(n_jobs=2, backend="ungil", batch_size=1) as parallel:
        for _ in range(4):
            with pytest.raises(LookupError, match="below zero"):
                parallel(joblib.delayed(slow_or_bad)(x) for x in [-1, *range(9)])
            assert parallel(joblib.delayed(abs)(-x) for x in range(3)) == [0, 1, 2]


def test_an_aborted_call_is_not_heard_of_again() -> None:
    backend = UngilBackend()
    backend.configure(n_jobs=2, parallel=joblib.Parallel(n_jobs=2))
    told: list[object] = []
    for _ in range(4):
        backend.submit(partial(time.sleep, 60), told.append)
    backend.abort_everything()
    assert told == []
    backend.submit(partial(abs, -1), told.append)
    backend.terminate()
    assert len(told) == 1
    assert backend.compute_batch_size() == 1
