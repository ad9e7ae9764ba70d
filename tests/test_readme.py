"""The README's promise: two set-up commands, each one line, the second of them what CI runs."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_there_are_two_set_up_commands_of_one_line() -> None:
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    assert blocks == ["python3 dev.py compare\n", "python3 dev.py test\n"]


def test_ci_runs_the_second_one_as_it_is_written() -> None:
    assert re.search(r"^begin .* python3 dev\.py test$", (ROOT / ".ci" / "run").read_text(), re.M)
