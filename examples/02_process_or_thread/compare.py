"""Process or thread? Both workloads on 1, 2 and 4 of each, beside the lecture's measurements.

    python examples/02_process_or_thread/compare.py

What the lecture found: threads help work that waits, not work that computes; processes help both.
The tasks here are smaller than the lecture's, so compare the speed-ups, not the seconds. For a
shell `ungil compare` does the same, with intervals and at more sizes.
"""

import textwrap

import ungil

N_TASKS = 24
N_WORKERS = [1, 2, 4]
ITERATIONS = {"io": 100, "cpu": 30_000}

# Seconds on 1, 2 and 4 workers. Of two cells the lecture has words instead.
LECTURE: dict[str, dict[str, list[float | str]]] = {
    "io": {"thread": [68.8, 45.4, 43.0], "process": [70.2, 49.3, 32.5]},
    "cpu": {"thread": [0.631, 0.617, "no gain"], "process": [0.701, 0.364, "scales"]},
}


def speed_ups(seconds: list[float | str]) -> str:
    """Against one worker."""
    one = seconds[0]
    assert isinstance(one, float)
    return "".join(f"{x if isinstance(x, str) else f'{one / x:.2f} x':>9}" for x in seconds)


def main() -> None:
    for workload, iterations in ITERATIONS.items():
        comparison = ungil.compare(
            workload,
            worker=["thread", "process"],
            workers=N_WORKERS,
            tasks=N_TASKS,
            iterations=iterations,
            repeat=3,
            progress=False,
        )
        (found,) = comparison.to_dict()["workloads"]
        print(f"{workload}: speed-up against one worker, {N_TASKS} tasks")
        print(f"  workers          {''.join(f'{n:>9}' for n in N_WORKERS)}")
        for kind in found["kinds"]:
            here = [cell["summary"]["wall_s"]["median"] for cell in kind["cells"]]
            print(f"  {kind['kind']:<8} lecture {speed_ups(LECTURE[workload][kind['kind']])}")
            print(f"  {'':<8} here    {speed_ups(here)}")
        verdict = " ".join(found["verdict"]["sentences"])
        print(textwrap.fill(verdict, 90, initial_indent="  > ", subsequent_indent="  > "))


if __name__ == "__main__":
    main()
