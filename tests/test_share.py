"""`ungil.share`: one copy in shared memory for many tasks, which goes with its last user."""

import array
import gc
import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil
from programs import Program, wait_until
from transport_support import SHARE, address, is_mapped, lies_in, protection_of
from ungil import _shared_memory
from ungil._kinds import subinterpreter

MIB = 1 << 20
PATIENCE = 60.0
METHODS = ["forkserver", "spawn", "fork"]


@pytest.fixture
def pool() -> Iterator[ungil.ProcessPoolExecutor]:
    with ungil.ProcessPoolExecutor(2) as executor:
        yield executor


def same(value: Any) -> Any:
    return value


def total(values: Any) -> float:
    return float(np.sum(values))


def is_shared(buffer: Any) -> bool:
    return lies_in(buffer, SHARE)


def attached() -> int:
    """How many memories this worker has attached to."""
    return len(_shared_memory._kept)


# --- what tasks get ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_task_gets_a_view_whatever_the_start_method(method: str) -> None:
    executor = ungil.ProcessPoolExecutor(1, start_method=method)
    with executor as own, ungil.share(np.arange(MIB)) as shared:
        assert own.submit(is_shared, shared).result()
        assert own.submit(total, shared).result() == np.arange(MIB).sum()


def test_it_works_inside_of_containers(pool: ungil.ProcessPoolExecutor) -> None:
    with ungil.share(np.ones(MIB)) as shared:
        assert pool.submit(total, [shared, shared]).result() == 2 * MIB


def test_it_works_in_a_keyword_and_in_chunks_of_map(pool: ungil.ProcessPoolExecutor) -> None:
    with ungil.share(np.ones(MIB)) as shared:
        assert pool.submit(total, values=shared).result() == MIB
        assert list(pool.map(total, [shared] * 6, chunksize=3)) == [MIB] * 6


def test_a_worker_attaches_once() -> None:
    with ungil.ProcessPoolExecutor(1) as own, ungil.share(np.ones(MIB)) as shared:
        assert list(own.map(is_shared, [shared] * 20)) == [True] * 20
        assert own.submit(attached).result() == 1


def put_and_count(values: Any) -> int:
    values["mine"] = 1
    return len(values)


def test_each_task_has_containers_of_its_own(pool: ungil.ProcessPoolExecutor) -> None:
    with ungil.share({"array": np.ones(MIB)}) as shared:
        assert [pool.submit(put_and_count, shared).result() for _ in range(4)] == [2] * 4


VALUES = {
    "array": np.arange(MIB),
    "memoryview": memoryview(array.array("d", range(1000))),
    "dict": {"a": np.ones(1000), "b": [np.zeros((3, 4)), "text"]},
    "bytes": b"spam" * MIB,
    "array.array": array.array("i", range(100_000)),
    "every other element": np.arange(MIB)[::2],
    "empty": np.empty((0, 4)),
    "none": None,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_arrives_as_it_was_shared(pool: ungil.ProcessPoolExecutor, name: str) -> None:
    with ungil.share(VALUES[name]) as shared:
        for arrived in (pool.submit(same, shared).result(), shared.value):
            assert type(arrived) is type(VALUES[name])
            np.testing.assert_equal(arrived, VALUES[name])


@pytest.mark.parametrize("kind", ["thread", "serial"])
def test_pools_without_pickling_give_the_value_too(kind: str) -> None:
    with ungil.executor(kind, 1) as own, ungil.share(np.ones(MIB)) as shared:
        assert own.submit(is_shared, shared).result()
        assert own.submit(total, values=shared).result() == MIB


def remember(values: Any) -> None:
    hoard(lies_in(values, SHARE))


@pytest.mark.parametrize("method", METHODS)
def test_an_initializer_gets_the_value_too(method: str) -> None:
    with ungil.share(np.ones(MIB)) as shared:
        options: dict[str, Any] = {"initializer": remember, "initargs": (shared,)}
        with ungil.ProcessPoolExecutor(1, start_method=method, **options) as own:
            assert own.submit(hoarded).result() == 1


@pytest.mark.skipif(subinterpreter.why_not() is not None, reason="no interpreters here")
def test_interpreters_get_the_value_too() -> None:
    view = memoryview(b"spam" * MIB)
    with ungil.InterpreterPoolExecutor(1) as own, ungil.share(view) as shared:
        size: Any = len  # to a type checker a Shared is not what it holds
        copy: Any = bytes
        assert own.submit(size, shared).result() == 4 * MIB
        assert own.submit(copy, shared).result() == bytes(view)
        assert own.submit(size, ungil.share(view)).result() == 4 * MIB


def give_to(executor: type[Any], shared: Any) -> float:
    with executor(1) as own:
        return float(own.submit(total, shared).result())


def share_and_pass_on(executor: type[Any]) -> float:
    with ungil.share(np.ones(MIB)) as shared:
        return give_to(executor, shared)


def test_a_worker_can_share_with_workers_of_its_own(pool: ungil.ProcessPoolExecutor) -> None:
    assert pool.submit(share_and_pass_on, ungil.ProcessPoolExecutor).result() == MIB


def test_what_a_worker_shares_and_returns_arrives_as_its_value(
    pool: ungil.ProcessPoolExecutor,
) -> None:
    back: Any = pool.submit(ungil.share, np.ones(MIB)).result()
    assert back.sum() == MIB


def test_it_reaches_processes_that_are_not_ours() -> None:
    pool = multiprocessing.get_context("spawn").Pool(1)
    with pool as theirs, ungil.share(np.ones(MIB)) as shared:
        assert theirs.apply(total, (shared,)) == MIB


# --- read-only or writable -------------------------------------------------------------------


def try_to_write(values: Any) -> str:
    try:
        values[0] = 7
    except ValueError as error:
        return str(error)
    return "written"


def test_it_is_read_only_by_default(pool: ungil.ProcessPoolExecutor) -> None:
    with ungil.share(np.ones(MIB)) as shared:
        assert "read-only" in pool.submit(try_to_write, shared).result()
        assert not shared.value.flags.writeable


def test_the_kernel_too_refuses_writes() -> None:
    with ungil.share(np.ones(MIB)) as shared:
        assert protection_of(shared.value, SHARE).startswith("r--s")
        pid, descriptor, *_ = shared._memory.address  # type: ignore[union-attr]
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"x", 0)
        assert pid == os.getpid()


