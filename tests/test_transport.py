"""How large values travel: what comes out is a view of shared memory, and what cannot be one
(bytes, bytearray and str own their memory in CPython) is copied once.

That nothing was copied is proved by where the memory lies, not by the clock.
"""

import array
import gc
import pickle
import resource
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import ungil
from transport_support import POOL, lies_in, protection_of

MIB = 1 << 20
PATIENCE = 60.0


@pytest.fixture
def pool() -> Iterator[ungil.ProcessPoolExecutor]:
    with ungil.ProcessPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def readonly_pool() -> Iterator[ungil.ProcessPoolExecutor]:
    with ungil.ProcessPoolExecutor(1, readonly_buffers=True) as executor:
        yield executor


def same(value: Any) -> Any:
    return value


def is_view(buffer: Any) -> bool:
    return lies_in(buffer, POOL)


# --- views -----------------------------------------------------------------------------------

BUFFERS = {
    "array": np.arange(100_000),
    "Fortran array": np.asfortranarray(np.arange(90_000.0).reshape(300, 300)),
    "every other element": np.arange(100_000)[::2],
    "transposed": np.arange(96_000).reshape(40, 60, 40).transpose(2, 0, 1)[3:],
    "memoryview of bytes": memoryview(b"spam" * 25_000),
    "memoryview of bytearray": memoryview(bytearray(b"spam" * 25_000)),
    "memoryview of doubles": memoryview(array.array("d", range(50_000))),
    "memoryview in three dimensions": memoryview(bytes(24_000)).cast("h", (20, 30, 20)),
    "strided memoryview": memoryview(b"spam" * 25_000)[::2],
    "strided memoryview of a bytearray": memoryview(bytearray(b"spam" * 25_000))[::-2],
}


@pytest.mark.parametrize("name", BUFFERS)
def test_a_buffer_arrives_as_a_view_of_shared_memory(
    pool: ungil.ProcessPoolExecutor, name: str
) -> None:
    assert pool.submit(is_view, BUFFERS[name]).result()


@pytest.mark.parametrize("name", BUFFERS)
def test_a_buffer_in_a_result_is_a_view_of_shared_memory(
    pool: ungil.ProcessPoolExecutor, name: str
) -> None:
    back = pool.submit(same, BUFFERS[name]).result()
    assert lies_in(back, POOL)
    np.testing.assert_array_equal(back, BUFFERS[name])


def test_a_view_inside_of_containers_is_one_too(pool: ungil.ProcessPoolExecutor) -> None:
    back = pool.submit(same, {"a": [(memoryview(bytes(MIB)), 1)]}).result()
    assert lies_in(back["a"][0][0], POOL)


@pytest.mark.parametrize("name", [name for name in BUFFERS if "memoryview" in name])
def test_a_memoryview_keeps_its_format_shape_and_contents(
    pool: ungil.ProcessPoolExecutor, name: str
) -> None:
    sent: Any = BUFFERS[name]
    back = pool.submit(same, sent).result()
    assert type(back) is memoryview
    assert (back.format, back.shape, back.readonly, back.tolist()) == (
        sent.format,
        sent.shape,
        sent.readonly,
        sent.tolist(),
    )


@pytest.mark.parametrize("format", ["b", "B", "c", "?", "h", "Q", "f", "d"])
def test_an_empty_memoryview_arrives(pool: ungil.ProcessPoolExecutor, format: Any) -> None:
    assert pool.submit(same, memoryview(b"").cast(format)).result().tolist() == []


def test_a_memoryview_that_cannot_be_rebuilt_is_refused(pool: ungil.ProcessPoolExecutor) -> None:
    mixed: Any = np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])
    view = memoryview(mixed)
    with pytest.raises(pickle.PicklingError, match=r"send the object that it views"):
        pool.submit(same, view).result()


def test_a_view_survives_its_future_and_its_pool() -> None:
    with ungil.ProcessPoolExecutor(1) as own:
        back = own.submit(same, np.arange(MIB)).result()
        for _ in range(3):  # what would overwrite it, were its memory given back
            own.submit(same, np.zeros(MIB)).result()
    gc.collect()
    assert (back == np.arange(MIB)).all()


# --- what owns its memory -------------------------------------------------------------------

