"""`streamsnn bench`: how fast this is, beside others that do the same, measured here and now."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

from streamsnn.cli import canvas, options, text
from streamsnn.cli.parsing import Parser, refuse_unknown
from streamsnn.errors import StreamsnnError

_DESCRIPTION = """\
Measure WHAT on this machine, beside other libraries that are installed. All take turns in one process, with one thread
and the same weights and inputs; their outputs are compared first, and who computes something else is not timed.
  steps     one time step of six networks (SpikingJelly, norse, snnTorch, torch, numpy), the default;
            and of ours, many streams in one call, silence and memory
  formats   reading and binning recordings (faery, expelliarmus, eventcv, dv-processing)
  startup   from nothing to the first step
  cochlea   sound to spikes: how many times as fast as the sound, and how late (lauscher)
  tracking  events a second through each tracker; what a camera's own motion costs
  window    what the window costs the stream, and memory over an hour
  convolution, rows   what the step chooses between, and what limits it"""

_EXAMPLES = """\
  streamsnn bench --quick                                 # a first look, in a minute or two
  streamsnn bench --network brf --rate typical --against numpy
  streamsnn bench --picture steps.png --json > steps.json
  streamsnn bench formats
  streamsnn bench formats --long                          # 10 GB in each format, one after another, on the disk
  make peers && .venv-peers/bin/streamsnn bench           # beside the other libraries"""

_TOPICS = ("steps", "formats", "startup", "cochlea", "tracking", "window", "convolution", "rows")
_ONLY_STEPS = {
    "network": "--network",
    "rate": "--rate",
    "against": "--against",
    "picture": "--picture",
}


def parser() -> Parser:
    parser = Parser("streamsnn bench", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        default="steps",
        help="steps, formats, startup, cochlea, tracking, window, convolution or rows",
    )
    parser.add_argument("--quick", action="store_true", help="short rounds, and nothing that takes long to build")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with everything")
    parser.add_argument(
        "--long",
        action="store_true",
        help="of steps: a stream of a million of them, does it grow slower? of formats: what memory do 10 GB take?",
    )
    group = parser.add_argument_group("steps")
    group.add_argument("--network", action="append", metavar="N", help="only this network; may be repeated")
    group.add_argument(
        "--rate", action="append", metavar="R", help="only sparse, typical or busy (20, 200, 2000 events a step)"
    )
    group.add_argument("--against", action="append", metavar="A", help="only beside this one; may be repeated")
    group.add_argument("--picture", metavar="FILE", help="draw the medians as a picture (.png, .pdf, .svg)")
    return parser


def command(arguments: argparse.Namespace) -> int:
    refuse_unknown(arguments.what, _TOPICS, "benchmark", f"Choose {', '.join(_TOPICS)}.")
    if arguments.long and arguments.what not in ("steps", "formats"):
        raise StreamsnnError(f"--long is not for {arguments.what}.", hint="Leave out --long.")
    if arguments.what != "steps":
        for name, option in _ONLY_STEPS.items():
            if getattr(arguments, name):
                raise StreamsnnError(f"{option} is for steps, not for {arguments.what}.", hint=f"Leave out {option}.")
    # Before numpy and torch are loaded, which ask only then.
    options.one_thread()
    canvas.refuse_unwritable(arguments.picture)
    result, topic = _measure(arguments)
    if arguments.picture:
        from streamsnn.cli.bench_picture import draw_steps

        draw_steps(result, Path(arguments.picture))
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        _print(result, topic)
    return 0


def _measure(arguments: argparse.Namespace) -> tuple[dict[str, Any], Any]:
    """What was measured, and the module that makes tables of it."""
    from streamsnn.cli.working import working

    if arguments.what != "steps":
        module = "long_reading" if arguments.long else arguments.what
        topic = importlib.import_module(f"streamsnn.bench.{module}")
        with working() as told:
            return topic.measure(arguments.quick, told), topic
    from streamsnn.bench import report
    from streamsnn.bench.bars import bars
    from streamsnn.bench.entrants import ENTRANTS
    from streamsnn.bench.networks import CASES, RATES

    for given, known, word in (
        (arguments.network, CASES, "network"),
        (arguments.rate, RATES, "rate"),
        (arguments.against, [entrant.name for entrant in ENTRANTS], "contender"),
    ):
        for name in given or ():
            refuse_unknown(name, known, word, f"Choose of {', '.join(known)}.")
    # After the names have been read: whoever misspelt one need not wait for torch.
    from streamsnn.bench.steps import Question, answer

    question = Question(arguments.network, arguments.rate, arguments.against, arguments.quick, arguments.long)
    with working() as told:
        result = answer(question, told)
    result["goals"] = [bar.as_dict() for bar in bars(result)]
    return result, report


def _print(result: dict[str, Any], topic: Any) -> None:
    sentences = getattr(topic, "sentences", None)
    if sentences is not None:
        print(sentences(result))
    for title, headings, rows in topic.tables(result):
        print(f"\n{title}")
        text.print_table(headings, rows, getattr(topic, "RIGHT", ()))
