"""`--pdb`: the debugger, in the thread and at the step where the bug shows."""

import pdb
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from ungil._ungil import race as _native
from ungil.race._code import Scope


class Debugger(pdb.Pdb):
    """Python's own. Whatever it does is no step of the model; to quit is to go on without it."""

    def trace_dispatch(self, frame: FrameType, event: str, arg: Any) -> Any:
        return _native.aside(super().trace_dispatch, frame, event, arg)

    def do_quit(self, arg: str) -> bool | None:
        return self.do_continue("")

    do_q = do_exit = do_EOF = do_quit


def stop(scope: Scope) -> Callable[[], None]:
    """Stops the thread that calls what is returned, in the code under test."""

    def stop_here() -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not scope.has(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is None:
            return
        debugger = Debugger()
        above: FrameType | None = frame
        while above is not None:  # 3.11 follows models by instructions, which pdb does not know
            above.f_trace_lines, above.f_trace_opcodes = True, False
            above = above.f_back
        print(f"The next step is the one at which the bug shows: {frame.f_code.co_qualname}.")
        debugger.set_trace(frame)
        if sys.version_info < (3, 13):  # later ones stop before the next instruction of themselves
            debugger.interaction(frame, None)

    return stop_here


def moment(told: dict[str, Any]) -> int | None:
    """The number of the step at which the bug shows, of a run that is told."""
    if not told["failures"] and told["races"]:
        second: int = told["races"][0][1]
        return second
    made = [ids[:2] for ids, verb, *_, line, _ in told["steps"] if line and verb != "joins"]
    if told["failures"]:
        failing = told["failures"][0][1]
        made = [ids for ids in made if ids[1] == failing] or made
    numbers = [number for number, _ in made if number < _native.NO_STEP]
    return numbers[-1] if numbers else None
