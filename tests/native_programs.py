"""Random programs in the native language, and what CPython makes of them.

The oracle is CPython itself, running the same text with one thing added: an int that leaves the
64 bits raises `OverflowError` where it arises, as native code has it.
"""

import ast
import functools
import random
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

INTS = [0, 1, -1, 2, -2, 3, 5, -7, 10, 63, 64, 255, 2**31, -(2**31), 2**53, 2**53 + 1, 2**62]
INTS += [2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 3.0, 1e-310, 1e300, -1e300, 2.0**53, 2.0**63]
FLOATS += [float("inf"), float("-inf"), float("nan")]

SCALARS = ["int", "float", "bool"]

PARAMETERS = {
    "i": "int",
    "j": "int",
    "x": "float",
    "y": "float",
    "b": "bool",
    "a": "floats",
    "k": "ints",
    "m": "matrix",
}


class Program:
    """The text of a function `f`, grown from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.names = {name: kind for name, kind in PARAMETERS.items() if kind in SCALARS}
        # Lists and tuples, by the names that they have everywhere.
        self.collections: dict[str, str] = {}
        self.fresh = 0
        self.loops = 0
        helper = self.expression("float", 2, only=["i", "j", "x", "y"])
        self.lines.append("def helper(i: int, j: int, x: float, y: float) -> float:")
        self.lines.append(f"    return {helper}")
        self.lines.append("")
        self.has_helper = True
        self.lines.append(f"def f({', '.join(PARAMETERS)}):")
        self.make_collections()
        self.make_inner()
        self.block(1, self.random.randint(3, 7))
        kind = self.random.choice([*SCALARS, "tuple"])
        if kind == "tuple":
            items = [self.expression(self.random.choice(SCALARS), 1) for _ in range(2)]
            items += [f"len({name})" for name in self.collections]
            self.lines.append(f"    return {', '.join(items)}")
        else:
            self.lines.append(f"    return {self.expression(kind, 2)}")

    def make_collections(self) -> None:
        """Some lists and tuples, of values that need none of them."""
        r = self.random
        made: dict[str, str] = {}
        for number in range(r.randint(0, 3)):
            kind = r.choice(["int", "float"])
            name = f"{kind[0]}list{number}"
            form = r.choice(["repeat", "literal", "comprehension", "alias"])
            others = [other for other in made if made[other] == kind]
            if form == "repeat":
                text = f"[{self.expression(kind, 1)}] * {r.choice(['3', 'len(a)', '(i % 5)'])}"
            elif form == "literal":
                text = f"[{self.expression(kind, 1)}, {self.expression(kind, 1)}]"
            elif form == "alias" and others:
                text = r.choice(others)
            else:
                value = self.expression(kind, 1)
                value = f"({value} + z)" if r.random() < 0.5 else value
                condition = f" if {self.expression('bool', 1)}" if r.random() < 0.3 else ""
                text = f"[{value} for z in {r.choice(['range(4)', 'k'])}{condition}]"
            self.lines.append(f"    {name} = {text}")
            made[name] = kind
        self.collections = made
        for number in range(r.randint(0, 2)):
            kinds = [r.choice(SCALARS) for _ in range(r.randint(1, 3))]
            self.lines.append(f"    tuple{number} = {self.tuple_of(kinds)}")
            self.tuples[f"tuple{number}"] = kinds

    def make_inner(self) -> None:
        """A function inside, which sees the variables around it as they are when it is called."""
        if self.random.random() < 0.5:
            return
        around = dict(self.names)
        self.names = {"p": "int", "q": "float"} | around
        kind = self.random.choice(["int", "float"])
        value = self.expression(kind, 2)
        self.lines.append("    def inner(p, q):")
        self.lines.append(f"        return {value}")
        self.names = around
        self.inner = kind

    inner: str | None = None

    def complex(self, depth: int) -> str:
        """A complex number."""
        r = self.random
        if depth == 0 or r.random() < 0.2:
            return r.choice(["1j", "(2.5-3j)", f"complex({self.expression('float', 1)}, x)"])
        one, other = self.complex(depth - 1), self.complex(depth - 1)
        return r.choice(
            [
                f"({one} {r.choice('+-*/')} {other})",
                f"({one} {r.choice('+-*')} {self.expression(r.choice(['int', 'float']), 1)})",
                f"(-{one})",
                f"({one} ** {r.randint(-2, 4)})",
                f"{one}.conjugate()",
            ]
        )

    def tuple_of(self, kinds: list[str]) -> str:
        return "(" + "".join(f"{self.expression(kind, 1)}, " for kind in kinds) + ")"

    has_helper = False

    @functools.cached_property
    def tuples(self) -> dict[str, list[str]]:
        """The kinds of the items of each tuple."""
        return {}

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def variable(self, kind: str) -> str:
        self.fresh += 1
        return f"{kind[0]}v{self.fresh}"

    def block(self, depth: int, count: int) -> None:
        known = dict(self.names)
        for _ in range(count):
            self.statement(depth)
        # What is assigned in here only may not be there outside; now and then it is asked for.
        if depth > 1 and self.random.random() < 0.95:
            self.names = known

    def statement(self, depth: int) -> None:
        pad = "    " * depth
        r = self.random
        choice = r.random()
        if r.random() < 0.12 and depth < 3:
            r.choice([self.attempt, self.cases])(depth)
        elif choice < 0.3 or depth > 3:
            kind = r.choice(["int", "int", "float", "float", "bool"])
            value = self.expression(kind, 3)
            name = self.target(kind)
            self.lines.append(f"{pad}{name} = {value}")
            self.names[name] = kind
        elif choice < 0.45:
            kind = r.choice(["int", "float"])
            name = r.choice(
                [n for n, k in self.names.items() if k == kind and n not in self.counters]
            )
            op = r.choice(
                ["+", "-", "*", "//", "%"]
                if kind == "float"
                else ["+", "-", "*", "//", "%", "&", "|", "^"]
            )
            self.lines.append(f"{pad}{name} {op}= {self.expression(kind, 2)}")
        elif choice < 0.6:
            self.lines.append(
                f"{pad}{self.element()} {r.choice(['=', '+=', '-='])} {self.expression('float', 2)}"
            )
        elif choice < 0.65:
            self.lines.append(f"{pad}k[{self.index('k')}] = {self.expression('int', 2)}")
        elif choice < 0.8:
            self.lines.append(f"{pad}if {self.expression('bool', 2)}:")
            self.block(depth + 1, r.randint(1, 3))
            if r.random() < 0.5:
                self.lines.append(f"{pad}else:")
                self.block(depth + 1, r.randint(1, 2))
        elif choice < 0.9 and (self.collections or self.tuples):
            self.lines.append(pad + self.about_collections())
        else:
            self.loop(depth)

    trying = 0
    """The `try` statements around."""

    def attempt(self, depth: int) -> None:
        """`try`, whose block may fail, with handlers that may not be for it."""
        pad = "    " * depth
        r = self.random
        errors = ["ArithmeticError", "ZeroDivisionError", "(IndexError, ValueError)", "Exception"]
        form = r.choice(["except", "except", "finally", "both"])
        self.lines.append(f"{pad}try:")
        self.trying += 1
        self.block(depth + 1, r.randint(1, 3))
        # A parallel loop may be in what is not handled again.
        self.trying -= form == "except"
        if form != "finally":
            self.lines.append(f"{pad}except {r.choice(errors)}:")
            self.block(depth + 1, 1)
            if r.random() < 0.2:
                self.lines.append(f"{pad}    raise")
            if r.random() < 0.3:
                self.lines.append(f"{pad}else:")
                self.block(depth + 1, 1)
        if form != "except":
            self.trying -= 1
            self.lines.append(f"{pad}finally:")
            self.block(depth + 1, 1)

    def cases(self, depth: int) -> None:
        """`match` of an int, or of a tuple."""
        pad = "    " * depth
        r = self.random
        if r.random() < 0.5:
            self.lines.append(f"{pad}match {self.expression('int', 1)}:")
            patterns = ["0", "1 | -1", f"_ if {self.expression('bool', 1)}", "2 | 3", "_"]
        else:
            self.lines.append(f"{pad}match {self.tuple_of(['int', 'bool', 'float'])}:")
            patterns = ["(0, _, _)", "(_, True, 0.0)", "(1 | 2, *_)", "(_, False, float())", "_"]
        for pattern in r.sample(patterns[:4], r.randint(1, 3)) + patterns[4:]:
            self.lines.append(f"{pad}    case {pattern}:")
            self.block(depth + 2, 1)

    def about_collections(self) -> str:
        """A statement that changes a list or a tuple."""
        r = self.random
        name = r.choice([*self.collections, *self.tuples])
        if name in self.tuples:
            kinds = self.tuples[name]
            targets = [self.target(kind) for kind in kinds]
            if r.random() < 0.5 and len(set(targets)) == len(targets):
                self.names |= dict(zip(targets, kinds, strict=True))
                return f"{', '.join(targets)}, = {name}"
            return f"{name} = {self.tuple_of(kinds)}"
        kind = self.collections[name]
        return r.choice(
            [
                f"{name}.append({self.expression(kind, 2)})",
                f"{name}.insert({self.index(name)}, {self.expression(kind, 1)})",
                f"{name}[{self.index(name)}] = {self.expression(kind, 2)}",
                f"{name}[{self.index(name)}] += {self.expression(kind, 1)}",
                f"{name}.pop()",
                f"{name}.reverse()",
                f"{name}.extend({name}[:{r.randint(-1, 2)}])",
                f"{name}.extend([{self.expression(kind, 1)}] * {r.randint(-1, 2)})",
                f"{name} = {name}[::{r.choice([-2, -1, 1, 2])}]",
                f"{name}[{r.randint(-3, 3)}:{r.randint(-3, 3)}] = {name}[:2]",
                f"del {name}[{r.randint(-2, 2)}]",
                f"del {name}[{r.randint(-3, 3)}:{r.randint(-3, 3)}]",
                f"{name} = sorted({name})" if kind == "int" else "pass",
                f"{name} = [{self.expression(kind, 1)}, {self.expression(kind, 1)}]",
            ]
        )

    def item(self, kind: str) -> str | None:
        """An item of a list or a tuple, if there is one of that kind."""
        r = self.random
        found = [f"{name}[{self.index(name)}]" for name, k in self.collections.items() if k == kind]
        found += [f"{name}.pop()" for name, k in self.collections.items() if k == kind]
        for name, k in self.collections.items():
            found += [f"{r.choice(['max', 'min'])}({name})"] if k == kind else []
            found += [f"{name}[0:2][-1]"] if k == kind else []
            found += [f"sum({name}, 0.0)"] if k == kind == "float" else []
            found += [f"sum(z % 97 for z in {name})"] if k == kind == "int" else []
            if kind == "bool":
                found += [f"any(z > {r.randint(-2, 9)} for z in {name})"]
                found += [f"all({name})", f"({name} == {name}[::-1])"] if k == "int" else []
                found += [f"({self.expression(k, 1)} in {name})"] if k == "int" else []
        if kind == "int":
            found += [f"len({name})" for name in self.collections]
        if kind == "bool":
            pairs = [(s, t) for s in self.tuples for t in self.tuples]
            compare = r.choice(["<", "<=", "==", "!=", ">", ">="])
            found += [
                f"({s} {compare} {t})"
                for s, t in pairs
                if "float" not in self.tuples[s] + self.tuples[t]
            ]
        for name, kinds in self.tuples.items():
            found += [f"{name}[{at}]" for at, k in enumerate(kinds) if k == kind]
        return r.choice(found) if found else None

    def target(self, kind: str) -> str:
        known = [n for n, k in self.names.items() if k == kind and n not in self.counters]
        if known and self.random.random() < 0.5:
            return self.random.choice(known)
        return self.variable(kind)

    counters: frozenset[str] = frozenset()

    def loop(self, depth: int) -> None:
        pad = "    " * depth
        r = self.random
        if self.loops >= 3:
            self.lines.append(f"{pad}pass")
            return
        if self.loops < 2 and r.random() < 0.25:
            self.nest(depth)
            return
        self.loops += 1
        form = r.random()
        if r.random() < 0.15 and not self.trying:
            self.parallel_loop(pad)
            self.loops -= 1
            return
        if form < 0.6:
            name = self.variable("int")
            bounds = r.choice(
                [
                    f"{r.randint(0, 9)}",
                    "len(a)",
                    "len(k)",
                    "m.shape[1]",
                    f"{r.randint(-4, 4)}, {r.randint(-4, 9)}",
                    f"1, len(a) - {r.randint(0, 2)}",
                    f"{r.randint(-9, 9)}, {r.randint(-9, 9)}, {r.choice([-3, -2, -1, 1, 2, 3])}",
                    "len(a) - 1, -1, -1",
                ]
            )
            head = r.choice(
                ["range({})"] * 4 + ["reversed(range({}))", "enumerate(range({}), i % 3)"]
            )
            other = "" if head[0] != "e" else f"{self.variable('int')}, "
            self.lines.append(f"{pad}for {other}{name} in {head.format(bounds)}:")
            self.names[name] = "int"
        elif form < 0.8:
            name = self.variable("float")
            self.lines.append(f"{pad}for {name} in {r.choice(['a', 'a[1:]', 'a[::-1]', 'm[0]'])}:")
            self.names[name] = "float"
        elif form < 0.88 and self.collections:
            source = r.choice(list(self.collections))
            name = self.variable(self.collections[source])
            source = r.choice([source, f"reversed({source})"])
            self.lines.append(f"{pad}for {name} in {source}:")
            self.lines.append(f"{pad}    if len({source.split('(')[-1].strip(')')}) > 30: break")
            self.names[name] = "int" if name.startswith("i") else "float"
        else:
            name = self.variable("int")
            self.lines.append(f"{pad}{name} = {r.randint(0, 6)}")
            self.lines.append(f"{pad}while {name} > 0:")
            self.lines.append(f"{pad}    {name} -= 1")
            self.names[name] = "int"
            self.counters = self.counters | {name}
        self.block(depth + 1, r.randint(1, 3))
        if r.random() < 0.2:
            self.lines.append(f"{pad}    if {self.expression('bool', 1)}:")
            self.lines.append(f"{pad}        {r.choice(['break', 'continue'])}")
        if r.random() < 0.15:
            self.lines.append(f"{pad}else:")
            self.block(depth + 1, 1)
        self.loops -= 1

    def nest(self, depth: int) -> None:
        """Two loops around sums or elements, as compilers like them."""
        pad = "    " * depth
        r = self.random
        outer, inner = self.variable("int"), self.variable("int")
        total = self.variable("float")
        ends = ["len(a)", "m.shape[0]", "m.shape[1]", "len(k)", str(r.randint(0, 17))]
        self.lines.append(f"{pad}for {outer} in range({r.choice(['', '1, '])}{r.choice(ends)}):")
        known = self.names
        self.names = known | {outer: "int"}
        sums = r.random() < 0.6
        if sums:
            self.lines.append(f"{pad}    {total} = {self.expression('float', 1)}")
        start = r.choice(["", "1, ", f"{outer}, "])
        self.lines.append(f"{pad}    for {inner} in range({start}{r.choice(ends)}):")
        self.names[inner] = "int"
        index = r.choice([inner, f"{outer} + {inner}", f"{inner} - {outer}", f"{inner} % 3"])
        term = r.choice([f"a[{index}]", f"m[0, {index}]", f"k[{index}]", f"({index}) * 2"])
        element = r.choice([f"m[{r.choice(['0', outer])}, {inner}]", f"a[{inner}]"])
        target = total if sums else element
        self.lines.append(f"{pad}        {target} += {term} * {self.expression('float', 1)}")
        if sums:
            into = r.choice([f"m[0, {outer}]", f"m[{outer}, 0]", f"a[{outer}]"])
            self.lines.append(f"{pad}    {into} = {total}")
        self.names = known

    def parallel_loop(self, pad: str) -> None:
        """One whose result does not depend on the order; on one thread, what depends on it."""
        r = self.random
        kind = r.choice(["int", "float"])
        total, name = self.variable(kind), self.variable("int")
        self.lines.append(f"{pad}{total} = {self.expression(kind, 1)}")
        known = dict(self.names)
        self.names[name] = "int"
        value = self.expression(kind, 2)
        if r.random() < 0.5:
            head, update = "threads=1", f"{total} {r.choice(['+', '-', '*'])}= {value}"
        elif kind == "int" and r.random() < 0.5:
            head, update = "threads=2", f"{total} {r.choice('&|^')}= {value}"
        else:
            # In order: of 0.0 and -0.0 the first one is kept.
            head, extreme = "ordered=True, threads=2", r.choice(["min", "max"])
            update = f"{total} = {extreme}({total}, {value})"
        bounds = r.choice(["len(a)", "len(k)", "9", "-3, 60", "7, -5, -2"])
        self.lines.append(f"{pad}for {name} in prange({bounds}, {head}):")
        if r.random() < 0.3:
            self.lines.append(f"{pad}    if {self.expression('bool', 1)}:")
            self.lines.append(f"{pad}        continue")
        self.lines.append(f"{pad}    {update}")
        self.names = known | {total: kind}

    def index(self, array: str) -> str:
        r = self.random
        known = [n for n, k in self.names.items() if k == "int"]
        name = r.choice(known)
        return r.choice(
            [
                str(r.randint(-3, 3)),
                name,
                name,
                f"{name} {r.choice('+-')} {r.randint(1, 2)}",
                f"{name} % len({array})",
            ]
        )

    def element(self) -> str:
        if self.random.random() < 0.6:
            return f"a[{self.index('a')}]"
        return f"m[{self.index('m')}, {self.index('a')}]"

    def unusual(self, kind: str, depth: int) -> str | None:
        """Now and then: an item, a call of the function inside, a part of a complex number."""
        r = self.random
        choice = r.random()
        if choice < 0.15:
            return self.item(kind)
        if choice < 0.25 and self.inner == kind:
            return f"inner({self.expression('int', depth)}, {self.expression('float', depth)})"
        if choice > 0.95 and kind == "bool":
            return f"({self.complex(2)} == {self.complex(1)})"
        if choice > 0.95 and kind == "float":
            number = self.complex(2)
            return r.choice([f"abs({number})", f"{number}.real", f"{number}.imag"])
        return None

    def expression(self, kind: str, depth: int, only: list[str] | None = None) -> str:
        r = self.random
        names = [n for n, k in self.names.items() if k == kind and (only is None or n in only)]
        if depth == 0 or r.random() < 0.15:
            if names and r.random() < 0.7:
                return r.choice(names)
            constants: dict[str, list[Any]] = {
                "int": INTS[:16],
                "float": FLOATS[:13],
                "bool": [True, False],
            }
            return f"({r.choice(constants[kind])!r})"

        unusual = self.unusual(kind, depth - 1) if only is None else None
        if unusual is not None:
            return unusual

        def sub(kind: str) -> str:
            return self.expression(kind, depth - 1, only)

        if kind == "bool":
            numbers = r.choice(["int", "float"])
            other = r.choice([numbers, numbers, "int"])
            compare = r.choice(["<", "<=", "==", "!=", ">", ">="])
            forms = [
                lambda: f"({sub(numbers)} {compare} {sub(other)})",
                lambda: f"({sub('bool')} {r.choice(['and', 'or'])} {sub('bool')})",
                lambda: f"(not {sub('bool')})",
                lambda: f"({sub('int')} < {sub('int')} <= {sub('int')})",
            ]
        elif kind == "int":
            forms = [
                lambda: f"({sub('int')} {r.choice(['+', '-', '*', '//', '%'])} {sub('int')})",
                lambda: f"({sub('int')} {r.choice(['+', '-', '*', '//', '%'])} {r.randint(1, 9)})",
                lambda: f"({sub('int')} {r.choice(['&', '|', '^'])} {sub('int')})",
                lambda: f"({sub('int')} {r.choice(['<<', '>>'])} {r.randint(0, 5)})",
                lambda: f"{r.choice(['-', '~'])}{sub('int')}",
                lambda: f"abs({sub('int')})",
                lambda: f"({sub('int')} if {sub('bool')} else {sub('int')})",
                lambda: f"{r.choice(['min', 'max'])}({sub('int')}, {sub('int')})",
                lambda: f"{r.choice(['int', 'round', 'math.floor'])}({sub('float')})",
                lambda: f"({sub('int')} ** {r.randint(0, 3)})",
                lambda: f"round({sub('int')}, {r.randint(-3, 1)})",
                lambda: f"pow({sub('int')}, {sub('int')}, {sub('int')})",
                lambda: f"math.gcd({sub('int')}, {sub('int')})",
                lambda: f"math.comb({sub('int')} % 70, {sub('int')} % 70)",
            ]
            if only is None:
                forms.append(lambda: f"k[{self.index('k')}]")
                forms.append(lambda: "len(a)")
        else:
            forms = [
                lambda: (
                    f"({sub('float')} {r.choice(['+', '-', '*', '/', '//', '%'])} {sub('float')})"
                ),
                lambda: f"({sub('float')} {r.choice(['+', '-', '*', '/'])} {sub('int')})",
                lambda: f"({sub('int')} / {sub('int')})",
                lambda: f"({sub('float')} ** {r.choice(['2', '0.5', '3', '-1'])})",
                lambda: f"-{sub('float')}",
                lambda: f"abs({sub('float')})",
                lambda: f"({sub('float')} if {sub('bool')} else {sub('float')})",
                lambda: f"{r.choice(['min', 'max'])}({sub('float')}, {sub('float')})",
                lambda: f"float({sub('int')})",
                lambda: f"math.{r.choice(['sqrt', 'sin', 'exp', 'log', 'tanh'])}({sub('float')})",
                lambda: f"round({sub('float')}, {r.randint(-3, 6)})",
                lambda: f"math.hypot({sub('float')}, {sub('float')}, {sub('float')})",
                lambda: f"math.remainder({sub('float')}, {sub('float')})",
                lambda: f"math.{r.choice(['gamma', 'lgamma', 'ulp', 'degrees'])}({sub('float')})",
                lambda: f"math.ldexp({sub('float')}, {sub('int')} % 2000 - 1000)",
            ]
            if only is None:
                forms.append(self.element)
                forms.append(self.element)
            if self.has_helper:
                forms.append(
                    lambda: f"helper({sub('int')}, {sub('int')}, {sub('float')}, {sub('float')})"
                )
        return r.choice(forms)()

    def inputs(self) -> dict[str, Any]:
        r = self.random
        size = r.choice([1, 2, 3, 8, 13])

        def floats(count: int) -> list[float]:
            special = r.random() < 0.3
            return [r.choice(FLOATS) if special else r.uniform(-9, 9) for _ in range(count)]

        return {
            "i": r.choice([r.choice(INTS), r.randint(-9, 9)]),
            "j": r.choice([r.choice(INTS), r.randint(-9, 9)]),
            "x": r.choice([r.choice(FLOATS), r.uniform(-9, 9)]),
            "y": r.choice([r.choice(FLOATS), r.uniform(-9, 9)]),
            "b": r.random() < 0.5,
            "a": floats(size),
            "k": [r.choice([r.randint(-9, 9), r.choice(INTS)]) for _ in range(r.choice([1, 3, 7]))],
            "m": [floats(size) for _ in range(r.choice([1, 3]))],
        }


class Checked(ast.NodeTransformer):
    """Every result of arithmetic goes through `checked`."""

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            name = ast.copy_location(ast.Name("power", ast.Load()), node)
            call = ast.Call(name, [node.left, node.right], [])
            return checked_call(ast.copy_location(call, node))
        return checked_call(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return checked_call(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return checked_call(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        # `x += y` is `x = checked(x + y)`: array and index have no effects, so twice is as good.
        self.generic_visit(node)
        target = ast.parse(ast.unparse(node.target), mode="eval").body
        for inner in ast.walk(target):
            ast.copy_location(inner, node)
        operation = ast.copy_location(ast.BinOp(target, node.op, node.value), node)
        return ast.copy_location(ast.Assign([node.target], checked_call(operation)), node)


def checked_ints(tree: ast.Module) -> ast.Module:
    """The same with OverflowError where an int leaves 64 bits."""
    result: ast.Module = ast.fix_missing_locations(Checked().visit(tree))
    return result


def checked_call(node: ast.expr) -> ast.expr:
    name = ast.copy_location(ast.Name("checked", ast.Load()), node)
    return ast.copy_location(ast.Call(name, [node], []), node)


def power(base: Any, exponent: Any) -> Any:
    """A negative float to the power of a fraction is an error in native code."""
    result = base**exponent
    if isinstance(result, complex) and not isinstance(base, complex):
        raise ValueError("complex")
    return result


def checked(value: Any) -> Any:
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise OverflowError("int")
    return value


class Matrix:
    """Rows with NumPy's way to index."""

    def __init__(self, rows: list[memoryview]) -> None:
        self.rows = rows
        self.shape = (len(rows), len(rows[0]))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):
            return self.rows[index[0]][index[1]]
        return self.rows[index]

    def __setitem__(self, index: tuple[int, int], value: float) -> None:
        self.rows[index[0]][index[1]] = value  # type: ignore[call-overload]


