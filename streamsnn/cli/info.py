"""`streamsnn info`: what is in a recording or a model."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from streamsnn.cli import options, values
from streamsnn.cli.parsing import Parser
from streamsnn.errors import StreamsnnError

_DESCRIPTION = """\
Say what is in a recording (format, sensor, duration, events, rate, damage), in a sound (rate, ears, duration, level) or
in a model (labels, step, input, layers, memory, figures). OBJECT is a file, a model's folder, or a model's name."""

_EXAMPLES = """\
  streamsnn info recordings/sequence.dat
  streamsnn info recordings/spoken-digits.flac
  streamsnn info shd_test.h5#17
  streamsnn info nmnist-paralif
  streamsnn info models/nmnist-brf --json | jq .parameters"""


def parser() -> Parser:
    parser = Parser("streamsnn info", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("object", metavar="OBJECT", help="a recording, a sound, a model's folder, or a model's name")
    parser.add_argument(
        "--sensor", type=values.size, metavar="WxH", help="size of the sensor, for files that do not state it"
    )
    options.add_columns(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def command(arguments: argparse.Namespace) -> int:
    name = arguments.object
    path = Path(name).expanduser()
    if _is_a_file(path) or (not path.is_dir() and _looks_like_a_recording(path)):
        _tell(_recording(path, arguments.sensor, arguments.columns), arguments.json)
    elif path.is_dir() and not (path / "model.toml").exists():
        raise StreamsnnError(
            f"{name} is a folder, neither a recording nor a model.", hint="Name a file in it, or a folder of a model."
        )
    else:
        _tell(_model(name), arguments.json)
    return 0


def _looks_like_a_recording(path: Path) -> bool:
    from streamsnn.formats import FORMATS

    return any(path.suffix.lower() in form.extensions for form in FORMATS)


def _is_a_file(path: Path) -> bool:
    """Whether it is one, or a sample in one, as in "shd.h5#17"."""
    return path.is_file() or re.sub(r"#\d+$", "", path.name) != path.name


def _tell(found: tuple[dict[str, Any], str], as_json: bool) -> None:
    print(json.dumps(found[0], ensure_ascii=False, allow_nan=False) if as_json else found[1])


def _recording(path: Path, size: tuple[int, int] | None, columns: str | None) -> tuple[dict[str, Any], str]:
    """What there is to say of a recording or a sound: for JSON, and for people."""
    from streamsnn.cli.survey import survey
    from streamsnn.sources.sound_files import is_sound
    from streamsnn.types import Sensor

    if is_sound(path):
        if size is not None or columns is not None:
            raise StreamsnnError(f"{path} is a sound, without pixels.", hint="Leave out --sensor and --columns.")
        from streamsnn.cli.sound_survey import sound_survey

        heard = sound_survey(path)
        return heard.as_dict(), heard.sentences()
    found = survey(path, None if size is None else Sensor("sensor", *size), columns)
    return found.as_dict(), found.sentences()


def _model(name: str) -> tuple[dict[str, Any], str]:
    """What there is to say of a model: for JSON, and for people."""
    from streamsnn.cli.anatomy import anatomy
    from streamsnn.modelfolder import load_model
    from streamsnn.registry import find_model

    folder = find_model(name)
    found = anatomy(folder, load_model(folder))
    return found.as_dict(), found.sentences()
