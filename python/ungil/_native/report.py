"""What a native function was compiled to."""

from __future__ import annotations

from dataclasses import dataclass

from ungil._ungil import NativeFunction


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
    """The specialisations of a function, the latest used first; printed, it is a table."""

    def __init__(self, function: NativeFunction) -> None:
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
        return "\n".join(self._lines(one) for one in self.specialisations)

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
