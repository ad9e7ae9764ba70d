"""Models as tests."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, overload

from ungil.race._explore import explore

P = ParamSpec("P")


@overload
def test(model: Callable[P, object], /) -> Callable[P, None]: ...
@overload
def test(
    model: None = None,  # noqa: PT028
    /,
    **options: Any,
) -> Callable[[Callable[P, object]], Callable[P, None]]: ...
def test(model: Callable[..., object] | None = None, /, **options: Any) -> Any:  # noqa: PT028
    """Makes a model a test: calling it explores it and raises `RaceFound` where it fails.

    Options are those of `explore`. Arguments (fixtures, parameters, `self`) are the same in all
    runs.
    """
    if model is None:
        return lambda later: test_of(later, options)
    return test_of(model, options)


def test_of(model: Callable[..., object], options: dict[str, Any]) -> Callable[..., None]:
    @functools.wraps(model)
    def explored(*args: Any, **given: Any) -> None:
        bound = functools.partial(model, *args, **given) if args or given else model
        explore(bound, **options).assert_ok()

    explored.__test__ = True  # type: ignore[attr-defined]
    return explored


test.__test__ = False  # type: ignore[attr-defined]  # it makes tests; pytest must not take it for one
