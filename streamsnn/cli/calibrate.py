"""`streamsnn calibrate`: how sure a model that listens must be before it shows a label."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from typing import TYPE_CHECKING, Any

from streamsnn.cli import options, text, values
from streamsnn.cli.parsing import Parser

if TYPE_CHECKING:
    from streamsnn.training.calibration import Calibration, Counts

_DESCRIPTION = """\
Find the temperature and the threshold of a model that listens, and write them into its model.toml. DATASET is a folder
of labelled recordings of single words (as for evaluate) that the model did not learn: they are put into passages with
pauses and a little noise. The temperature makes confidences mean what they say; the threshold is the one that has the
most hits, less what is wrong, of those with which no more than --false-alarms an hour are shown. Weights and accuracy
stay as they are. Report false alarms on words that are not in DATASET: what a threshold was chosen by flatters it."""

_EXAMPLES = """\
  streamsnn calibrate ../words --labels ../words/calibrate.csv --model models/mine
  streamsnn calibrate ../words --model models/mine --false-alarms 4 --dry-run"""


def parser() -> Parser:
    parser = Parser("streamsnn calibrate", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("dataset", metavar="DATASET", help="a folder of labelled recordings of words")
    parser.add_argument("--model", required=True, metavar="M", help="a model's name, or its folder, which is changed")
    parser.add_argument("--labels", metavar="FILE", help="a table to use in place of DATASET/labels.csv")
    parser.add_argument(
        "--false-alarms",
        type=values.number,
        default=12.0,
        metavar="N",
        help="at most so many an hour where nothing is said (default 12)",
    )
    parser.add_argument("--seed", type=values.whole_number, default=0, metavar="N", help="of order, pauses and noise")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def command(arguments: argparse.Namespace) -> int:
    from streamsnn.registry import find_model

    options.one_thread()
    folder = find_model(arguments.model)
    from streamsnn.cli.scoring import refuse_strange_labels
    from streamsnn.cli.working import working
    from streamsnn.modelfolder import load_model
    from streamsnn.training.calibration import calibrate, write_calibration
    from streamsnn.training.dataset import open_dataset
    from streamsnn.training.words import read_words

    network = load_model(folder)
    dataset = open_dataset(arguments.dataset, arguments.labels)
    refuse_strange_labels(dataset, network.card)
    words = read_words(dataclasses.replace(dataset, classes=network.card.labels))
    with working() as tell:
        found = calibrate(
            network,
            words,
            arguments.false_alarms,
            arguments.seed,
            lambda done, all_of_them: tell(f"listening: {done:,} of {all_of_them:,} words"),
        )
    if not arguments.dry_run:
        write_calibration(folder, found, _command(arguments))
    told = _as_dict(found)
    print(json.dumps(told, allow_nan=False) if arguments.json else _sentences(told, arguments))
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """What one types to find this again."""
    words = ["streamsnn", "calibrate", arguments.dataset, "--model", arguments.model]
    words += ["--labels", arguments.labels] if arguments.labels else []
    return shlex.join([*words, "--false-alarms", f"{arguments.false_alarms:g}", "--seed", str(arguments.seed)])


def _as_dict(found: Calibration) -> dict[str, Any]:
    def counted(counts: Counts) -> dict[str, Any]:
        return {
            "words": counts.words,
            "hits": counts.hits,
            "wrong": counts.wrong,
            "false_alarms": counts.false_alarms,
            "false_alarms_an_hour": counts.false_alarms_an_hour,
            "duration_s": counts.duration_us * 1e-6,
        }

    return {
        "temperature": found.readout.temperature,
        "threshold": found.readout.threshold,
        "reached": found.reached,
        "after": counted(found.after),
        "before": counted(found.before),
    }


def _sentences(told: dict[str, Any], arguments: argparse.Namespace) -> str:
    def shown(counts: dict[str, Any]) -> str:
        return (
            f"{counts['hits']:,} of {counts['words']:,} words, {counts['wrong']:,} wrong,"
            f" {counts['false_alarms']:,} false alarms ({counts['false_alarms_an_hour']:.0f} an hour)"
        )

    rows = [
        ("heard", text.duration(told["after"]["duration_s"] * 1e6)),
        ("temperature", f"{told['temperature']:g}"),
        ("threshold", f"{told['threshold']:g}" + ("" if told["reached"] else ", the highest: it does not suffice")),
        ("shown", shown(told["after"])),
        ("before", shown(told["before"])),
        ("written", "nothing" if arguments.dry_run else f"{arguments.model}: model.toml and README.md"),
    ]
    return text.facts(rows)
