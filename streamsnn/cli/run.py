"""`streamsnn run`: play a stream through a model and see what it thinks."""

from __future__ import annotations

import argparse
import json

from streamsnn.cli import options, values
from streamsnn.cli.parsing import Parser
from streamsnn.cli.track import add_classify_option, add_ego_motion_option
from streamsnn.cli.waiting import Waiting

_DESCRIPTION = """\
Play SOURCE through a model, step by step, and print each change of its decision: sensor time, label, confidence,
input events a second, and lag (from the arrival of a step's events to the decision). A summary comes at the end, also
after Ctrl-C. SOURCE is a recording, a sound, a microphone (mic, mic:2; see streamsnn devices), a scene before a
simulated camera (synthetic:digits, synthetic:digit:7, synthetic:bar, synthetic:disc; without end, so end it with Ctrl-C
or --stop), or a plug-in package.module:attribute."""

_EXAMPLES = """\
  streamsnn run recordings/sequence.dat --model nmnist-paralif
  streamsnn run synthetic:digits --model nmnist-paralif
  streamsnn run mic --model english-digits --record words.flac
  streamsnn run digit.bin --model nmnist-brf --speed 0.25 --loop
  streamsnn run street.raw --model ./models/cars --crop 100,60,240,240 --downsample 2 --filter background:tau=5ms
  streamsnn run long.dat --model nmnist-paralif --start 1m30s --stop 1m35s --speed max --json | jq .label"""


_INTERRUPTED = 130


def parser() -> Parser:
    parser = Parser("streamsnn run", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("source", metavar="SOURCE", help="a recording, synthetic:SCENE, or a plug-in")
    options.add_stream_options(parser)
    group = parser.add_argument_group("time")
    group.add_argument(
        "--speed",
        type=values.speed,
        default=1.0,
        metavar="S",
        help="1 is true time (default), 0.25 slow motion, max as fast as it goes",
    )
    group.add_argument(
        "--start", type=values.duration_us, default=0, metavar="T", help="begin T after the beginning: 2s, 500ms, 1m30s"
    )
    group.add_argument("--stop", type=values.duration_us, metavar="T", help="end T after the beginning")
    group.add_argument(
        "--loop", action="store_true", help="begin again at the end, with a fresh state, until Ctrl-C ends it"
    )
    group = parser.add_argument_group("decision (defaults: what the model asks for)")
    group.add_argument("--threshold", type=values.share, metavar="P", help="show a label above this confidence")
    group.add_argument(
        "--hysteresis", type=values.share, metavar="P", help="lead that another label needs to replace it"
    )
    group.add_argument("--patience", type=values.count, metavar="N", help="for this many steps on end")
    group.add_argument("--readout", metavar="P", help="a readout plug-in package.module:attribute instead")
    parser.add_argument(
        "--track",
        nargs="?",
        const="regions",
        metavar="T",
        help="follow what moves on the whole sensor as well (regions, clusters, surfaces, or a plug-in); the boxes"
        " are in every result, and with --json in a line a step with boxes",
    )
    add_classify_option(parser)
    add_ego_motion_option(parser)
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json",
        action="store_true",
        help='one JSON object a change of the decision, and at the end one {"summary": ...}',
    )
    group.add_argument("--csv", metavar="FILE", help="write a row a step: time, label, confidence, events, spikes, lag")
    group.add_argument("--jsonl", metavar="FILE", help="write the changes of the decision as JSON Lines")
    group.add_argument("--record", metavar="FILE", help="keep what a microphone hears: .flac or .wav")
    group.add_argument("--sink", metavar="P", help="a sink plug-in package.module:attribute that is given every result")
    return parser


def command(arguments: argparse.Namespace) -> int:
    options.one_thread()
    waiting = Waiting()
    try:
        try:
            from streamsnn.cli.playing import Playing, play

            playing = Playing(arguments)
        except KeyboardInterrupt:
            return _played_nothing(arguments)
        return play(playing, on_start=waiting.cancel)
    finally:
        waiting.cancel()


def _played_nothing(arguments: argparse.Namespace) -> int:
    """The end of a run that was interrupted while it was still loading; what a summary is made of may be missing."""
    if arguments.json:
        played = {"source": arguments.source, "model": arguments.model, "speed": arguments.speed}
        print(json.dumps({"summary": played | {"passes": 0, "steps": 0, "interrupted": True}}, ensure_ascii=False))
    else:
        print("played nothing")
    return _INTERRUPTED
