"""What is explored: a model, or its parts; and what is no model."""

import asyncio
import inspect
import sys
import threading
import unittest
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

# Not run by calling it.
_NO_FUNCTION = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def model_of(
    model: Callable[[], object] | None,
    setup: Callable[[], Any] | None,
    workers: Sequence[Callable[..., object]],
    invariant: Callable[..., object] | None,
) -> Callable[[], object]:
    """The function that one run calls."""
    if model is not None:
        if setup is not None or workers or invariant is not None:
            raise TypeError("explore takes a model, or setup, workers and invariant: not both")
        return _checked(model, "a model is a function without arguments")
    if isinstance(workers, str) or not isinstance(workers, Sequence) or not workers:
        raise TypeError("explore needs a model, or workers=[...] for threads")
    given = 0 if setup is None else 1
    begin = None if setup is None else _checked(setup, "setup= is a function without arguments")
    wanted = "takes what setup= makes" if given else "is called without arguments"
    each = f"each of workers= is a function and {wanted}"
    called = tuple(_checked(it, each, given) for it in workers)
    check = None
    if invariant is not None:
        check = _checked(invariant, f"invariant= is a function and {wanted}", given)

    def made() -> None:
        state = () if begin is None else (begin(),)
        threads = [threading.Thread(target=worker, args=state) for worker in called]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if check is not None and check(*state) is False:
            raise AssertionError("the invariant does not hold")

    return made


def _checked(function: Any, what: str, arguments: int = 0) -> Callable[..., Any]:
    """Refuses what would fail, or do nothing, whatever the schedule. Coroutines get a loop."""
    made: Callable[..., Any] = function
    if _is_plain(function, arguments):
        return made
    if not callable(function):
        raise TypeError(f"{what}, not {type(function).__name__}")
    try:
        inspect.signature(function).bind(*range(arguments))
    except ValueError:
        pass  # written in C, and does not tell
    except TypeError as error:
        name = getattr(function, "__qualname__", type(function).__name__)
        raise TypeError(f"{what}; {name}: {error}") from None
    inner = function
    while hasattr(inner, "func"):  # of a partial
        inner = inner.func
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TypeError(f"{what}, and a generator does nothing when it is called")
    if inspect.iscoroutinefunction(inner):
        return lambda *given: asyncio.run(function(*given))
    return made


def _is_plain(function: object, arguments: int) -> bool:
    """Whether it is a function of so many arguments: as `inspect` has it, in less time."""
    if not isinstance(function, FunctionType) or function.__dict__:
        return False
    code = function.__code__
    is_taken = code.co_argcount == arguments and code.co_kwonlyargcount == 0
    return is_taken and code.co_flags & _NO_FUNCTION == 0


def check_numbers(**options: Any) -> None:
    """Refuses counts and limits of time that make no sense."""
    for name, value in options.items():
        counts = name in ("max_schedules", "max_steps", "seed")
        if not isinstance(value, int if counts else (int, float)) or isinstance(value, bool):
            described = "a whole number" if counts else "a number of seconds"
            raise TypeError(f"{name} is {described}, not {type(value).__name__}")
        if name == "seed":
            if not 0 <= value < 2**64:
                raise ValueError(f"seed is from 0 to 2**64 - 1, not {value}")
        elif counts and value < 1:
            raise ValueError(f"{name} is 1 or more, not {value}")
        elif not value > 0:
            raise ValueError(f"{name} is more than 0, not {value}")


def check_lists(**options: Any) -> None:
    """Refuses one text where several are meant: its letters would be taken for them."""
    for name, value in options.items():
        if isinstance(value, str):
            raise TypeError(f'{name} is a list: {name}=["{value}"]')


def name_of(model: Callable[[], object] | None) -> str | None:
    """`path/to/file.py::function`, where it can be named from outside."""
    code = getattr(model, "__code__", None)
    if not isinstance(code, CodeType) or code.co_qualname != code.co_name:
        return None  # made inside of a function, or a method
    return None if code.co_name == "<lambda>" else f"{code.co_filename}::{code.co_name}"


def ends_the_test(error: BaseException) -> bool:
    """Whether this is no failure, but says that a test is not to be run."""
    outcomes: Any = sys.modules.get("_pytest.outcomes")
    skips: tuple[type[BaseException], ...] = (unittest.SkipTest,)
    if outcomes is not None:
        skips = (*skips, outcomes.Skipped, outcomes.XFailed, outcomes.Exit)
    return isinstance(error, skips)
