"""The reference pages: every public name, its signature from sources and stubs, its docstring.

Docstrings are read from the installed package, since those of the native half are there only, and
are Markdown. Signatures come from the sources, `.pyi` before `.py`, so that they are typed.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "ungil"
MODULES = ["ungil", "ungil.sync", "ungil.race", "ungil.types"]
PAGE = "api"  # docs/api, which git does not keep

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Field(NamedTuple):
    """An annotated name in a class, or what a module's name stands for, and the string below it."""

    annotation: str
    text: str


def write(docs: Path) -> None:
    """Writes the pages, those that have changed only, for Sphinx builds by time stamps."""
    (docs / PAGE).mkdir(exist_ok=True)
    for module in MODULES:
        page, text = docs / PAGE / f"{module}.md", page_of(module)
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def page_of(name: str) -> str:
    module = import_module(name)
    parts = [f"# {name}", prose(module), f":::{{py:module}} {name}\n:::"]
    for public in sorted(module.__all__, key=str.lower):
        value = getattr(module, public)
        if isinstance(value, ModuleType):
            parts.append(f"`{name}.{public}` has [a page of its own]({name}.{public}.md).")
        elif not public.startswith("__"):
            parts.append(entry(f"{name}.{public}", value))
    return "\n\n".join(parts) + "\n"


def entry(path: str, value: Any) -> str:
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        members = "\n\n".join(member(*found) for found in members_of(value))
        return block(5, kind, path + constructor(value), f"{prose(value)}\n\n{members}")
    module, _, name = path.rpartition(".")
    if field := FIELDS.get((module, name)):
        return block(5, "data", f"{path}\n:value: {field.annotation}", field.text)
    found = definition(value, getattr(value, "__name__", f"{type(value).__name__}.__call__"))
    if found is None:
        raise LookupError(f"{path} is in no source and in no stub")
    bound = not hasattr(value, "__name__")  # an object that is called, as ungil.native
    return block(5, "function", path + signature(found, bound=bound), prose(value))


def member(name: str, value: Any, owner: type) -> str:
    if field := FIELDS.get((owner.__module__, f"{owner.__name__}.{name}")):
        return block(3, "attribute", f"{name}\n:type: {field.annotation}", field.text)
    found = definition(owner, f"{owner.__name__}.{name}")
    if inspect.isdatadescriptor(value) or found is None:
        returns = f"\n:type: {ast.unparse(found.returns)}" if found and found.returns else ""
        return block(3, "attribute", f"{name}{returns}", prose(value))
    flags = [d.id for d in found.decorator_list if isinstance(d, ast.Name)]
    options = "".join(f"\n:{flag}:" for flag in flags if flag in ("staticmethod", "classmethod"))
    if isinstance(found, ast.AsyncFunctionDef):
        options += "\n:async:"
    head = f"{name}{signature(found, bound='staticmethod' not in flags)}{options}"
    return block(3, "method", head, prose(value))


def members_of(kind: type) -> Iterator[tuple[str, Any, type]]:
    """Public ones that we define, each with the class that does."""
    seen = set()
    for owner in kind.__mro__:
        if owner.__module__.split(".")[0] not in ("ungil", "sync"):
            continue
        for name in [*inspect.get_annotations(owner), *vars(owner)]:
            if not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name, vars(owner).get(name), owner


def constructor(kind: type) -> str:
    for owner in kind.__mro__:
        for name in ("__init__", "__new__"):
            if name in vars(owner) and (found := definition(owner, f"{owner.__name__}.{name}")):
                return signature(found, bound=True, returns=False)
    return ""


def signature(found: Function, *, bound: bool = False, returns: bool = True) -> str:
    """As it is written, on one line, without `self`."""
    text = ast.unparse(found.args)
    if bound:
        text = re.sub(r"^(self|cls)(, /)?(, )?", "", text)
    arrow = f" -> {ast.unparse(found.returns)}" if returns and found.returns else ""
    return f"({text}){arrow}"


def block(colons: int, kind: str, head: str, body: str) -> str:
    fence = ":" * colons
    return f"{fence}{{py:{kind}}} {head}\n\n{body.strip()}\n{fence}"


LISTED = re.compile(r"`?\w+`?(, `?\w+`?)*: ")


def prose(value: Any) -> str:
    """Its docstring as Markdown: paragraphs of `name: meaning` become lists."""
    paragraphs = (inspect.getdoc(value) or "").split("\n\n")
    return "\n\n".join(map(listed, paragraphs))


def listed(paragraph: str) -> str:
    lines = paragraph.split("\n")
    heads = [line for line in lines if not line.startswith(" ")]
    if not heads or not all(LISTED.match(line) for line in heads):
        return paragraph
    return "\n".join(
        line if line.startswith(" ") else f"- **{line.replace(': ', '**: ', 1)}" for line in lines
    )


def nodes() -> Iterator[tuple[str, str, list[ast.stmt]]]:
    """The bodies of all modules and classes: module, prefix of names, statements."""
    for file in [*sorted(PACKAGE.rglob("*.py")), *sorted(PACKAGE.rglob("*.pyi"))]:
        if "scripts" in file.parts:
            continue  # the tour's
        module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        body = ast.parse(file.read_text()).body
        yield module, "", body
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield module, f"{node.name}.", node.body


DEFINITIONS: dict[tuple[str, str], Function] = {}
"""Functions and methods by module and name; of overloads the last one."""
FIELDS: dict[tuple[str, str], Field] = {}

for module, prefix, body in nodes():
    for node, after in zip_longest(body, body[1:]):
        if isinstance(node, Function):
            DEFINITIONS[module, prefix + node.name] = node
            continue
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = inspect.cleandoc(str(after.value.value))
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if prefix:
                FIELDS[module, prefix + name] = Field(ast.unparse(annotation), text)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if text and not prefix:
                FIELDS[module, name] = Field(ast.unparse(value), text)


def definition(of: Any, name: str) -> Function | None:
    """Of a function, or of a class's method; what is native has no module of its own."""
    for module in (of.__module__, "ungil._ungil", "ungil.sync"):
        if found := DEFINITIONS.get((module, name)):
            return found
    return None
