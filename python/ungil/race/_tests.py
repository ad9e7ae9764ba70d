"""Models as tests."""

import functools
from collections.abc import Callable
from typing import Any, overload

from ungil.race._explore import explore


@overload
def test(model: Callable[[], object], /) -> Callable[[], None]: ...
@overload
def test(
    model: None = None,  # noqa: PT028
    /,
    **options: Any,
) -> Callable[[Callable[[], object]], Callable[[], None]]: ...
def test(model: Callable[[], object] | None = None, /, **options: Any) -> Any:  # noqa: PT028
    """Makes a model a test: calling it explores it and raises `RaceFound` where it fails.

    Options are those of `explore`.
    """
    if model is None:
        return lambda later: test_of(later, options)
    return test_of(model, options)


def test_of(model: Callable[[], object], options: dict[str, Any]) -> Callable[[], None]:
    @functools.wraps(model)
    def explored() -> None:
        explore(model, **options).assert_ok()

    explored.__test__ = True  # type: ignore[attr-defined]
    return explored


test.__test__ = False  # type: ignore[attr-defined]  # it makes tests; pytest must not take it for one
