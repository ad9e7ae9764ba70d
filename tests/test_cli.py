"""The command line as a whole: help, versions, completions, configuration, exit codes, pipes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import ungil
from command_line import ENVIRONMENT, Cli

# pexpect forks; nothing of ours runs in the child before it becomes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")

SCRIPT = Path(sys.executable).with_name("ungil")


def test_version_is_the_packages(cli: Cli) -> None:
    done = cli("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ungil {ungil.__version__}\n", "")


@pytest.mark.skipif(not SCRIPT.exists(), reason="the package is not installed with its script")
def test_script_and_module_are_the_same_program(cli: Cli) -> None:
    script = subprocess.run(
        [SCRIPT, "--help"], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert script.stdout == cli("--help").stdout
    assert "Usage: ungil" in script.stdout


@pytest.mark.parametrize(
    "verb", ["run", "compare", "trace", "explain", "doctor", "tour", "completions"]
)
def test_help_of_each_verb_teaches_with_examples(cli: Cli, verb: str) -> None:
    done = cli(verb, "--help")
    assert done.returncode == 0
    assert f"Usage: ungil {verb}" in done.stdout
    assert "Examples:\n  ungil " in done.stdout
    assert done.stderr == ""


def test_exit_codes_are_documented(cli: Cli) -> None:
    text = cli("--help").stdout
    for code, meaning in [
        ("0", "done"),
        ("1", "workload failed"),
        ("2", "command"),
        ("130", "Ctrl-C"),
    ]:
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{code}  "))
        assert meaning in line


def test_without_arguments_help_and_code_2(cli: Cli) -> None:
    done = cli()
    assert done.returncode == 2
    assert "Usage: ungil" in done.stderr


def test_misspelt_verb_and_option_are_recognised(cli: Cli) -> None:
    verb = cli("comapre")
    assert verb.returncode == 2
    assert "compare" in verb.stderr
    option = cli("run", "io", "--taks", "3")
    assert option.returncode == 2
    assert "--tasks" in option.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_valid_in_their_shell(cli: Cli, shell: str) -> None:
    done = cli("completions", shell)
    assert done.returncode == 0
    assert "compare" in done.stdout
    if shutil.which(shell):
        check = subprocess.run(
            [shell, "-n"], input=done.stdout, text=True, capture_output=True, check=False
        )
        assert check.returncode == 0, check.stderr


def test_unknown_shell_is_a_usage_error(cli: Cli) -> None:
    assert cli("completions", "tcsh").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        (["--help"], {}, False),
        (["--help", "--color", "always"], {}, True),
        (["--help", "--color=always"], {"NO_COLOR": "1"}, True),
        (["--help", "--color", "never"], {}, False),
    ],
)
def test_color_of_help_in_a_pipe(
    cli: Cli, arguments: list[str], environment: dict[str, str], colored: bool
) -> None:
    assert ("\x1b[" in cli(*arguments, env=environment).stdout) is colored


@pytest.mark.parametrize(("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_color_of_help_on_a_terminal(environment: dict[str, str], colored: bool) -> None:
    pexpect = pytest.importorskip("pexpect")
    env = ENVIRONMENT | {"TERM": "xterm-256color"} | environment
    text = pexpect.run(f"{sys.executable} -m ungil --help", env=env).decode()
    assert "Usage" in text
    assert ("\x1b[" in text) is colored


@pytest.mark.parametrize("arguments", [["--help"], ["completions", "bash"]])
def test_closed_stdout_is_quiet(tmp_path: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ungil", *arguments],
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_stderr_does_no_harm(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ungil", "compare", "time:time", "--repeat", "1", "--workers", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 0
    assert "time:time" in done.stdout


def test_full_disk_is_an_error(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ungil", "--help"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "cannot write standard output" in done.stderr


def test_a_mistake_of_ours_asks_for_a_report(tmp_path: Path) -> None:
    code = (
        "import sys, ungil\nfrom ungil._ungil import cli_main\n"
        "def broken(*arguments): raise AssertionError('impossible')\n"
        "ungil.ThreadPoolExecutor = broken\n"
        "sys.exit(cli_main(['run', 'io']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 70
    assert "internal error in ungil" in done.stderr
    assert "please report it" in done.stderr
    assert "AssertionError: impossible" in done.stderr


# --- pyproject.toml ---


def configure(directory: Path, text: str) -> None:
    (directory / "pyproject.toml").write_text(text)


def test_defaults_from_pyproject_and_command_line_wins(cli: Cli, tmp_path: Path) -> None:
    configure(
        tmp_path,
        '[tool.ungil]\nquiet = true\n[tool.ungil.run]\nworkload = "io"\nworker = "serial"\n'
        "tasks = 3\niterations = 1\n",
    )
    assert cli("run").stdout.startswith("[serial, # tasks = 3, workload = io]\n")
    changed = cli("run", "cpu", "--worker", "thread", "--workers", "2", "--tasks", "5")
    assert changed.stdout.startswith("[# threads = 2, # tasks = 5, workload = cpu]\n")


def test_nearest_pyproject_upwards_with_a_section(cli: Cli, tmp_path: Path) -> None:
    configure(
        tmp_path, '[tool.ungil.run]\nworkload = "io"\niterations = 1\ntasks = 2\nworkers = 1\n'
    )
    below = tmp_path / "package" / "inner"
    below.mkdir(parents=True)
    configure(tmp_path / "package", "[project]\nname = 'without a section'\n")
    done = subprocess.run(
        [sys.executable, "-m", "ungil", "run"],
        cwd=below,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("[# threads = 1, # tasks = 2, workload = io]\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.ungil.run]\ntaks = 3\n", 'unknown key "taks" in [tool.ungil.run]'),
        ("[tool.ungil.run]\ntaks = 3\n", 'Did you mean "tasks"'),
        ("[tool.ungil]\ncompair = {}\n", 'Did you mean "compare"'),
        ("[tool.ungil.compare]\nworkers = 4\n", "[tool.ungil.compare] workers: invalid type"),
        ("[tool.ungil]\nrun = 4\n", "tool.ungil.run must be a table, and is of type integer"),
        ('[tool.ungil.compare]\nworker = "thread"\n', "expected a list in brackets"),
        ('[tool.ungil.run]\ntasks = "x"\n', "expected a whole number"),
        ('[tool.ungil]\ncolor = "blue"\n', "it must be auto, always or never"),
        ("[tool.ungil.run]\nworkers = -1\n", "workers must be at least 1, not -1"),
        ("[tool.ungil\n", "cannot read"),
    ],
)
def test_mistakes_in_pyproject(cli: Cli, tmp_path: Path, text: str, expected: str) -> None:
    configure(tmp_path, text)
    done = cli("run", "io")
    assert done.returncode == 2
    assert expected in done.stderr
    assert "pyproject.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_package_stays_light() -> None:
    """Workers import it: nothing that is not needed in them may come along."""
    code = (
        "import sys; before = set(sys.modules); import ungil;"
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "ungil._ungil" in loaded
    assert not loaded & {"asyncio", "concurrent.futures", "multiprocessing", "pickle", "threading"}


def test_every_public_name_is_there() -> None:
    for name in ungil.__all__:
        assert getattr(ungil, name) is not None
    assert set(ungil.__all__) <= set(dir(ungil))
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        ungil.compair  # noqa: B018