def test_writable_memory_is_written_for_all_to_see(pool: ungil.ProcessPoolExecutor) -> None:
    with ungil.share(np.zeros(MIB), writable=True) as shared:
        here = shared.value
        assert pool.submit(try_to_write, shared).result() == "written"
        assert here[0] == 7
        assert pool.submit(total, shared).result() == 7


def test_the_original_is_not_touched() -> None:
    original = np.zeros(MIB)
    with ungil.share(original, writable=True) as shared:
        shared.value[:] = 1
    assert original.sum() == 0


# --- how long it lives -----------------------------------------------------------------------


def test_a_view_outlives_close() -> None:
    shared = ungil.share(np.ones(MIB))
    view = shared.value
    shared.close()
    assert view.sum() == MIB
    del view
    assert not is_mapped(SHARE)


def test_views_of_one_process_share_a_mapping() -> None:
    with ungil.share(np.ones(MIB)) as shared:
        views = [shared.value for _ in range(10)]
        assert len({address(view) for view in views}) == 1


def test_a_closed_one_says_so(pool: ungil.ProcessPoolExecutor) -> None:
    shared = ungil.share(np.ones(MIB))
    shared.close()
    shared.close()
    assert shared.closed
    with pytest.raises(ValueError, match="share the value again"):
        _ = shared.value
    with pytest.raises(ValueError, match="is closed"):
        pool.submit(total, shared).result()


def test_a_task_on_its_way_keeps_it(pool: ungil.ProcessPoolExecutor) -> None:
    futures = [pool.submit(total, ungil.share(np.full(MIB, n))) for n in range(20)]
    assert [future.result() for future in futures] == [n * MIB for n in range(20)]


def test_close_in_the_middle_of_tasks_is_safe(pool: ungil.ProcessPoolExecutor) -> None:
    with ungil.share(np.ones(MIB)) as shared:
        futures = [pool.submit(total, shared) for _ in range(50)]
    assert sum(future.result() for future in futures) == 50 * MIB


def test_an_idle_worker_lets_go_of_what_was_closed() -> None:
    with ungil.ProcessPoolExecutor(1) as own:
        pid = own.submit(os.getpid).result()
        with ungil.share(np.ones(MIB)) as shared:
            own.submit(total, shared).result()
            assert is_mapped(SHARE, pid)
        wait_until(lambda: not is_mapped(SHARE, pid), PATIENCE)


def test_a_worker_lets_go_while_it_attaches_to_others() -> None:
    with ungil.ProcessPoolExecutor(1) as own:
        for _ in range(20):
            with ungil.share(np.ones(MIB)) as shared:
                own.submit(total, shared).result()
        with ungil.share(np.ones(MIB)) as shared:
            own.submit(total, shared).result()
            assert own.submit(attached).result() <= 2


