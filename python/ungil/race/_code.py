"""Which instructions of a function touch something shared, and where in the frame that lies.

Names and stack effects come from `dis`; what is returned are numbers for `_ungil.race`: places in a
frame, locals first, then the value stack as it is before the instruction.
"""

import dis
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType

Row = tuple[int, int, int, int, int, str | None, bool]

LOAD_ATTRIBUTE, STORE_ATTRIBUTE, LOAD_GLOBAL, STORE_GLOBAL, LOAD_CELL, STORE_CELL = range(1, 7)
LOAD_ITEM, STORE_ITEM, CALL, NEXT, READ_WHOLE, WRITE_WHOLE, IN_PLACE, LOOP, LOOP_IF, ENTER = range(
    7, 17
)
CALL_UNPACKED, CONTAINS, TRUTH, ITERATE, UNPACK = range(17, 22)
# What UNPACK gives to.
_TO_VARIABLES, _TO_A_SET, _TO_A_LIST = range(3)

NO_VALUE = -1
_ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"}
_JUMPS = set(dis.hasjrel) | set(dis.hasjabs)
# Generators begin with a value that `dis` of 3.11 and 3.12 does not count.
_UNCOUNTED = {"RETURN_GENERATOR": 1} if sys.version_info < (3, 13) else {}
_IN_PLACE_FROM = 13  # the first of BINARY_OP's arguments that assign: `+=`
_SUBSCRIPT = 26  # `x[y]`, from 3.14 on


def depths(code: CodeType, instructions: list[dis.Instruction]) -> dict[int, int]:
    """How many values lie on the stack before each instruction that can be reached."""
    at = {instruction.offset: n for n, instruction in enumerate(instructions)}
    found: dict[int, int] = {}
    table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    todo = [(0, 0), *((entry.target, entry.depth + entry.lasti + 1) for entry in table)]
    while todo:
        offset, depth = todo.pop()
        for instruction in instructions[at[offset] :]:
            if instruction.offset in found:
                break
            found[instruction.offset] = depth
            name, argument = instruction.opname, instruction.arg
            if name in _ENDS:
                break
            if instruction.opcode < dis.HAVE_ARGUMENT:
                argument = None
            if instruction.opcode in _JUMPS:
                jumped = depth + dis.stack_effect(instruction.opcode, argument, jump=True)
                todo.append((instruction.argval, jumped))
                if name.startswith(("JUMP_BACKWARD", "JUMP_FORWARD")):
                    break
            depth += dis.stack_effect(instruction.opcode, argument, jump=False)
            depth += _UNCOUNTED.get(name, 0)
    return found


def analyse(code: CodeType, benign: frozenset[str]) -> list[Row]:
    """What each instruction that matters does; `benign` names are marked."""
    instructions = list(dis.get_instructions(code))
    depth = depths(code, instructions)
    cells = [name for name in code.co_cellvars if name not in code.co_varnames]
    first = len(code.co_varnames) + len(cells) + len(code.co_freevars)
    rows = []
    for instruction in instructions:
        if instruction.offset in depth:
            top = first + depth[instruction.offset] - 1
            if (found := _decode(instruction, top)) is not None:
                kind, a, b, c, name = found
                rows.append((instruction.offset, kind, a, b, c, name, name in benign))
    return rows


def _decode(instruction: dis.Instruction, top: int) -> tuple[int, int, int, int, str | None] | None:
    name, argument, text = instruction.opname, instruction.arg or 0, instruction.argval
    decode = _TABLE.get(name)
    if decode is not None:
        kind, a, b, c = decode(argument, top)
        named = kind in (LOAD_ATTRIBUTE, STORE_ATTRIBUTE, LOAD_GLOBAL, STORE_GLOBAL)
        named = named or kind in (LOAD_CELL, STORE_CELL)
        return kind, a, b, c, sys.intern(str(text)) if named else None
    if name == "BINARY_OP":
        kind, a, b = _binary(argument, top)
        return kind, a, b, 0, None
    if name.startswith("POP_JUMP_BACKWARD"):  # 3.11
        return LOOP_IF, top, 0, 0, None
    if name.startswith(("POP_JUMP", "JUMP_IF")) and "NONE" not in name:
        return TRUTH, top, 0, 0, None
    if name.startswith("JUMP_BACKWARD"):
        return LOOP, 0, 0, 0, None
    return None


def _keywords(argument: int) -> int:
    return 1 if sys.version_info >= (3, 14) else argument & 1


def _binary(argument: int, top: int) -> tuple[int, int, int]:
    if argument == _SUBSCRIPT:
        return LOAD_ITEM, top - 1, top
    return (IN_PLACE, top - 1, argument) if argument >= _IN_PLACE_FROM else (READ_WHOLE, top - 1, 2)


