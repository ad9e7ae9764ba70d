"""Ungil's pools beside their peers, in one interleaved run; see `--help` and README.md beside this.

Start methods that import the main module again in each worker import this file: it stays small, so
that no contender is charged for what only the measuring needs.
"""

if __name__ == "__main__":
    import sys

    from poolbench.cli import main

    sys.exit(main())
