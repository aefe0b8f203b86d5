"""`streamsnn models`: the models that are there, what they eat, and how well they do."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from streamsnn.cli import text
from streamsnn.cli.parsing import Parser
from streamsnn.errors import StreamsnnError

_DESCRIPTION = """\
List the models in ./models, in the models folder of the checkout that streamsnn runs from, and in the folders that the
environment variable STREAMSNN_MODELS names. Any of them can be called by its name."""

_EXAMPLES = """\
  streamsnn models
  STREAMSNN_MODELS=~/nets streamsnn models --json | jq -r .models[].name"""


def parser() -> Parser:
    parser = Parser("streamsnn models", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def command(arguments: argparse.Namespace) -> int:
    from streamsnn.registry import model_folders, model_places

    listed = [_listed(folder) for folder in model_folders()]
    if arguments.json:
        print(json.dumps({"models": listed}, ensure_ascii=False, allow_nan=False))
    elif listed:
        text.print_table(
            ("name", "input", "labels", "step", "numbers", "accuracy"), [_row(each) for each in listed], right=(3, 4, 5)
        )
    else:
        print(f"There are no models in {', '.join(map(str, model_places()))}.")
    return 0


def _listed(folder: Path) -> dict[str, Any]:
    """What there is to say of the model in `folder`; of a damaged one what is wrong with it, under "error"."""
    from streamsnn.cli.anatomy import describe_input, parts_of
    from streamsnn.modelfolder import load_spec

    try:
        spec = load_spec(folder)
        card = spec.card
        return {
            "name": folder.name,
            "path": str(folder),
            "description": card.description,
            "input": describe_input(card.input),
            "labels": list(card.labels),
            "step_ms": card.step_us / 1000,
            "parameters": sum(part.parameters for part in parts_of(spec)),
            "figures": dict(card.figures),
        }
    except StreamsnnError as error:
        return {"name": folder.name, "path": str(folder), "error": error.message}
    except Exception as error:
        # Whatever a folder holds, it must not hide the others.
        return {"name": folder.name, "path": str(folder), "error": f"{type(error).__name__}: {error}"}


def _row(listed: dict[str, Any]) -> list[str]:
    if "error" in listed:
        return [listed["name"], f"damaged: {listed['error']}", "", "", "", ""]
    labels = listed["labels"]
    shown = ", ".join(labels) if len(", ".join(labels)) <= 20 else f"{len(labels)}: {labels[0]} ... {labels[-1]}"
    accuracy = listed["figures"].get("accuracy")
    return [
        listed["name"],
        listed["input"],
        shown,
        f"{listed['step_ms']:g} ms",
        text.number(listed["parameters"]),
        "" if accuracy is None else text.percent(accuracy),
    ]
