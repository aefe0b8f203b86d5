"""`streamsnn evaluate`: how often a model is right, and how soon."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamsnn.cli import canvas, options, values
from streamsnn.cli.parsing import Parser
from streamsnn.cli.track import add_ego_motion_option, refuse_without_track
from streamsnn.cli.waiting import Waiting
from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from streamsnn.cli.evaluation import Flaw

_DESCRIPTION = """\
Stream every recording of DATASET through a model from a fresh state, step by step, and count how often it is right.
DATASET is a folder with labels.csv (columns file,label), one with a folder of recordings a class, one laid out as
DVS128 Gesture is (--labels trials_to_test.txt picks recordings), a file such as shd_test.h5, or one of tonic's sets,
such as tonic:NMNIST (its test part, from the folder ./data) or tonic:NMNIST/train@FOLDER, of files that tonic has
downloaded; labels must be spelt as the model's are. What counts as the model's answer is the class with the most
evidence at the recording's end, gathered as the model's readout settings say (threshold, hysteresis and patience play
no part).

With --spans DATASET is one recording, and FILE says what comes when in it: counted is what the model reports, as `run`
would show it. A report is a hit if its label's span has begun and is over for less than half a second; all other
reports are wrong or false alarms, the second one for the same span, too.

With --track DATASET is one recording of a camera, FILE has the true boxes of what moves in it, and no model is needed:
measured is how well the boxes of a tracker agree with them. Without FILE DATASET is synthetic:shapes:PRESET:SEED, which
knows its boxes, or :FIRST-LAST for several seeds and their means, 6 s of each or --duration."""

_EXAMPLES = """\
  streamsnn evaluate recordings/digits --model nmnist-paralif
  streamsnn evaluate recordings/sequence.dat --spans recordings/sequence.csv --model nmnist-brf
  streamsnn evaluate recordings/shapes-hard.raw --track recordings/shapes-hard.csv
  streamsnn evaluate synthetic:shapes:hard:0-9 --track
  streamsnn evaluate ../data/nmnist --labels models/nmnist-brf/held-out.csv --model nmnist-brf
  streamsnn evaluate ../data/nmnist --model nmnist-brf --confusion confusion.png --anytime anytime.png
  streamsnn evaluate --dataset tonic:NMNIST@../data --split test --model nmnist-brf
  streamsnn evaluate ../data/nmnist --model ./models/mine --limit 100 --json | jq .accuracy"""


def parser() -> Parser:
    parser = Parser("streamsnn evaluate", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "dataset", nargs="?", metavar="DATASET", help="a folder of labelled recordings, or with --spans a recording"
    )
    parser.add_argument("--dataset", dest="named", metavar="DATASET", help="the same, as `train` spells it")
    parser.add_argument("--split", metavar="PART", help="with one of tonic's sets: train, test, or valid (test)")
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="a table to use in place of DATASET/labels.csv, for example a model's held-out.csv",
    )
    parser.add_argument(
        "--spans", metavar="FILE", help="what comes when in a recording: a CSV with begin_us,end_us,label"
    )
    parser.add_argument(
        "--track",
        metavar="FILE",
        nargs="?",
        const="",
        help="true boxes of what moves: a CSV with t_us,track_id,x,y,width,height; left out for synthetic shapes",
    )
    parser.add_argument("--tracker", default="regions", metavar="T", help="with --track: regions, clusters, surfaces")
    parser.add_argument(
        "--step", type=values.duration_us, default=10_000, metavar="T", help="with --track: one update each T (10ms)"
    )
    add_ego_motion_option(parser)
    options.add_stream_options(parser, needs_model=False)
    parser.add_argument(
        "--limit", type=values.count, metavar="N", help="only N recordings, spread evenly over the dataset"
    )
    parser.add_argument(
        "--duration",
        type=values.duration_us,
        metavar="T",
        help="of every recording the first T; silence follows on events that are over before: 1s, 500ms",
    )
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON object")
    group.add_argument("--confusion", metavar="FILE", help="draw the confusion matrix as a picture (.png, .pdf, .svg)")
    group.add_argument("--anytime", metavar="FILE", help="draw accuracy against elapsed stream time as a picture")
    return parser


def command(arguments: argparse.Namespace) -> int:
    arguments.dataset = _dataset(arguments)
    if arguments.track is not None:
        return _track(arguments)
    refuse_without_track(arguments, "ego_motion")
    if not arguments.model:
        raise StreamsnnError("The following arguments are required: --model.", hint="See streamsnn evaluate --help.")
    if arguments.spans:
        return _spot(arguments)
    for picture in (arguments.confusion, arguments.anytime):
        canvas.refuse_unwritable(picture)
    options.one_thread()
    waiting = Waiting()
    try:
        from streamsnn.cli.scoring import evaluate

        evaluation = evaluate(arguments, on_start=waiting.cancel)
    finally:
        waiting.cancel()
    _warn(evaluation.unreadable, len(evaluation.answers))
    if arguments.confusion or arguments.anytime:
        from streamsnn.cli import pictures

        if arguments.confusion:
            pictures.draw_confusion(evaluation, Path(arguments.confusion))
        if arguments.anytime:
            pictures.draw_anytime(evaluation, Path(arguments.anytime))
    if arguments.json:
        print(json.dumps(evaluation.as_dict(), ensure_ascii=False, allow_nan=False))
    else:
        from streamsnn.cli.verdict import print_evaluation

        print_evaluation(evaluation)
        _offer_pictures(arguments)
    return 0


def _dataset(arguments: argparse.Namespace) -> str:
    """What is to be evaluated, in one word; of one of tonic's sets the test part, if nothing else is asked for."""
    from streamsnn.formats.tonic_sets import is_tonic, tonic_name

    if (arguments.dataset is None) == (arguments.named is None):
        raise StreamsnnError("One dataset is wanted.", hint="Name it as DATASET, or behind --dataset.")
    dataset = str(arguments.dataset or arguments.named)
    if not is_tonic(dataset) or Path(dataset).exists():
        if arguments.split:
            raise StreamsnnError("--split is for tonic's sets.", hint="Of a folder name a table with --labels.")
        return dataset
    name = tonic_name(dataset)
    if name.part and arguments.split and name.part != arguments.split:
        raise StreamsnnError(f"{dataset} and --split {arguments.split} are two parts.", hint="Leave one out.")
    return str(name._replace(part=name.part or arguments.split or "test"))


