"""`python -m ungil` and the console script `ungil`: the command line lives in `ungil._ungil`."""

from __future__ import annotations

import sys

from ungil import _ungil


def main() -> int:
    """Runs the command line on `sys.argv`; its exit code."""
    return _ungil.cli_main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
