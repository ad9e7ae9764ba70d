"""`python -m ungil` and the console script `ungil`."""


def main() -> int:
    raise NotImplementedError


if __name__ == "__main__":
    raise SystemExit(main())