def oracle(text: str, name: str) -> Callable[..., Any]:
    """The program's `f`, run by CPython."""
    tree = checked_ints(ast.parse(text))
    import math  # noqa: PLC0415

    names: dict[str, Any] = {"checked": checked, "power": power, "math": math}
    exec(compile(tree, name, "exec"), names)
    function: Callable[..., Any] = names["f"]
    return function


def as_views(inputs: dict[str, Any]) -> dict[str, Any]:
    """Arrays of which slices are views, and whose elements are Python's numbers."""
    return inputs | {
        "a": memoryview(array("d", inputs["a"])),
        "k": memoryview(array("q", inputs["k"])),
        "m": Matrix([memoryview(array("d", row)) for row in inputs["m"]]),
    }


def as_arrays(inputs: dict[str, Any], strided: bool) -> dict[str, Any]:
    arrays = {
        "a": np.array(inputs["a"], float),
        "k": np.array(inputs["k"], np.int64),
        "m": np.array(inputs["m"], float),
    }
    if strided:
        arrays = {name: np.repeat(one, 2, axis=-1)[..., ::2] for name, one in arrays.items()}
    return inputs | arrays


def outcome(function: Callable[..., Any], inputs: dict[str, Any], file: str) -> tuple[Any, ...]:
    """Type and bits of a call's result, or the exception and its lines in the program."""
    try:
        result = function(**inputs)
    except Exception as error:
        lines = []
        trace = error.__traceback__
        while trace is not None:
            # Comprehensions have frames of their own before Python 3.12.
            name = trace.tb_frame.f_code.co_name
            if trace.tb_frame.f_code.co_filename == file and name != "<listcomp>":
                lines.append(trace.tb_lineno)
            trace = trace.tb_next
        if isinstance(error, UnboundLocalError):
            # CPython may blame the statement before: one instruction can be of two lines.
            lines = []
        return ("raised", type(error).__name__, *lines)
    return ("returned", type(result).__name__, bits(result))


def bits(value: Any) -> Any:
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, tuple):
        return [(type(item).__name__, bits(item)) for item in value]
    return value


def contents(inputs: dict[str, Any]) -> list[Any]:
    """The arrays after a call, bit by bit."""
    matrix = inputs["m"]
    rows = matrix.rows if isinstance(matrix, Matrix) else matrix.tolist()
    return [
        [bits(x) for x in list(inputs["a"])],
        [int(x) for x in list(inputs["k"])],
        [[bits(x) for x in row] for row in rows],
    ]
