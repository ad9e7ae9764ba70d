"""The pytest plugin: tests marked `race` are explored where `--ungil-race` is given."""

from typing import Any


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("ungil")
    group.addoption(
        "--ungil-race",
        action="store_true",
        help="run tests marked `race` under all schedules of their threads (ungil.race)",
    )


def pytest_configure(config: Any) -> None:
    config.addinivalue_line(
        "markers",
        "race(**options): with --ungil-race, run under all schedules of its threads;"
        " options are those of ungil.race.explore",
    )


def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    marker = pyfuncitem.get_closest_marker("race")
    if marker is None or not pyfuncitem.config.getoption("--ungil-race"):
        return None
    from ungil.race._tests import test_of  # noqa: PLC0415  (only those who ask for it pay for it)

    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    test_of(pyfuncitem.obj, marker.kwargs)(**arguments)
    return True