def test_an_array_kept_by_a_worker_stays_valid() -> None:
    with ungil.ProcessPoolExecutor(1) as own:
        with ungil.share(np.ones(MIB)) as shared:
            own.submit(hoard, shared).result()
        assert own.submit(hoarded).result() == MIB


_hoard: list[Any] = []


def hoard(values: Any) -> None:
    _hoard.append(values)


def hoarded() -> float:
    return total(_hoard)


def die(values: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_costs_the_others_nothing() -> None:
    with ungil.ProcessPoolExecutor(1) as own, ungil.share(np.ones(MIB)) as shared:
        with pytest.raises(ungil.WorkerCrashed):
            own.submit(die, shared).result()
        assert own.submit(total, shared).result() == MIB


def test_a_retried_task_finds_it_still() -> None:
    pool = ungil.ProcessPoolExecutor(1, on_crash="retry", retries=2)
    with pool as own, pytest.raises(ungil.WorkerCrashed):
        own.submit(die, ungil.share(np.ones(MIB))).result()
    assert not is_mapped(SHARE)


PROGRAM = """
    import time
    import numpy as np
    import ungil

    def rest(values):
        print(values.sum(), flush=True)
        time.sleep(3600)

    if __name__ == "__main__":
        pool = ungil.ProcessPoolExecutor(1)
        shared = ungil.share(np.ones(1 << 20))
        pool.submit(rest, shared)
        time.sleep(3600)
"""


def shared_files(pid: int) -> set[str]:
    """The inodes of the shared memory that a process has open."""
    return {
        str(entry.stat().st_ino)
        for entry in Path(f"/proc/{pid}/fd").iterdir()
        if os.readlink(entry).startswith("/memfd:ungil-share")
    }


def processes_with(inode: str) -> list[str]:
    """The processes that have it mapped."""
    found = []
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with suppress(OSError):  # it has ended
            if any(line.split()[4] == inode for line in maps.read_text().splitlines()):
                found.append(maps.parent.name)
    return found


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    with Program(tmp_path, PROGRAM) as program:
        program.expect(str(float(1 << 20)))
        (inode,) = shared_files(program.process.pid)
        assert processes_with(inode)
        program.process.kill()
        wait_until(lambda: not processes_with(inode), PATIENCE)


# --- who can attach -------------------------------------------------------------------------


def test_it_is_nowhere_in_the_file_system() -> None:
    before = set(os.listdir("/dev/shm"))
    with ungil.share(np.ones(MIB)):
        assert {n for n in set(os.listdir("/dev/shm")) - before if "ungil" in n} == set()


def test_its_descriptor_is_not_inherited_by_programs() -> None:
    with ungil.share(np.ones(MIB)) as shared:
        descriptor = shared._memory.descriptor  # type: ignore[union-attr]
        assert not os.get_inheritable(descriptor)


def test_another_file_behind_the_address_is_refused() -> None:
    with ungil.share(np.ones(MIB)) as shared, ungil.share(np.zeros(MIB)) as other:
        pid, _, cookie, writable = shared._memory.address  # type: ignore[union-attr]
        wrong = (pid, other._memory.descriptor, cookie, writable)  # type: ignore[union-attr]
        with pytest.raises(RuntimeError, match=r"ungil\.share\(\) cannot be reached"):
            _shared_memory.attach(wrong)


def test_a_file_that_could_shrink_is_refused() -> None:
    descriptor = os.memfd_create("ungil-share", os.MFD_CLOEXEC)
    try:
        os.truncate(descriptor, MIB)
        with pytest.raises(RuntimeError, match="cannot be reached"):
            _shared_memory.attach((os.getpid(), descriptor, bytes(16), False))
    finally:
        os.close(descriptor)


def test_a_pickle_that_outlives_it_says_what_to_do() -> None:
    shared = ungil.share(np.ones(MIB))
    pickled = pickle.dumps(shared)
    assert pickle.loads(pickled).sum() == MIB
    shared.close()
    gc.collect()
    with pytest.raises(RuntimeError, match=r"Keep the ungil\.Shared"):
        pickle.loads(pickled)


# --- the object -----------------------------------------------------------------------------


def test_it_tells_its_size_and_its_kind() -> None:
    with ungil.share(np.ones(MIB), writable=True) as shared:
        assert MIB * 8 <= shared.nbytes < MIB * 8 + 1000
        assert shared.writable
        assert "writable" in repr(shared)
    assert "closed" in repr(shared)


def test_what_does_not_pickle_is_refused() -> None:
    with pytest.raises((TypeError, pickle.PicklingError), match="pickle"):
        ungil.share(sys._getframe())


def test_it_cannot_be_subclassed() -> None:
    with pytest.raises(TypeError, match="cannot be subclassed"):
        type("Mine", (ungil.Shared,), {})
