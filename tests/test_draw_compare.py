"""The picture of the README: what the JSON says is what is drawn, and it is a picture at all."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

SCRIPT = Path(__file__).parents[1] / "docs" / "draw_compare.py"
SVG = "{http://www.w3.org/2000/svg}"


def cell(workers: int, speedup: float | None) -> dict[str, Any]:
    if speedup is None:
        return {"workers": workers, "summary": None}
    interval = {"low": speedup * 0.9, "high": speedup * 1.1}
    return {"workers": workers, "summary": {"speedup": speedup, "speedup_interval": interval}}


def document(**kinds: list[float | None]) -> dict[str, Any]:
    curves = [
        {"kind": kind, "cells": [cell(2**i, speedup) for i, speedup in enumerate(speedups)]}
        for kind, speedups in kinds.items()
    ]
    return {
        "ungil_version": "0.1.0",
        "created": "2026-11-23T22:00:00Z",
        "machine": {
            "usable_cpus": 4,
            "cpu_model": "a <processor> & more",
            "architecture": "x86_64",
            "python": {"implementation": "CPython", "version": "3.11.7"},
        },
        "workloads": [
            {
                "name": "cpu",
                "kinds": curves,
                "verdict": {"winner": {"kind": "process", "workers": 4}},
            }
        ],
    }


def draw(tmp_path: Path, content: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (tmp_path / "c.json").write_text(json.dumps(content))
    command = [sys.executable, str(SCRIPT), str(tmp_path / "c.json"), str(tmp_path / "c.svg")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_measured_cell_is_a_dot_and_the_labels_do_not_overlap(tmp_path: Path) -> None:
    done = draw(tmp_path, document(thread=[1.0, 1.0, 1.0], process=[0.9, None, 1.01]))
    assert done.returncode == 0, done.stderr
    picture = ElementTree.parse(tmp_path / "c.svg").getroot()
    assert len(list(picture.iter(f"{SVG}circle"))) == 5
    labels = {t.text or "": float(t.get("y", "0")) for t in picture.iter(f"{SVG}text")}
    assert abs(labels["thread 1x"] - labels["process 1x"]) >= 15
    assert "best: 4 process workers" in labels


def test_faster_is_higher(tmp_path: Path) -> None:
    draw(tmp_path, document(process=[1.0, 1.9, 3.6]))
    dots = [
        float(c.get("cy", "0")) for c in ElementTree.parse(tmp_path / "c.svg").iter(f"{SVG}circle")
    ]
    assert dots == sorted(dots, reverse=True)


def test_nothing_measured_is_told(tmp_path: Path) -> None:
    done = draw(tmp_path, document(thread=[None]))
    assert done.returncode == 1
    assert done.stderr == "cpu: nothing was measured, so there is nothing to draw\n"
