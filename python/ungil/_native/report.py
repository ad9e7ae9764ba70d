"""What a native function was compiled to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ungil._native.explained import explained
from ungil._ungil import NativeFunction

if TYPE_CHECKING:
    from ungil._explain import Explanation


@dataclass(frozen=True)
class Specialisation:
    """A function's code for one list of argument types."""

    arguments: tuple[str, ...]
    returns: str
    checks_made: int
    checks_before_loops: int
    checks_proved: int
    releases_gil: bool
    size: int
    origin: str
    typed: str
    ir: str


class Report:
    """The specialisations of a function, the latest used first.

    Printed, it tells what became of checks and loops; `explain` shows all code line by line.
    """

    def __init__(self, function: NativeFunction) -> None:
        self._function = function
        self.name: str = function.__qualname__
        self.specialisations = tuple(
            Specialisation(
                arguments=tuple(facts["arguments"]),
                returns=facts["returns"],
                checks_made=facts["checks_made"],
                checks_before_loops=facts["checks_before_loops"],
                checks_proved=facts["checks_proved"],
                releases_gil=facts["releases_gil"],
                size=facts["bytes"],
                origin=facts["origin"],
                typed=facts["typed"],
                ir=facts["ir"],
            )
            for facts in function._specialisations
        )

    def __str__(self) -> str:
        if not self.specialisations:
            return f"{self.name}: not compiled yet; call it, or call its method compile"
        table = [self._lines(one) for one in self.specialisations]
        try:
            lines = self.lines
        except (ImportError, RuntimeError) as error:
            return "\n".join([*table, f"  what became of lines cannot be told: {error}"])
        for line in lines:
            told = [*line["loops"], *line["checks"]]
            table += [f"  line {line['number']}: {sentence}" for sentence in told]
        return "\n".join(table)

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """Of the latest specialisation: number, checks, loops (in sentences), ir and machine code.

        Raises `ImportError` where llvmlite is missing.
        """
        found: list[dict[str, Any]] = explained(self._function)["lines"]
        return found

    def explain(self) -> Explanation:
        """Source beside byte code, LLVM's and machine code; `save` makes a page of it."""
        from ungil._explain import explain  # noqa: PLC0415

        return explain(self._function)

    def _lines(self, one: Specialisation) -> str:
        gil = "releases the GIL" if one.releases_gil else "short: keeps the GIL"
        return "\n".join(
            [
                f"{self.name}({', '.join(one.arguments)}) -> {one.returns}",
                f"  {one.size} bytes of machine code ({one.origin}), {gil}",
                f"  checks: {one.checks_made} made, {one.checks_before_loops} before loops, "
                f"{one.checks_proved} proved away",
            ]
        )
