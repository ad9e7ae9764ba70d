"""`ungil race` in Python: finds the model, explores it, and says what came of it."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from ungil._suggest import near
from ungil.race import _explore, _replay
from ungil.race._finding import Finding


class Refused(Exception):
    """What was asked for makes no sense; the message says what to do instead."""


def explore(
    target: str,
    *,
    schedules: int,
    seconds: float,
    seed: int,
    data_races: bool,
    threads: str | None,
    pdb: bool,
    color: bool,
    width: int,
) -> tuple[str, Finding | None]:
    """What is to be printed, and the finding if there is one."""
    model = load(target)
    try:
        result = _explore.explore(
            model,
            max_schedules=schedules,
            max_seconds=seconds,
            seed=seed,
            data_races=data_races,
            threads=threads,
        )
    except RuntimeError as error:
        raise Refused(f"{target}: {error}") from None
    if result.ok:
        return f"{target}: {result}\n", None
    finding = result.findings[0]
    head = f"{target}: {result.head()}"
    if pdb:
        print(f"{head}\n\n{finding.render(width, color)}")
        _replay.replay(finding, model, pdb=True)
        return "", finding
    return f"{head}\n\n{finding.render(width, color)}\n", finding


def replay(path: str, *, pdb: bool, color: bool, width: int) -> tuple[str, Finding]:
    """The same for a finding that was saved."""
    try:
        finding = Finding.from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"cannot replay {path}: {error}") from None
    if finding.model is None:
        raise Refused(f"{path} does not say which function it is of: use ungil.race.replay()")
    try:
        if pdb:
            print(finding.render(width, color))
        again = _replay.replay(finding, load(finding.model), pdb=pdb)
    except RuntimeError as error:
        raise Refused(f"{path}: {error}") from None
    return "" if pdb else f"{again.render(width, color)}\n", again


def load(target: str) -> Callable[[], object]:
    """The function that `path/to/file.py::function` names."""
    file, colons, name = target.rpartition("::" if "::" in target else ":")
    if not colons or not file or not name:
        raise Refused(f"which function? As in `ungil race {target or 'bank.py'}::function`.")
    path = Path(file).resolve()
    if not path.is_file():
        raise Refused(f"there is no file {file}")
    module_name = path.stem if path.stem.isidentifier() else "_ungil_race_model"
    known = sys.modules.get(module_name)
    if known is not None and getattr(known, "__file__", None) != str(path):
        module_name = "_ungil_race_model"
    specification = importlib.util.spec_from_file_location(module_name, path)
    if specification is None or specification.loader is None:
        raise Refused(f"{file} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module_name] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    specification.loader.exec_module(module)
    model = getattr(module, name, None)
    if not callable(model):
        functions = [each for each, value in vars(module).items() if inspect.isfunction(value)]
        raise Refused(f'"{file}" has no function "{name}".{near(name, functions)}')
    original: Callable[[], object] = inspect.unwrap(model)
    try:
        inspect.signature(original).bind()
    except TypeError as error:
        raise Refused(
            f"{name} is called without arguments ({error}): wrap it in a function"
        ) from None
    return original
