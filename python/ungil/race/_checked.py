"""Models that have been found to do the same twice are not run twice in each exploration for that.

A function is the same model again where its code is, and what it has captured are plain values, or
functions and classes. What it finds in global variables may have changed: the first explorations
are checked all the same, and some of the later ones; and where a schedule cannot be repeated, the
exploration begins once more, checked.
"""

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from ungil.race._strategies import Strategy

# So many explorations of a model are checked, and then one of so many.
_FIRST, _EVERY = 3, 16
_MOST_MODELS = 1000
_PLAIN = frozenset((int, float, str, bytes, bool, type(None), type))

# How often each model has been explored and did the same, and its code, which the key tells of by
# its address.
_known: dict[object, tuple[int, list[CodeType]]] = {}


def explore(
    session: Any,
    model: Callable[[], object],
    strategy: Strategy,
    seed: int,
    schedules: int,
    seconds: float,
    *,
    repeats: bool,
) -> dict[str, Any]:
    """What `session.explore` has found; unless the model `repeats` what it did, always checked."""
    codes: list[CodeType] = []
    key = _key(model, codes) if repeats else None
    known = _known.get(key) if key is not None else None
    times, budget = known[0] if known else 0, (seed, schedules, seconds)
    if known and times >= _FIRST and times % _EVERY:
        found: dict[str, Any] = session.explore(strategy.name, strategy.number, *budget, True)
        if "diverged" not in found:
            _known[key] = (times + 1, known[1])
            return found
        del _known[key]
    found = session.explore(strategy.name, strategy.number, *budget, False)
    if key is not None and "diverged" not in found:
        if len(_known) >= _MOST_MODELS:
            _known.clear()
        _known[key] = (times + 1, codes)
    return found


def _key(value: object, codes: list[CodeType]) -> object:
    """What tells a model, or what it has captured, from others; `None` where nothing does."""
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if isinstance(value, tuple):
        parts = value
    elif isinstance(value, FunctionType):
        codes.append(value.__code__)
        try:
            captured = tuple(cell.cell_contents for cell in value.__closure__ or ())
        except ValueError:  # not assigned yet
            return None
        if value.__kwdefaults__:
            return None
        parts = captured + (value.__defaults__ or ())
    else:
        return None
    keys = [_key(part, codes) for part in parts]
    if None in keys:
        return None
    return kind, id(getattr(value, "__code__", None)), *keys
