"""The picture of the workflow: which thread holds the GIL when, and who waits.

    python examples/03_why/who_holds_the_gil.py

Not drawn by hand but measured: `ungil.trace` sees every take and drop of the GIL. Two threads
compute, one sleeps. `t.save("trace.html")` would make a page of it that can be zoomed into.
"""

import json
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ungil

WIDTH = 64
MARKS = {"held": "█", "waiting": "░"}


def compute() -> None:
    total = 0
    for number in range(1_500_000):
        total += number


def sleep() -> None:
    for _ in range(5):
        time.sleep(0.02)


def timeline(trace: ungil.Trace) -> dict[str, str]:
    """For each thread a row of marks: what took most of the stretch that a mark stands for."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        trace.save(path)
        events: list[dict[str, Any]] = json.loads(path.read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    slices = [e for e in events if e["name"] in MARKS]
    begin = min(e["ts"] for e in slices)
    stretch = (max(e["ts"] + e["dur"] for e in slices) - begin) / WIDTH
    rows = {}
    for tid in dict.fromkeys(e["tid"] for e in sorted(slices, key=lambda e: e["ts"])):
        row = ""
        for at in range(WIDTH):
            left, right = begin + at * stretch, begin + (at + 1) * stretch
            spent = dict.fromkeys(MARKS, 0.0)
            for e in slices:
                if e["tid"] == tid:
                    overlap = min(right, e["ts"] + e["dur"]) - max(left, e["ts"])
                    spent[e["name"]] += max(0.0, overlap)
            most = max(spent, key=lambda what: spent[what])
            row += MARKS[most] if spent[most] > stretch / 3 else "·"
        rows[names[tid]] = row
    return rows


def main() -> None:
    work = {"compute 1": compute, "compute 2": compute, "sleep": sleep}
    with ungil.trace() as trace:
        threads = [threading.Thread(target=f, name=name) for name, f in work.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("█ holds the GIL   ░ waits for it   · neither")
    rows = timeline(trace)
    for name in work:
        print(f"{name:<10} {rows[name]}")
    figures = trace.to_dict()
    print(f"held for {figures['held_share']:.0%} of {figures['duration_s'] * 1000:.0f} ms")
    threads_by_name = {thread["name"]: thread for thread in figures["threads"]}
    for name in work:
        found = threads_by_name[name]
        held, waited = found["held_share"], found["waited_share"]
        print(f"  {name:<10} held {held:4.0%}   waited {waited:4.0%}")


if __name__ == "__main__":
    main()
