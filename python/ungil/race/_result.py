"""`Result`: what an exploration has seen."""

import tempfile
from dataclasses import dataclass

from ungil.race._finding import Finding, RaceFound


@dataclass(frozen=True)
class Result:
    """What `explore` has seen.

    `schedules`: how many ran to their end. `proved`: they were all there are (up to equivalence,
    and with time-outs that only come when nobody else can go on). `pruned`: runs that were ended
    early since they led to nothing new. `sampled`: how many of `schedules` were drawn at random
    after the budget for going through all of them was used up. `threads`: what the model's threads
    were, "fibers" or "real"; `blocked`: the line that needed real ones, since it blocks outside of
    what is followed. Nothing is proved then, since such a call may return at any time.
    """

    schedules: int
    proved: bool
    findings: tuple[Finding, ...]
    pruned: int = 0
    sampled: int = 0
    seconds: float = 0.0
    note: str = ""
    threads: str = "fibers"
    blocked: str = ""

    @property
    def ok(self) -> bool:
        return not self.findings

    def assert_ok(self) -> None:
        """Raises `RaceFound` with the first finding, if there is one; it says how to replay it."""
        if self.findings:
            finding = self.findings[0]
            raise RaceFound(finding, _how_to_replay(finding))

    def __str__(self) -> str:
        return f"{self.head()}\n\n{self.findings[0]}" if self.findings else self.head()

    def head(self) -> str:
        """All but the finding, in a line."""
        rate = f" in {self.seconds:.2g} s{self._on()}"
        if self.findings:
            return f"failed after {self.schedules} schedules{rate}"
        if self.proved:
            return f"proved: all {self.schedules} schedules pass{rate}"
        sampled = f", {self.sampled} of them sampled" if self.sampled else ""
        note = f" ({self.note})" if self.note else ""
        return f"passed {self.schedules} schedules{sampled}{rate}; not proved{note}"

    def _on(self) -> str:
        """What the threads were, where they were no fibers."""
        if self.threads == "fibers":
            return ""
        if not self.blocked:
            return ", on real threads"
        return f", on real threads, which are slower, since {self.blocked} blocks outside"


def _how_to_replay(finding: Finding) -> str:
    """Keeps the finding in a file of its own, in the folder for temporary ones."""
    if finding.model is None:
        return ""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="ungil-race-", suffix=".json", delete=False
    ) as file:
        file.write(finding.to_json())
    return f"\nReplay it: ungil race replay {file.name}"
