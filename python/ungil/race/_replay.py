"""`replay`: the schedule of a finding once more."""

from collections.abc import Callable, Sequence

from ungil.race import _debugger, _schedule
from ungil.race._code import Scope
from ungil.race._explore import error_of, replaced, session_of
from ungil.race._finding import Finding
from ungil.race._model import model_of
from ungil.race._telling import build

_MOST_STEPS = 1_000_000


def replay(
    finding: Finding,
    model: Callable[[], object],
    *,
    pdb: bool = False,
    **scope: Sequence[str],
) -> Finding:
    """Runs the schedule of a finding once more and returns what it comes to.

    On the Python that it was found on every step is compared; another one makes other steps of the
    same lines, and there the threads are put aside before the same operations.

    With `pdb` it then runs it again, with Python's debugger in the thread and at the step where the
    bug shows. `scope` is `include`, `exclude` and `benign`, as they were for `explore`. Raises
    RuntimeError where the model does not do what it did then: it has been changed, or is not
    deterministic.
    """
    benign = frozenset(scope.pop("benign", ()))
    body = model_of(model, None, (), None)
    files = Scope(scope.get("include", ()), scope.get("exclude", ()))
    elsewhere = finding.python != _schedule.version() and bool(finding.switches)
    with replaced(files, benign, finding.mode):
        session = session_of(body, _MOST_STEPS, True)
        turns = list(finding.turns)
        if elsewhere:
            threads = [thread for thread, _ in turns]
            turns = _schedule.turns(session, threads, finding.switches)
        told = session.tell(turns)
    key = told["key"] or ("data race" if told["races"] else None)
    again = build(key or "nothing", told, finding.model, error_of(told))
    if not elsewhere:
        _compare(finding, again)
    if key is None or again.kind != finding.kind:
        raise RuntimeError(f"the schedule no longer fails: it was a finding of {finding.kind!r}")
    if pdb and (at := _debugger.moment(told)) is not None:
        with replaced(files, benign, finding.mode):
            session.tell(turns, (at, _debugger.stop(files)))
    return again


def _compare(finding: Finding, again: Finding) -> None:
    for number, (then, now) in enumerate(zip(finding.steps, again.steps, strict=False), 1):
        if (then.thread, then.verb, then.what, then.line) != (
            now.thread,
            now.verb,
            now.what,
            now.line,
        ):
            raise RuntimeError(
                f"the model no longer does what it did: step {number} was"
                f" {finding.threads[then.thread]} {then} at line {then.line},"
                f" and is {again.threads[now.thread]} {now} at line {now.line}"
            )
