"""What instructions do to reference counts, where the GIL can be handed over: tables of families.

Approximate: an instruction of one name does different things in different versions of Python and
to different objects; what is marked is what its usual case does. A family is a name or the
beginning of names; the longest one that fits counts.
"""

from __future__ import annotations

# "+" takes a reference, "-" drops one, "+-" does both, "~" does without (a borrowed reference, or
# an object that is never freed); families that only move references are marked "".
_REFERENCES = {
    "BEFORE_WITH": "+-",
    "BINARY_": "+-",
    "BUILD_": "",
    "CALL": "+-",
    "CHECK_": "+-",
    "CLEANUP_THROW": "-",
    "COMPARE_OP": "+-",
    "CONTAINS_OP": "+-",
    "CONVERT_VALUE": "+-",
    "COPY": "+",
    "COPY_FREE_VARS": "+",
    "DELETE_": "-",
    "DICT_": "-",
    "END_": "-",
    "FORMAT_": "+-",
    "FOR_ITER": "+",
    "GET_": "+-",
    "IMPORT_FROM": "+",
    "IMPORT_NAME": "+-",
    "IS_OP": "-",
    "LIST_APPEND": "",
    "LIST_EXTEND": "-",
    "LOAD_": "+",
    "LOAD_ATTR": "+-",
    "LOAD_FAST_AND_CLEAR": "",
    "LOAD_FAST_BORROW": "~",
    "LOAD_METHOD": "+-",
    "LOAD_SMALL_INT": "~",
    "LOAD_SUPER_ATTR": "+-",
    "MAKE_FUNCTION": "+",
    "MATCH_": "+",
    "POP_": "-",
    "PUSH_EXC_INFO": "+",
    "RERAISE": "",
    "RETURN_CONST": "+",
    "RETURN_GENERATOR": "+",
    "RETURN_VALUE": "",
    "SEND": "+",
    "SET_ADD": "",
    "SET_UPDATE": "-",
    "STORE_": "-",
    "TO_BOOL": "-",
    "UNARY_": "+-",
    "UNPACK_": "+-",
    "WITH_EXCEPT_START": "+",
}

# The interpreter looks there whether another thread wants the GIL.
_SWITCHES = ("JUMP_BACKWARD", "POP_JUMP_BACKWARD", "CALL")
_NO_SWITCH = ("JUMP_BACKWARD_NO_INTERRUPT", "CALL_INTRINSIC", "CALL_LIST_APPEND")


def references(name: str) -> str:
    """The mark for what an instruction does to reference counts."""
    fitting = [family for family in _REFERENCES if name.startswith(family)]
    return _REFERENCES[max(fitting, key=len)] if fitting else ""


def switches(name: str, argument: int | None) -> bool:
    """Whether another thread can get the GIL there."""
    if name == "RESUME":
        # 2 and 3: behind `yield from` and `await`, where nobody looks.
        return ((argument or 0) & 3) < 2
    return name.startswith(_SWITCHES) and not name.startswith(_NO_SWITCH)
