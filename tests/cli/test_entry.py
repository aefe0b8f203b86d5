"""The command line as a whole: quick, helpful, and never a traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from toys import save_sides, write_dataset, write_side

import streamsnn
from streamsnn.cli import main, models
from streamsnn.errors import StreamsnnError

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch",
    "numba",
    "faery",
    "matplotlib",
    "numpy",
    "rich",
    "PySide6",
    "expelliarmus",
    "sounddevice",
    "soundfile",
    "h5py",
}


def python(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120, check=False
    )


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from streamsnn.cli import main; assert main(['--help']) == 0; print(*sys.modules)"
    done = python(code)
    assert "usage: streamsnn" in done.stdout
    assert not HEAVY & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("command", ["run", "evaluate", "info", "models", "devices", "check", "train", "bench"])
def test_help_of_a_command_has_examples_and_loads_nothing_heavy(command: str) -> None:
    code = f"import sys; from streamsnn.cli import main; assert main(['{command}', '-h']) == 0; print(*sys.modules)"
    done = python(code)
    assert f"streamsnn {command}" in done.stdout
    assert "examples:" in done.stdout
    assert not HEAVY & set(done.stdout.splitlines()[-1].split())


def test_help_answers_within_three_tenths_of_a_second() -> None:
    def once() -> float:
        began_s = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "streamsnn", "--help"], capture_output=True, check=False)
        assert done.returncode == 0
        return time.perf_counter() - began_s

    # The best of a few: what is measured is the program, not what else the machine is doing.
    assert min(once() for _ in range(5)) < 0.3


def test_streaming_never_loads_torch(tmp_path: Path) -> None:
    save_sides(tmp_path / "sides")
    write_dataset(tmp_path / "data", ["left", "right"])
    write_side(tmp_path / "left.dat", "left")
    code = (
        "import sys; from streamsnn.cli import main\n"
        "assert main(['run', 'left.dat', '--model', './sides', '--speed', 'max', '--json']) == 0\n"
        "assert main(['evaluate', 'data', '--model', './sides', '--json']) == 0\n"
        "assert main(['info', './sides']) == main(['info', 'left.dat']) == main(['models']) == 0\n"
        "print(*sorted({'torch', 'matplotlib'} & set(sys.modules)), 'numba' in sys.modules)"
    )
    done = python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"streamsnn {streamsnn.__version__}\n"


def test_nothing_at_all_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "evaluate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["rnu"], 'no command "rnu"', "Did you mean run?"),
        (["evalaute", "x"], 'no command "evalaute"', "Did you mean evaluate?"),
        (["xyzzy"], 'no command "xyzzy"', "streamsnn --help"),
        (["run", "--modle", "m"], 'no option "--modle"', "Did you mean --model?"),
        (["run", "x.bin", "--model=m", "--jsno"], 'no option "--jsno"', "Did you mean --json?"),
        (["--verison"], 'no option "--verison"', "Did you mean --version?"),
        (["run"], "required: SOURCE, --model", "streamsnn run --help"),
        (["run", "x.bin", "--model", "m", "--start", "2x"], '"2x" is no duration', "1m30s"),
        (["run", "x.bin", "--model", "m", "--speed", "0"], '"0" is no speed', "max"),
        (["run", "x.bin", "y.bin", "--model", "m"], "y.bin", "streamsnn run --help"),
    ],
)
def test_a_misspelt_command_line_is_told_in_two_lines(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    first, second = told.err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert hint in second


def _fail(error: BaseException, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code of a command in which `error` happens."""

    def command(arguments: object) -> int:
        raise error

    monkeypatch.setattr(models, "command", command)
    return main(["models", *options])


def test_an_error_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fail(StreamsnnError("it broke", hint="mend it"), monkeypatch) == 2
    assert capsys.readouterr().err == "error: it broke\nhint:  mend it\n"


