"""What a comparison can be saved as, and what is told of an earlier one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pexpect
import pytest
import ungil
from command_line import ENVIRONMENT

# pexpect forks; nothing of ours runs in the child before it becomes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")

# Sleeps as long as it is told, and leaves a trace of having been called.
NAPS = """
import os, time

def nap():
    open("called", "w").close()
    time.sleep(float(os.environ["NAP"]))

def spin():
    return sum(range(1_000_000))
"""
FEW = ("--worker", "thread", "--workers", "1", "--tasks", "2", "--quiet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `fast.json` is a comparison of naps of a millisecond."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "naps.py").write_text(NAPS)
    done = compare(folder, "0.001", "naps.py:nap", *FEW, "--repeat", "6", "--json=fast.json",
                   "--html", "fast.html", "--svg", "fast.svg", "--png", "fast.png",
                   "--picture", "time,memory")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def compare(folder: Path, nap: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ungil", "compare", *arguments],
        cwd=folder,
        env=ENVIRONMENT | {"NAP": nap},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def document(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_files_are_what_their_options_say(folder: Path) -> None:
    page = (folder / "fast.html").read_text()
    assert document(folder, "fast.json")["workloads"][0]["verdict"]["sentences"][0] in page
    assert (folder / "fast.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    picture = ElementTree.parse(folder / "fast.svg").getroot()
    words = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"naps.py:nap", "Time", "Memory"} <= set(words)
    assert "Speed-up" not in words


def test_slower_than_the_baseline_is_told_and_can_be_a_failure(folder: Path) -> None:
    arguments = ("naps.py:nap", *FEW, "--repeat", "6", "--baseline", "fast.json")
    done = compare(folder, "0.1", *arguments, "--fail-if-slower", "50", "--json=slow.json")
    assert done.returncode == 3, done.stderr
    assert "slower than in fast.json by more than 50 %: naps.py:nap, serial by" in done.stderr
    assert "Against fast.json of" in done.stdout or "Against fast.json of" in done.stderr
    change = document(folder, "slow.json")["change"]
    directions = [cell["direction"] for cell in change["workloads"][0]["cells"]]
    assert directions == ["slower", "slower"]


def test_an_earlier_result_is_shown_again_without_measuring(folder: Path) -> None:
    (folder / "called").unlink(missing_ok=True)
    done = compare(folder, "0.001", "--from", "fast.json", "--html", "again.html",
                   "--baseline", "fast.json", "--fail-if-slower", "0")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 cells show no clear change." in done.stdout
    assert (folder / "again.html").read_text().count('id="speedup-0"') == 1
    assert not (folder / "called").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        ("half a docu", "it is no JSON document"),
        ('{"schema_version": 77}', "a newer one reads it"),
        ('{"schema_version": 1, "workloads": []}', "it is incomplete or damaged"),
    ],
)
def test_a_bad_baseline_is_found_before_measuring(
    folder: Path, content: str | None, told: str
) -> None:
    (folder / "called").unlink(missing_ok=True)
    file = folder / "bad.json"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)
    done = compare(folder, "0.001", "naps.py:nap", *FEW, "--baseline", "bad.json", "--json=n.json")
    assert done.returncode == 2
    assert "cannot use bad.json as a comparison" in done.stderr
    assert told in done.stderr
    assert not (folder / "called").exists()
    assert not (folder / "n.json").exists()


def test_a_baseline_of_other_work_is_refused(folder: Path) -> None:
    done = compare(folder, "0.001", "io", *FEW, "--baseline", "fast.json")
    assert done.returncode == 2
    assert "has other workloads (naps.py:nap) than those asked for (io)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fail-if-slower", "10"], "--baseline"),
        (["--baseline", "x.json", "--fail-if-slower", "much"], "a number of percent"),
        (["--picture", "speedup"], "--picture is for --svg and --png"),
        (["--svg", "x.svg", "--picture", "spedup"], "no picture named `spedup`"),
        (["io", "--from", "fast.json"], "cannot be used with"),
    ],
)
def test_usage(folder: Path, arguments: list[str], told: str) -> None:
    done = compare(folder, "0", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_the_baselines_sizes_are_kept(folder: Path) -> None:
    options = ("cpu", "--worker", "thread", "--workers", "1", "--repeat", "3", "--quiet")
    done = compare(folder, "0", *options, "--budget", "0.5", "--json=small.json")
    assert done.returncode == 0, done.stderr
    done = compare(folder, "0", *options, "--baseline", "small.json", "--json=same.json")
    assert done.returncode == 0, done.stderr
    small, same = (document(folder, name)["workloads"][0] for name in ("small.json", "same.json"))
    assert small["scaling"]["to"] == same["scaling"]["to"] < 1_000_000
    assert len(document(folder, "same.json")["change"]["workloads"][0]["cells"]) == 2


def live(folder: Path, nap: str, *arguments: str) -> Any:
    program = ["-m", "ungil", "compare", "naps.py:nap", *FEW[:-1], "--live", *arguments]
    return pexpect.spawn(
        sys.executable, program, cwd=str(folder), timeout=60, dimensions=(24, 100),
        env=ENVIRONMENT | {"NAP": nap, "TERM": "xterm"}, encoding="utf-8",
    )  # fmt: skip


def test_live_shows_the_cells_on_a_terminal_and_ends_with_the_result(folder: Path) -> None:
    program = live(folder, "0.05", "--repeat", "4")
    program.expect("▸ thread x1 ")
    program.expect(r"serial +2/4 +\d+ ms")
    program.expect(r"thread x1 +3/4 .*x [█▉▊▋▌▍▎▏]")
    program.expect("4 runs per cell")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0


def test_live_leaves_the_terminal_as_it_was_after_ctrl_c(folder: Path) -> None:
    program = live(folder, "0.2", "--repeat", "40")
    program.logfile_read = io.StringIO()
    program.expect("▸ thread x1 ")
    program.sendintr()
    program.expect("interrupted")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 130
    seen = program.logfile_read.getvalue()
    # Neither another screen nor a hidden cursor that would have to be brought back.
    assert "\x1b[?1049h" not in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h")


def test_live_without_a_terminal_says_so(folder: Path) -> None:
    done = compare(folder, "0.001", "naps.py:nap", *FEW[:-1], "--repeat", "3", "--live")
    assert done.returncode == 0
    assert "--live needs a terminal on stderr" in done.stderr


def test_a_traced_run_shows_that_threads_take_turns_with_the_gil(folder: Path) -> None:
    done = compare(folder, "0", "naps.py:spin", "--worker", "thread", "--workers", "2", "--quiet",
                   "--tasks", "4", "--repeat", "3", "--trace-gil", "--json=traced.json",
                   "--html", "traced.html")  # fmt: skip
    assert done.returncode == 0, done.stderr
    thread = document(folder, "traced.json")["workloads"][0]["kinds"][0]["cells"][0]
    held = [each["held"] for each in thread["gil_timeline"]["threads"]]
    together = [sum(stretch) for stretch in zip(*held, strict=True)]
    assert max(together) < 1.01  # one at a time
    assert sum(together) / len(together) > 0.5
    assert len([shares for shares in held if sum(shares) > 5]) >= 2
    assert 'id="timeline-0"' in (folder / "traced.html").read_text()


def nap() -> None:
    time.sleep(0.001)


def test_from_python(tmp_path: Path) -> None:
    options: dict[str, Any] = {"worker": "thread", "workers": 1, "tasks": 2, "progress": False}
    first = ungil.compare(nap, **options, repeat=3)
    first.save(tmp_path / "first.json")
    assert ungil.Comparison.load(tmp_path / "first.json").to_dict() == first.to_dict()
    for earlier in (first, tmp_path / "first.json", str(tmp_path / "first.json")):
        change = ungil.compare(nap, **options, repeat=3, baseline=earlier).to_dict()["change"]
        assert [cell["kind"] for cell in change["workloads"][0]["cells"]] == ["serial", "thread"]
    assert "<figure" in first.to_html()
    assert "<figure" not in first._repr_html_()
    assert first.to_png("time", "gil" if sys.version_info < (3, 13) else "time")[1:4] == b"PNG"
    assert first.to_svg().startswith("<svg ")


def test_what_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    result = ungil.compare(
        nap, worker="process", workers=1, tasks=2, repeat=3, progress=False, start_method="fork"
    )
    with pytest.raises(ValueError, match=r"let it end in \.html"):
        result.save(tmp_path / "result.pdf")
    with pytest.raises(ValueError, match="no picture named `pie`"):
        result.to_svg("pie")
    with pytest.raises(ValueError, match="no cell has figures for a picture of gil"):
        result.to_svg("gil")
    with pytest.raises(OSError, match="cannot write"):
        result.save(tmp_path / "nowhere" / "result.html")
    with pytest.raises(ValueError, match="cannot use"):
        ungil.Comparison.load(tmp_path / "none.json")
