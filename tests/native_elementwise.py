"""Random expressions of whole arrays, for NumPy to be the oracle of.

They keep to what NumPy gives to the last bit on every processor: no `exp` and `sin`.
"""

import random
from typing import Any

import numpy as np

FLOATS = [0.0, -0.0, 1.0, -1.5, 2.5, 1e300, -1e-310, 3.0, float("inf"), float("-inf"), float("nan")]
UNARY = {
    "float": [
        "-{}",
        "+{}",
        "abs({})",
        "np.sqrt({})",
        "np.floor({})",
        "np.ceil({})",
        "np.trunc({})",
        "np.rint({})",
        "np.square({})",
        "np.sign({})",
        "({}) ** 2",
        "({}).copy()",
        "np.fabs({})",
    ],
    "int": [
        "-{}",
        "~{}",
        "np.abs({})",
        "np.square({})",
        "({}) ** 2",
        "({}) ** 3",
        "({}).copy()",
        "np.sign({})",
        "np.right_shift({}, 1)",
        "({}) // 3",
        "({}) % 7",
    ],
    "bool": ["~({})", "np.logical_not({})", "({}).copy()"],
}
BINARY = {
    "float": [
        "{} + {}",
        "{} - {}",
        "{} * {}",
        "{} / {}",
        "{} % {}",
        "{} // {}",
        "np.divide({}, {})",
        "np.add({}, {})",
    ],
    "int": ["{} + {}", "{} - {}", "{} * {}", "{} & {}", "{} | {}", "{} ^ {}", "np.maximum({}, {})"],
    "bool": ["{} & {}", "{} | {}", "{} ^ {}", "({}) == ({})"],
}
COMPARISONS = ["({}) < ({})", "({}) >= ({})", "({}) != ({})", "np.less_equal({}, {})"]


class Expressions:
    """Grows expressions of arrays `a` and `b`, of floats or ints, and numbers `x` and `n`."""

    def __init__(self, seed: int, kind: str) -> None:
        self.random = random.Random(seed)
        self.kind = kind

    def leaf(self) -> str:
        r = self.random
        leaves = ["a", "b", "a", "b", "a[::-1]", "b[:, ::2][:, :3]", "b[-1]", "a[:1]", "a[:, :1]"]
        return r.choice(leaves)

    def array(self, depth: int, kind: str | None = None) -> str:
        """An expression of arrays; those of bools are comparisons."""
        r = self.random
        kind = kind or self.kind
        if kind == "bool" and (depth == 0 or r.random() < 0.7):
            return r.choice(COMPARISONS).format(self.array(max(depth - 1, 0)), self.operand(depth))
        if depth == 0:
            return self.leaf()
        way = r.random()
        if way < 0.25:
            return f"({r.choice(UNARY[kind]).format(f'({self.array(depth - 1, kind)})')})"
        if way < 0.35:
            condition = self.array(depth - 1, "bool")
            return (
                f"np.where({condition}, {self.array(depth - 1, kind)}, {self.operand(depth, kind)})"
            )
        both = [f"({self.array(depth - 1, kind)})", f"({self.operand(depth, kind)})"]
        if kind != "bool":
            r.shuffle(both)
        return f"({r.choice(BINARY[kind]).format(*both)})"

    def operand(self, depth: int, kind: str | None = None) -> str:
        """An array, or now and then a number."""
        kind = kind or self.kind
        if kind != "bool" and self.random.random() < 0.3:
            numbers = ["x", "2.5", "-1", "n"] if kind == "float" else ["n", "3", "-2", "1"]
            return self.random.choice(numbers)
        return self.array(max(depth - 1, 0), kind)

    def function(self, name: str) -> str:
        """A function of `a`, `b`, `x`, `n` that returns an array or writes to `a`."""
        r = self.random
        kind = r.choice([self.kind, self.kind, "bool"])
        head = f"def {name}(a, b, x, n):\n"
        form = r.random()
        if form < 0.5:
            return f"{head}    c = {self.array(3, kind)}\n    return c\n"
        if form < 0.6:
            return f"{head}    return np.copy({self.array(2, kind)}).astype(np.float32)\n"
        if form < 0.8:
            targets = ["a[1:]", "a[:, 1:]", "a[:]", "a[0]", "a[::-1]", "a[:, 0]", "a[:-1, ::2]"]
            target, op = r.choice(targets), r.choice(["=", "+=", "*="])
            return f"{head}    {target} {op} {self.shaped_as(target)}\n"
        return f"{head}    a += {self.array(2)}\n    a -= {self.operand(2)}\n"

    def shaped_as(self, target: str) -> str:
        """Of the same part, of `a` itself moved, or of all."""
        r = self.random
        part = target[1:]
        sources = {"[1:]": "a[:-1]", "[:, 1:]": "a[:, :-1]", "[0]": "a[-1]"}
        one = r.choice([sources.get(part, "a" + part), "b" + part, "a" + part])
        kind = self.kind
        return f"({r.choice(BINARY[kind]).format(one, r.choice(['b' + part, one, '2', 'n']))})"


def inputs(seed: int, kind: str, dtypes: tuple[Any, Any]) -> tuple[Any, ...]:
    """Two arrays, contiguous or not, and two numbers."""
    r = random.Random(seed)
    made = []
    for dtype in dtypes:
        shape = (4, 5) if r.random() < 0.8 else (1, 5) if r.random() < 0.5 else (3, 5)
        values = [r.choice(FLOATS) if r.random() < 0.3 else r.uniform(-9, 9) for _ in range(60)]
        if kind == "float":
            with np.errstate(over="ignore"):
                array = np.array(values[: shape[0] * shape[1]]).reshape(shape).astype(dtype)
        else:
            info = np.iinfo(dtype)
            ints = [r.choice([info.min, info.max, r.randint(0, 100)]) for _ in range(60)]
            array = np.array(ints[: shape[0] * shape[1]], dtype).reshape(shape)
        layout = seed % 3
        if layout == 1:
            wide = np.zeros((shape[0], 2 * shape[1]), dtype)
            wide[:, ::2] = array
            array = wide[:, ::2]
        elif layout == 2:
            array = np.asfortranarray(array)
        made.append(array)
    return (*made, r.choice([0.5, -3.0, 1e10]), r.randint(0, 5))