def test_debug_shows_where_it_happened(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fail(StreamsnnError("it broke"), monkeypatch, "--debug") == 2
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.endswith("error: it broke\n")


def test_a_mistake_of_the_program_is_no_traceback_either(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fail(ZeroDivisionError("oh"), monkeypatch) == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError: oh" in told
    assert "--debug" in told
    assert "Traceback" not in told


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fail(OSError(28, "No space left on device", "out.csv"), monkeypatch) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "error: out.csv: No space left on device"
    assert told[1].startswith("hint:  Free some space")


def test_ctrl_c_anywhere_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fail(KeyboardInterrupt(), monkeypatch) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_training_that_was_interrupted_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted = StreamsnnError("Interrupted after 3 of 9 epochs.", hint="Add --resume.")
    interrupted.__cause__ = KeyboardInterrupt()
    assert _fail(interrupted, monkeypatch) == 130
    assert capsys.readouterr().err == "Interrupted after 3 of 9 epochs.\nhint:  Add --resume.\n"


@pytest.mark.parametrize("direct", [True, False])
def test_a_broken_pipe_ends_quietly(
    direct: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error: BaseException = BrokenPipeError()
    if not direct:
        error = StreamsnnError("Nobody reads <stdout> any more.")
        error.__context__ = BrokenPipeError()
    assert _fail(error, monkeypatch) == 141
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    save_sides(tmp_path / "sides")
    write_side(tmp_path / "left.dat", "left")
    run = [sys.executable, "-m", "streamsnn", "run", "left.dat", "--model", "./sides", "--loop", "--speed", "max"]
    with subprocess.Popen([*run, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"t_us"')
        process.stdout.close()
        told = process.stderr.read().decode()
    assert process.returncode == 141
    assert not [line for line in told.splitlines() if not line.startswith(("pass ", "getting ready"))]


INTERRUPTED = """
import sys
from streamsnn.cli import main

class Interrupts:
    # Ctrl-C while the module is being imported.
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("module", ["streamsnn.cli.entry", "streamsnn.cli.parsing", "streamsnn.cli.models"])
def test_ctrl_c_while_the_program_is_loaded_ends_quietly(module: str) -> None:
    done = python(INTERRUPTED, module, "models")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("module", ["numpy", "streamsnn.engine", "streamsnn.cli.playing", "streamsnn.modelfolder"])
def test_ctrl_c_while_a_run_is_loaded_still_ends_with_a_summary(module: str, tmp_path: Path) -> None:
    save_sides(tmp_path / "sides")
    done = python(INTERRUPTED, module, "run", "left.dat", "--model", "./sides", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "played nothing\n", "")
    done = python(INTERRUPTED, module, "run", "left.dat", "--model", "./sides", "--json", cwd=tmp_path)
    (summary,) = json.loads(done.stdout).values()
    assert (done.returncode, summary["steps"], summary["interrupted"]) == (130, 0, True)


def shell(command: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `streamsnn` `command` does in a shell, redirections and all."""
    return subprocess.run(
        f"{shlex.quote(sys.executable)} -m streamsnn {command}",
        shell=True,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["--help", "models --help", "--version", "info left.dat", "models --json"])
def test_output_that_finds_no_space_is_told_with_place_and_hint(command: str, unbuffered: str, tmp_path: Path) -> None:
    write_side(tmp_path / "left.dat", "left")
    done = shell(f"{command} > /dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr.splitlines() == [
        "error: The output cannot be written: No space left on device",
        "hint:  Free some space, or choose another place.",
    ]
    assert done.returncode == 2


@pytest.mark.parametrize("command", ["--help", "models", "run left.dat --model ./sides --speed max --csv out.csv"])
def test_output_that_is_closed_is_no_mistake_of_the_program(command: str, tmp_path: Path) -> None:
    save_sides(tmp_path / "sides")
    write_side(tmp_path / "left.dat", "left")
    done = shell(f"{command} >&-", tmp_path)
    # On a busy machine it says that it is getting ready.
    told = [line for line in done.stderr.splitlines() if not line.startswith("getting ready")]
    assert (done.returncode, done.stdout, told) == (0, "", [])
    if "--csv" in command:
        assert len((tmp_path / "out.csv").read_text().splitlines()) == 21


def test_errors_do_not_go_to_stdout_where_stderr_is_closed() -> None:
    done = shell("rnu 2>&-")
    assert (done.returncode, done.stdout) == (2, "")


def test_the_package_says_that_it_is_typed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert settings["streamsnn"] == ["py.typed"]
    assert (Path(streamsnn.__file__).parent / "py.typed").is_file()