_Decode = Callable[[int, int], tuple[int, int, int, int]]
_TABLE: dict[str, _Decode] = {
    "LOAD_ATTR": lambda arg, top: (LOAD_ATTRIBUTE, top, 0, 0),
    "LOAD_METHOD": lambda arg, top: (LOAD_ATTRIBUTE, top, 0, 0),
    "STORE_ATTR": lambda arg, top: (STORE_ATTRIBUTE, top, top - 1, 0),
    "DELETE_ATTR": lambda arg, top: (STORE_ATTRIBUTE, top, NO_VALUE, 0),
    "LOAD_GLOBAL": lambda arg, top: (LOAD_GLOBAL, 0, 0, 0),
    "LOAD_NAME": lambda arg, top: (LOAD_GLOBAL, 0, 0, 0),
    "STORE_GLOBAL": lambda arg, top: (STORE_GLOBAL, 0, top, 0),
    "DELETE_GLOBAL": lambda arg, top: (STORE_GLOBAL, 0, NO_VALUE, 0),
    "LOAD_DEREF": lambda arg, top: (LOAD_CELL, arg, 0, 0),
    "STORE_DEREF": lambda arg, top: (STORE_CELL, arg, top, 0),
    "DELETE_DEREF": lambda arg, top: (STORE_CELL, arg, NO_VALUE, 0),
    "BINARY_SUBSCR": lambda arg, top: (LOAD_ITEM, top - 1, top, 0),
    "STORE_SUBSCR": lambda arg, top: (STORE_ITEM, top - 1, top, top - 2),
    "DELETE_SUBSCR": lambda arg, top: (STORE_ITEM, top - 1, top, NO_VALUE),
    "BINARY_SLICE": lambda arg, top: (READ_WHOLE, top - 2, 1, 0),
    "STORE_SLICE": lambda arg, top: (WRITE_WHOLE, top - 2, 0, 0),
    # The callable and its self (or nothing) lie below the arguments; 3.13's CALL_KW has the
    # names above.
    # 3.11's PRECALL comes first, and `dis` counts the arguments as gone after it.
    ("PRECALL" if sys.version_info < (3, 12) else "CALL"): lambda arg, top: (
        CALL,
        top - arg - 1,
        arg,
        0,
    ),
    "CALL_KW": lambda arg, top: (CALL, top - arg - 2, arg, 0),
    # `f(*arguments)`: keywords lie above the arguments, if there are any (from 3.14 on: always).
    "CALL_FUNCTION_EX": lambda arg, top: (
        CALL_UNPACKED,
        top - _keywords(arg) - 2,
        top - _keywords(arg),
        0,
    ),
    "BEFORE_WITH": lambda arg, top: (ENTER, top, 0, 0),
    "BEFORE_ASYNC_WITH": lambda arg, top: (ENTER, top, 0, 0),
    "LOAD_SPECIAL": lambda arg, top: (ENTER, top, 0, 0),  # from 3.14 on
    # From 3.15 on a number for the interpreter's own use lies above the iterator.
    "FOR_ITER": lambda arg, top: (NEXT, top - (1 if sys.version_info >= (3, 15) else 0), 0, 0),
    "GET_ITER": lambda arg, top: (ITERATE, top, 0, 0),
    "TO_BOOL": lambda arg, top: (TRUTH, top, 0, 0),
    "UNARY_NOT": lambda arg, top: (TRUTH, top, 0, 0),
    "COMPARE_OP": lambda arg, top: (READ_WHOLE, top - 1, 2, 0),
    "CONTAINS_OP": lambda arg, top: (CONTAINS, top, 0, 0),
    "UNPACK_SEQUENCE": lambda arg, top: (UNPACK, top, _TO_VARIABLES, 0),
    "UNPACK_EX": lambda arg, top: (UNPACK, top, _TO_VARIABLES, 0),
    "LIST_EXTEND": lambda arg, top: (UNPACK, top, _TO_A_LIST, 0),
    "SET_UPDATE": lambda arg, top: (UNPACK, top, _TO_A_SET, 0),
    "DICT_UPDATE": lambda arg, top: (READ_WHOLE, top, 1, 0),
    "DICT_MERGE": lambda arg, top: (READ_WHOLE, top, 1, 0),
    "FORMAT_VALUE": lambda arg, top: (READ_WHOLE, top - (1 if arg & 4 else 0), 1, 0),
    "FORMAT_SIMPLE": lambda arg, top: (READ_WHOLE, top, 1, 0),
    "CONVERT_VALUE": lambda arg, top: (READ_WHOLE, top, 1, 0),
}


class Scope:
    """Which files are under test: all but the standard library, installed packages and ungil.

    `include` adds what lies below these files or folders, and `exclude` takes away. Scopes are
    equal where they have the same files.
    """

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = tuple(_beginning(path) for path in include)
        self._exclude = tuple(_beginning(path) for path in exclude)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented
        return (self._include, self._exclude) == (other._include, other._exclude)

    def __hash__(self) -> int:
        return hash((self._include, self._exclude))

    def has(self, file: str) -> bool:
        if self._exclude and file.startswith(self._exclude):
            return False
        if self._include and file.startswith(self._include):
            return True
        if file.startswith("<frozen ") or file.startswith(_NEVER):
            return False
        return "/site-packages/" not in file and "/dist-packages/" not in file


def _standing() -> tuple[str, ...]:
    """Where the standard library and ungil lie."""
    paths = sysconfig.get_paths()
    own = str(Path(__file__).parent.parent)
    roots = {paths["stdlib"], paths["platstdlib"], own, str(Path(dis.__file__).parent)}
    return tuple(root + "/" for root in roots)


_NEVER = _standing()


def _beginning(path: str) -> str:
    absolute = str(Path(path).resolve())
    return absolute + "/" if Path(absolute).is_dir() else absolute
