"""What the interpreter does: source, byte code, interpretation, and only then the processor.

    python examples/03_why/byte_code.py

The lecture takes one line apart with `dis`. `ungil explain` adds what `dis` does not say: which
instructions count references (`+`, `-`), and where another thread can get the GIL (`G`).
"""

import dis
import marshal

import ungil


def tell() -> None:
    print("The real science")


def main() -> None:
    source = "print('The real science')"
    code = compile(source, "<the lecture>", "exec")
    print(f"source:       {source}")
    print(f"byte code:    {len(code.co_code)} bytes, {len(marshal.dumps(code))} in a .pyc")
    print("interpretation, one instruction after another:")
    dis.dis(code)
    print("and its result, from the processor:")
    exec(code)
    print()
    print(ungil.explain(tell))


if __name__ == "__main__":
    main()