def _spot(arguments: argparse.Namespace) -> int:
    for option in ("labels", "limit", "duration", "confusion", "anytime"):
        if getattr(arguments, option):
            raise StreamsnnError(f"--{option} is for folders, --spans for one recording.", hint="Leave one out.")
    options.one_thread()
    waiting = Waiting()
    try:
        from streamsnn.cli.spotted import sentences, spotted

        found = spotted(arguments, on_start=waiting.cancel)
    finally:
        waiting.cancel()
    print(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False) if arguments.json else sentences(found))
    return 0


def _track(arguments: argparse.Namespace) -> int:
    for option in ("model", "spans", "labels", "limit", "confusion", "anytime"):
        if getattr(arguments, option):
            raise StreamsnnError(f"--{option} and --track are about different things.", hint="Leave one out.")
    options.one_thread()
    waiting = Waiting()
    try:
        from streamsnn.cli.tracked import print_scores, tracked

        found = tracked(arguments, on_start=waiting.cancel)
    finally:
        waiting.cancel()
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))
    else:
        print_scores(found)
    return 0


def _warn(unreadable: Sequence[Flaw], read: int) -> None:
    """Tell on stderr, whatever is printed on stdout, that the figures are not those of the whole dataset."""
    if not unreadable:
        return
    first = unreadable[0]
    print(
        f"warning: {len(unreadable):,} of {len(unreadable) + read:,} recordings cannot be read and are in none of the"
        f" figures; the first: {first.file}: {first.reason}",
        file=sys.stderr,
        flush=True,
    )


def _offer_pictures(arguments: argparse.Namespace) -> None:
    """Say how the pictures that were not asked for are had."""
    missing = [
        f"{option} {option[2:]}.png draws {what}"
        for option, what, given in (
            ("--confusion", "the confusion matrix", arguments.confusion),
            ("--anytime", "this curve", arguments.anytime),
        )
        if not given
    ]
    if missing:
        print("\n" + "; ".join(missing))
