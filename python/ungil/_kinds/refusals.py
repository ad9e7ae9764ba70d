"""Extension modules that cannot be loaded in an interpreter beside the main one.

Pure Python, and loaded inside such interpreters; see `ungil._kinds.inside`.
"""

from __future__ import annotations

# How they say no: CPython, PyO3, NumPy 1.
_REFUSALS = (
    "does not support loading in subinterpreters",
    "do not yet support subinterpreters",
    "does not support subinterpreters",
    "in subinterpreters",
    "Interpreter change detected",
)


def refused_module(error: BaseException | None) -> str:
    """The extension module whose refusal caused an error; empty if none did."""
    refused = ""
    while error is not None:  # to the innermost: packages wrap it in advice of their own
        text = str(error)
        if isinstance(error, ImportError) and any(refusal in text for refusal in _REFUSALS):
            words = text.split()
            named = words[1] if words[:1] == ["module"] and len(words) > 1 else ""
            refused = named or error.name or _importing(error) or "an extension module"
        error = error.__cause__ or error.__context__
    return refused


def _importing(error: BaseException) -> str:
    """The module whose code was running when the error came."""
    name = ""
    traceback = error.__traceback__
    while traceback is not None:
        found = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if found.partition(".")[0] not in ("importlib", "_ungil_inside", "ungil"):
            name = found
        traceback = traceback.tb_next
    return name
