"""`replay`: the schedule of a finding once more."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from ungil.race import _carriers, _debugger, _schedule
from ungil.race._code import Scope
from ungil.race._explore import error_of, session_of
from ungil.race._finding import Finding
from ungil.race._following import Following, Watchdog
from ungil.race._model import model_of
from ungil.race._telling import build

_MOST_STEPS = 1_000_000
# Seconds that nobody else can go on while a thread blocks outside.
_MAX_BLOCKED = 10.0


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
    with _under(finding, files, benign):
        session = session_of(body, _MOST_STEPS, True, finding.carriers, _MAX_BLOCKED)
        turns = list(finding.turns)
        if elsewhere:
            threads = [thread for thread, _ in turns]
            turns = _schedule.turns(session, threads, finding.switches)
        for _ in range(_carriers.TRIES):
            told = session.tell(turns)
            again = build(_carriers.key_of(told) or "nothing", told, finding.model, error_of(told))
            if session.blocked is None or again.kind == finding.kind:
                break  # else it may be a matter of when a call that blocks outside returns
    if not elsewhere:
        _compare(finding, again)
    if again.kind != finding.kind:
        raise RuntimeError(f"the schedule no longer fails: it was a finding of {finding.kind!r}")
    if pdb and (at := _debugger.moment(told)) is not None:
        with _under(finding, files, benign):
            session.tell(turns, (at, _debugger.stop(files)))
    return again


@contextmanager
def _under(finding: Finding, files: Scope, benign: frozenset[str]) -> Iterator[None]:
    """What is replaced while it is replayed."""
    is_real = finding.carriers == _carriers.REAL
    with (
        Following(files, benign, finding.mode),
        _carriers.handed_over() if is_real else nullcontext(),
        Watchdog(_MAX_BLOCKED) if is_real else nullcontext(),
    ):
        yield


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
