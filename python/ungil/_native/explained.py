"""A native function line by line: checks, loops, LLVM's code, machine code."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

from ungil._native.disassembly import compiled
from ungil._native.remarks import in_words
from ungil._ungil import NativeFunction

FATES = {
    "made": "is checked",
    "before the loop": "is checked once before the loop",
    "proved": "cannot happen: not checked",
    "waived": "is not checked, as was asked for",
}

LOCATION = re.compile(r"^!(\d+) = (?:distinct )?!DILocation\(line: (\d+).*?scope: !(\d+)")
SCOPE = re.compile(r"^!(\d+) = distinct !DISubprogram\(.*?file: !(\d+)")
FILE = re.compile(r'^!(\d+) = !DIFile\(filename: "(.*?)"')
MARK = re.compile(r", !dbg !(\d+)")
CLUTTER = re.compile(r",? !(?:dbg|prof|alias\.scope|noalias|llvm\.loop|range|unpredictable) !\d+")


def explained(function: NativeFunction, number: int = 0) -> dict[str, Any]:
    """What became of each line of a specialisation (0: the one used last), as plain data.

    Raises `ImportError` where llvmlite is missing.
    """
    facts = function._specialisations[number]
    ir, checks = function._explained(number)
    code, assembly, remarks = compiled(ir)
    file = function.__wrapped__.__code__.co_filename
    told: dict[int, dict[str, list[str]]] = defaultdict(
        lambda: {"checks": [], "loops": [], "ir": [], "machine": []}
    )
    for line, sentences in of_checks(checks, file).items():
        told[line]["checks"] = sentences
    for (where, line), sentences in in_words(remarks).items():
        if where == file:
            told[line]["loops"] = sentences
    for line, instructions in of_code(code, file).items():
        told[line]["ir"] = instructions
    for line, instructions in of_assembly(assembly, file).items():
        told[line]["machine"] = instructions
    return {
        "signature": f"{function.__qualname__}({', '.join(facts['arguments'])}) -> "
        f"{facts['returns']}",
        "checks_made": facts["checks_made"],
        "checks_before_loops": facts["checks_before_loops"],
        "checks_proved": facts["checks_proved"],
        "releases_gil": facts["releases_gil"],
        "lines": [{"number": line, **told[line]} for line in sorted(told) if line],
    }


def of_checks(checks: list[tuple[str, int, str, str]], file: str) -> dict[int, list[str]]:
    """Sentences for the file's lines, equal ones counted."""
    counted = Counter(check for check in checks if check[0] == file)
    told: dict[int, list[str]] = defaultdict(list)
    for (_, line, exception, fate), times in sorted(counted.items()):
        often = f" ({times} times)" if times > 1 else ""
        told[line].append(f"{exception} {FATES[fate]}{often}")
    return told


def of_code(code: str, file: str) -> dict[int, list[str]]:
    """LLVM's instructions by the file's lines."""
    lines = code.splitlines()
    files = {found[1]: found[2] for found in map(FILE.match, lines) if found}
    scopes = {found[1]: files.get(found[2]) for found in map(SCOPE.match, lines) if found}
    places: dict[str, int] = {}
    for found in map(LOCATION.match, lines):
        if found and unescaped(scopes.get(found[3]) or "") == file:
            places[found[1]] = int(found[2])
    told: dict[int, list[str]] = defaultdict(list)
    for line in lines:
        mark = MARK.search(line)
        if mark and mark[1] in places and line.startswith("  "):
            told[places[mark[1]]].append(CLUTTER.sub("", line).strip())
    return told


def unescaped(name: str) -> str:
    codes = re.sub(rb"\\([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), name.encode())
    return codes.decode(errors="replace")


def of_assembly(assembly: str, file: str) -> dict[int, list[str]]:
    """Machine instructions by the file's lines, with the labels that are jumped to."""
    files: dict[str, str] = {}
    told: dict[int, list[str]] = defaultdict(list)
    line = 0
    labels: list[str] = []
    jumped_to = set(re.findall(r"\bj\w+\s+(\.L\w+)", assembly))
    for text in assembly.splitlines():
        words = text.strip().split("\t", 1)
        directive = words[0]
        if directive == ".file" and len(words) > 1:
            found = re.match(r'(\d+) (?:"(?P<folder>[^"]*)" )?"(?P<name>[^"]*)"', words[1])
            if found:
                folder = found["folder"]
                files[found[1]] = f"{folder}/{found['name']}" if folder else found["name"]
        elif directive == ".loc" and len(words) > 1:
            number, place = words[1].split()[:2]
            line = int(place) if files.get(number) == file else 0
        elif directive.endswith(":"):
            if directive[:-1] in jumped_to:
                labels.append(directive)
            elif not directive.startswith("."):
                line = 0
        elif text.startswith("\t") and not directive.startswith((".", "#")):
            if line:
                told[line] += [*labels, text.strip().replace("\t", " ")]
            labels = []
    return told
