"""The README's example runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _code(mark: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {mark} -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_a_family_runs_from_the_readme() -> None:
    subprocess.run([sys.executable, "-c", _code("a family")], cwd=ROOT, check=True)


def test_many_streams_run_from_the_readme() -> None:
    code = _code("many streams")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0


def test_the_loop_runs_from_the_readme() -> None:
    code = _code("the loop")
    assert len([line for line in code.splitlines() if line.strip()]) <= 8
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) > 1000
    assert {label for _, label, _ in lines} > {"None"}


def test_every_command_of_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^streamsnn (\w+)", text, re.MULTILINE))
    assert {"run", "evaluate", "info", "models", "train", "check", "bench"} <= commands
    help_text = subprocess.run(
        [sys.executable, "-m", "streamsnn", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(re.search(rf"^  {command} ", help_text, re.MULTILINE) for command in commands)


def test_every_file_that_the_readme_links_to_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), target
