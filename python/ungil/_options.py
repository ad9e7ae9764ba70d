"""Options of single tasks: what `executor.options(...)` gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, NoReturn, TypeVar

from ungil._context import WithContext
from ungil._mapping import MapCall

if TYPE_CHECKING:
    from ungil._executors import InterruptibleExecutor
    from ungil._future import Future

T = TypeVar("T")


class Options(NamedTuple):
    """What one task has that others need not have."""

    timeout: float | None = None
    priority: int = 0
    pass_context: bool = False


class Call(NamedTuple, Generic[T]):
    """What is submitted."""

    fn: Callable[..., T]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class OptionsView(Executor):
    """An executor whose tasks carry options; made by `executor.options(...)`.

    It is the same pool: the futures are the same, and shutting the view down, or leaving a `with`
    block of it, shuts the executor down.
    """

    def __init__(self, executor: InterruptibleExecutor, options: Options) -> None:
        self._executor = executor
        self._options = options

    # Not with a ParamSpec: the worker may pass the context before the arguments.
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Schedules `fn(*args, **kwargs)` with the options and gives its future."""
        function: Callable[..., T] = WithContext(fn) if self._options.pass_context else fn
        return self._executor._submit_with(self._options, Call(function, args, kwargs))

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> Iterator[T]:
        """The executor's `map` with the options; they hold for a chunk, which is one task.

        timeout: seconds until the last result must be there, as ever: not the option.
        """
        through, call = self, fn
        if self._options.pass_context:
            # The function of each item has it, and not that of a chunk.
            through = OptionsView(self._executor, self._options._replace(pass_context=False))
            call = WithContext(fn)
        request = MapCall(iterables, timeout, chunksize, buffersize, progress)
        return self._executor._map(through, call, request)

    def _weakly(self) -> Callable[[], OptionsView | None]:
        weak, options = self._executor._weakly(), self._options
        return lambda: None if (alive := weak()) is None else OptionsView(alive, options)

    def _may_wait(self) -> bool:
        return self._executor._may_wait()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shuts the executor down."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> Literal[False]:
        return self._executor.__exit__(exc_type, exc_val, exc_tb)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle an executor: make one where it is needed")


def check_timeout(timeout: float | None, name: str = "timeout") -> float | None:
    """A limit in seconds, or None for none; a `ValueError` or `TypeError` for what is no limit."""
    if timeout is None:
        return None
    if not isinstance(timeout, Real) or isinstance(timeout, bool):
        raise TypeError(f"{name} must be a number of seconds, not {timeout!r}")
    seconds = float(timeout)
    if not seconds > 0:  # NaN neither
        raise ValueError(f"{name} must be more than 0 seconds, not {timeout!r}")
    return seconds


def check_options(timeout: float | None, priority: int, pass_context: bool) -> Options:
    """The options, or a `ValueError` or `TypeError` that says what is wrong with them."""
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise TypeError(f"priority must be an integer, not {priority!r}")
    if not -(2**63) <= priority < 2**63:
        raise ValueError(f"priority must fit into 64 bits, but is {priority}")
    if not isinstance(pass_context, bool):
        raise TypeError(f"pass_context must be True or False, not {pass_context!r}")
    return Options(check_timeout(timeout), priority, pass_context)


def refuse_timeout(options: Options, why: str) -> None:
    """A `ValueError` for a limit where a task cannot be stopped."""
    if options.timeout is not None and math.isfinite(options.timeout):
        raise ValueError(
            f"timeout={options.timeout:g}: {why}. Use ungil.ProcessPoolExecutor "
            '(ungil.executor("process")), whose workers can be stopped'
        )
