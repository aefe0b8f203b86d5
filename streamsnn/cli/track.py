"""`streamsnn track`: box what moves, and keep its id while it does."""

from __future__ import annotations

import argparse

from streamsnn.cli import options, values
from streamsnn.cli.parsing import Parser
from streamsnn.cli.waiting import Waiting
from streamsnn.errors import StreamsnnError

_DESCRIPTION = """\
Follow the objects that move in SOURCE, from its events alone, online, step by step: each has a box and an id that stays
its own. Printed is when objects appear and vanish, and a summary. SOURCE is a recording of a camera, synthetic:SCENE,
or a plug-in. Trackers: regions (of dense events; the default), clusters (one update an event), surfaces (of recent
times)."""

_EXAMPLES = """\
  streamsnn track street.aedat4
  streamsnn track street.aedat4 --speed max --json | jq '.tracks[].id'
  streamsnn track synthetic:shapes:hard --stop 5s --csv boxes.csv
  streamsnn track synthetic:shapes:shaking --stop 5s --ego-motion
  streamsnn track synthetic:passing:7 --classify passing-digits --stop 8s
  streamsnn track fast.raw --step 1ms --tracker clusters --filter background:tau=2ms"""


def parser() -> Parser:
    parser = Parser("streamsnn track", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("source", metavar="SOURCE", help="a recording of a camera, synthetic:SCENE, or a plug-in")
    add_tracking_options(parser)
    add_ego_motion_option(parser)
    add_classify_option(parser)
    group = parser.add_argument_group("time")
    group.add_argument(
        "--speed", type=values.speed, default=1.0, metavar="S", help="1 is true time (default), max as fast as it goes"
    )
    group.add_argument("--start", type=values.duration_us, default=0, metavar="T", help="begin T after the beginning")
    group.add_argument("--stop", type=values.duration_us, metavar="T", help="end T after the beginning")
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help='one JSON object a step: {"t_us": ..., "tracks": [...]}')
    group.add_argument("--csv", metavar="FILE", help="write a row a track and step: t_us,track_id,x,y,width,height")
    return parser


def add_tracking_options(parser: argparse.ArgumentParser) -> None:
    """What `track` and `evaluate --track` share: the tracker, its step, and the way from the sensor to it."""
    parser.add_argument(
        "--tracker", default="regions", metavar="T", help="regions (default), clusters, surfaces, or a plug-in"
    )
    parser.add_argument("--step", type=values.duration_us, default=10_000, metavar="T", help="one update each T (10ms)")
    parser.add_argument(
        "--filter", action="append", default=[], metavar="F", help="a filter before the tracker, as in streamsnn run"
    )
    parser.add_argument("--sensor", type=values.size, metavar="WxH", help="size of the sensor, for files without it")
    parser.add_argument("--strict", action="store_true", help="refuse a damaged recording instead of reading around it")


def add_ego_motion_option(parser: argparse.ArgumentParser) -> None:
    """--ego-motion."""
    parser.add_argument(
        "--ego-motion",
        action="store_true",
        help="the camera moves itself: box only what moves against a textured background",
    )


def add_classify_option(parser: argparse.ArgumentParser) -> None:
    """--classify."""
    parser.add_argument(
        "--classify",
        metavar="M",
        help="a model that says what each track is: it sees what lies in the box, scaled to its input",
    )


def refuse_without_track(arguments: argparse.Namespace, *names: str) -> None:
    """Raise StreamsnnError where one of these options is given and there is nothing that it could be about."""
    for name in names:
        if getattr(arguments, name) and arguments.track is None:
            option = name.replace("_", "-")
            raise StreamsnnError(f"--{option} is about what --track follows.", hint="Add --track, or leave it out.")


def command(arguments: argparse.Namespace) -> int:
    options.one_thread()
    waiting = Waiting()
    try:
        from streamsnn.cli.following import track

        return track(arguments, on_start=waiting.cancel)
    finally:
        waiting.cancel()