OWNERS = {
    "bytes": b"\x00\xff" * 100_000,
    "bytearray": bytearray(b"spam" * 100_000),
    "ASCII": "spam" * 100_000,
    "Latin": "späm" * 100_000,
    "snakes": "\N{SNAKE}" * 100_000,
    "lone surrogates": "\ud800" * 100_000,
    "array.array": array.array("d", range(100_000)),
    "nested": [({"a": b"x" * 200_000}, "y" * 200_000), bytearray(300_000), b"", "end"],
    "a frame's worth": [bytes([i]) * 1000 for i in range(200)],
    "just below a frame": b"x" * 65_535,
    "just a frame": b"x" * 65_536,
    "many large": [bytes([i]) * 70_000 for i in range(200)],
}


@pytest.mark.parametrize("name", OWNERS)
def test_a_large_value_comes_back_as_it_went(pool: ungil.ProcessPoolExecutor, name: str) -> None:
    back = pool.submit(same, OWNERS[name]).result()
    assert back == OWNERS[name]
    assert type(back) is type(OWNERS[name])


def test_one_object_in_two_places_stays_one(pool: ungil.ProcessPoolExecutor) -> None:
    data = bytes(200_000)
    first, second = pool.submit(same, [data, data]).result()
    assert first is second


def are_one(first: object, second: object) -> bool:
    return first is second


def test_one_object_in_two_arguments_stays_one(pool: ungil.ProcessPoolExecutor) -> None:
    data = bytearray(200_000)
    assert pool.submit(are_one, data, data).result()
    assert not pool.submit(are_one, data, bytearray(data)).result()


def test_keywords_travel_like_arguments(pool: ungil.ProcessPoolExecutor) -> None:
    assert pool.submit(same, value=b"x" * MIB).result() == b"x" * MIB


def peak(*_: object) -> int:
    """The greatest memory use of this process so far, shared memory included, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("kind", [bytes, bytearray, list])
def test_sending_makes_no_copy_but_the_one_in_shared_memory(kind: type[Any]) -> None:
    size = 192 * MIB
    with ungil.ProcessPoolExecutor(1) as own:
        own.submit(same, 1).result()
        data = [bytes(size)] if kind is list else kind(size)
        before = peak()
        own.submit(peak, data).result(PATIENCE)
        assert peak() - before < 1.5 * size


def test_receiving_bytes_copies_them_once() -> None:
    size = 192 * MIB
    with ungil.ProcessPoolExecutor(1) as own:
        before = own.submit(peak).result()
        after = own.submit(peak, bytes(size)).result(PATIENCE)
    assert after - before < 2.5 * size, "shared memory once, the bytes' own memory once"


# --- Arrow ------------------------------------------------------------------------------------


def test_arrow_buffers_are_views_and_survive_the_pool() -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pyarrow.table({"n": range(50_000), "s": [f"row {n}" for n in range(50_000)]})
    with ungil.ProcessPoolExecutor(1) as own:
        back = own.submit(same, table).result()
    gc.collect()
    buffers = [
        buffer
        for column in back.columns
        for chunk in column.chunks
        for buffer in chunk.buffers()
        if buffer is not None
    ]
    assert all(lies_in(buffer, POOL) for buffer in buffers)
    assert back == table


# --- writable or read-only ------------------------------------------------------------------


def is_writeable(buffer: np.ndarray) -> bool:
    return bool(buffer.flags.writeable)


def test_arguments_and_results_can_be_written_by_default(pool: ungil.ProcessPoolExecutor) -> None:
    assert pool.submit(is_writeable, np.zeros(MIB)).result()
    assert pool.submit(same, np.zeros(MIB)).result().flags.writeable


def test_arguments_and_results_are_read_only_on_request(
    readonly_pool: ungil.ProcessPoolExecutor,
) -> None:
    assert not readonly_pool.submit(is_writeable, np.zeros(MIB)).result()
    assert not readonly_pool.submit(same, np.zeros(MIB)).result().flags.writeable
    assert readonly_pool.submit(same, memoryview(bytearray(MIB))).result().readonly


def test_a_read_only_array_is_read_only_in_any_pool(pool: ungil.ProcessPoolExecutor) -> None:
    array = np.zeros(MIB)
    array.flags.writeable = False
    assert not pool.submit(is_writeable, array).result()


def test_what_is_written_stays_with_the_writer(pool: ungil.ProcessPoolExecutor) -> None:
    array = np.zeros(MIB)
    first = pool.submit(same, array).result()
    second = pool.submit(same, array).result()
    first += 1
    assert array.sum() == second.sum() == 0
    assert protection_of(first, POOL).startswith("rw")
