"""And why do we need threads? Because of what a process costs: memory.

    python examples/02_process_or_thread/memory.py

The lecture counted 144.8 MB for 10 processes, about 14 MB each, and about 20 MB each in another
run. Memory here is the proportional set size: pages that several processes share are divided among
them.
"""

import ungil

N_WORKERS = 10
LECTURE = {"thread": "next to nothing", "process": "14.48 MB each, 144.8 MB in all"}


def nothing() -> None:
    """What is measured is what it takes to be there."""


def amount(size: float) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


def main() -> None:
    comparison = ungil.compare(
        nothing, worker=["thread", "process"], workers=N_WORKERS, tasks=10, repeat=1, progress=False
    )
    print(f"memory of {N_WORKERS} workers that do nothing")
    for kind in comparison.to_dict()["workloads"][0]["kinds"]:
        (cell,) = kind["cells"]
        each = cell["summary"]["memory"]["pss_bytes"]
        print(f"  {kind['kind']:<8} lecture   {LECTURE[kind['kind']]}")
        print(f"  {'':<8} here      {amount(each)} each, {amount(each * N_WORKERS)} in all")


if __name__ == "__main__":
    main()
