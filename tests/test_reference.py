"""The site's reference has every public name, with its signature and its docstring."""

import re
from importlib import import_module
from types import ModuleType

import pytest

from tools import reference

PAGES = {module: reference.page_of(module) for module in reference.MODULES}
NAMES = [
    (module, name)
    for module in reference.MODULES
    for name in import_module(module).__all__
    if not name.startswith("__")
]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda part: part)
def test_a_public_name_is_described(module: str, name: str) -> None:
    if isinstance(getattr(import_module(module), name), ModuleType):
        assert f"{module}.{name}" in reference.MODULES
        return
    head = re.escape(f"{module}.{name}")
    found = re.search(rf"^:::::{{py:\w+}} {head}(\(.*)?\n(?::.*\n)*\n(\S.*)$", PAGES[module], re.M)
    assert found, f"{module}.{name} has no docstring, or is not there"


def test_signatures_are_typed() -> None:
    page = PAGES["ungil"]
    assert "ungil.share(value: T, *, writable: bool=False) -> Shared[T]" in page
    assert "ungil.gil_stats() -> GilStats" in page  # native: from the stub
    assert "acquire(blocking: bool=True, timeout: float | None=None)" in PAGES["ungil.sync"]


def test_methods_say_what_they_do() -> None:
    methods = re.findall(
        r"^:::{py:method} (\w+).*\n(?::.*\n)*\n(.*)$", "".join(PAGES.values()), re.M
    )
    assert [name for name, text in methods if text in ("", ":::")] == []


def test_parameters_are_a_list_and_prose_is_not() -> None:
    assert reference.listed("a: one\nb, c: two") == "- **a**: one\n- **b, c**: two"
    assert reference.listed("a: one\nand so on") == "a: one\nand so on"
