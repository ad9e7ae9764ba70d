"""Compile the Python code: `py_compile` writes it, `marshal` reads it, `dis` shows it.

    python examples/05_fun/compile_it.py

A `.pyc` is 16 bytes of header and a code object. `ungil explain module.pyc` explains both; of a
file of another version of Python the header.
"""

import dis
import marshal
import py_compile
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import ungil

SOURCE = "print('The real science')\n"


def main() -> None:
    with TemporaryDirectory() as folder:
        source, compiled = Path(folder, "science.py"), Path(folder, "science.pyc")
        source.write_text(SOURCE)
        py_compile.compile(str(source), str(compiled), doraise=True)
        data = compiled.read_bytes()
        print(f"{compiled.name}: {len(data)} bytes")
        print(f"  magic number  {int.from_bytes(data[:2], 'little')}")
        print(f"  source size   {int.from_bytes(data[12:16], 'little')} bytes")
        code = marshal.loads(data[16:])
        print("dis:")
        dis.dis(code)
        print("run, without its source:")
        source.unlink()
        sys.stdout.flush()
        exec(code)
        print()
        for name, meaning in ungil.explain(str(compiled)).to_dict()["header"]:
            print(f"  {name}: {meaning}")


if __name__ == "__main__":
    main()
