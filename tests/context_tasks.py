"""Tasks that use their worker's context; importable in an interpreter: few imports."""

import ungil


class Connection:
    """What one opens once for each worker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.used = 0

    def use(self) -> int:
        self.used += 1
        return self.used


def use_context() -> tuple[str, int]:
    context = ungil.worker_context()
    return context.name, context.use()


def use(context: Connection, number: int, factor: int = 1) -> tuple[str, int]:
    return context.name, number * factor
