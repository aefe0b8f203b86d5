"""`streamsnn convert`: a recording in another format, or a part of it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsnn.cli import options, text, values
from streamsnn.cli.parsing import Parser
from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from streamsnn.formats import Damage
    from streamsnn.sources.files import RecordingSource
    from streamsnn.types import Events, Filter, Sensor

_DESCRIPTION = """\
Write SOURCE, a recording in any known format, to TARGET in the format that its extension names. Times stay those of
the recording's own clock, as far as the target's clock can tell them. Events stream through: memory stays bounded, and
TARGET appears whole or not at all. What is damaged in SOURCE is left out, counted and said."""

_EXAMPLES = """\
  streamsnn convert street.raw street.dat
  streamsnn convert street.raw part.npz --start 1m30s --stop 1m35s --crop 100,60,240,240
  streamsnn convert box.aedat box.aedat4 --filter background:tau=5ms --strict
  streamsnn convert street.dat street.raw --format EVT2"""

_OFTEN_BYTES = 1 << 20


def parser() -> Parser:
    parser = Parser("streamsnn convert", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("source", metavar="SOURCE", help="a recording")
    parser.add_argument("target", metavar="TARGET", help="the file to write")
    parser.add_argument("--format", metavar="NAME", help="the format to write, if TARGET's extension does not name it")
    group = parser.add_argument_group("what is written of it")
    group.add_argument("--start", type=values.duration_us, default=0, metavar="T", help="from T after the beginning on")
    group.add_argument("--stop", type=values.duration_us, metavar="T", help="up to T after the beginning")
    options.add_filter_option(group)
    group.add_argument(
        "--crop",
        type=values.rectangle,
        metavar="X,Y,W,H",
        help="only this part of the sensor, whose upper left pixel becomes (0, 0); after the filters",
    )
    group = parser.add_argument_group("how it is read")
    group.add_argument(
        "--sensor", type=values.size, metavar="WxH", help="size of the sensor, for files that do not state it"
    )
    options.add_columns(group)
    group.add_argument("--strict", action="store_true", help="refuse a damaged recording instead of reading around it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def command(arguments: argparse.Namespace) -> int:
    from streamsnn.cli.moving import moving
    from streamsnn.formats import writer_for
    from streamsnn.formats.opening import split_member
    from streamsnn.sources.files import RecordingSource
    from streamsnn.sources.sound_files import is_sound

    source_path, target = Path(arguments.source).expanduser(), Path(arguments.target).expanduser()
    form = writer_for(target, arguments.format)
    file = split_member(source_path)[0]
    if is_sound(file):
        raise StreamsnnError(f"{file} is a sound, and holds no events to convert.", hint="streamsnn run plays it.")
    _refuse_itself(file, target)
    source = RecordingSource(
        source_path,
        start_us=arguments.start,
        stop_us=arguments.stop,
        sensor=options.sensor_of(arguments),
        strict=arguments.strict,
        columns=arguments.columns,
    )
    filters = options.filters_of(arguments, source.sensor)
    crop = None if arguments.crop is None else _Crop.inside(source.sensor, *arguments.crop)
    sensor = source.sensor if crop is None else crop.sensor
    count = _Count()
    assert form.write is not None
    with moving(f"writing {target.name}", file.stat().st_size) as tell:
        form.write.stream(target, count.seen(_blocks(source, filters, crop, tell)), sensor)
    _say(arguments.json, target, form.name, sensor, count, source.damage)
    return 0


def _blocks(source: RecordingSource, filters: list[Filter], crop: _Crop | None, tell: Any) -> Iterator[Events]:
    """What is written. Silence is not walked through: a few events may be years apart."""
    from streamsnn.types import Packet

    told = 0
    for events in source.events():
        packet = Packet(events, int(events["t"][0]), int(events["t"][-1]) + 1, 0)
        for apply in filters:
            packet = apply(packet)
        events = packet.events if crop is None else crop(packet.events)
        if len(events):
            yield events
        read = source.damage.read_bytes
        if read >= told + _OFTEN_BYTES:
            tell(read)
            told = read


@dataclass(frozen=True)
class _Crop:
    """A part of a sensor that becomes one of its own."""

    x: int
    y: int
    sensor: Sensor

    @classmethod
    def inside(cls, sensor: Sensor, x: int, y: int, width: int, height: int) -> _Crop:
        """Raises StreamsnnError where the sensor has no such part."""
        from streamsnn.filters import Region

        Region(sensor, x=x, y=y, width=width, height=height)
        return cls(x, y, sensor._replace(width=width, height=height))

    def __call__(self, events: Events) -> Events:
        # Unsigned: what lies left of it or above becomes too large.
        x, y = events["x"] - self.x, events["y"] - self.y
        kept = (x < self.sensor.width) & (y < self.sensor.height)
        out = events[kept]
        out["x"], out["y"] = x[kept], y[kept]
        return out


class _Count:
    """How many events went by, and when."""

    def __init__(self) -> None:
        self.events = 0
        self.t_begin_us: int | None = None
        self.t_last_us = 0

    def seen(self, blocks: Iterator[Events]) -> Iterator[Events]:
        for block in blocks:
            if self.t_begin_us is None:
                self.t_begin_us = int(block["t"][0])
            self.t_last_us = int(block["t"][-1])
            self.events += len(block)
            yield block


def _refuse_itself(source: Path, target: Path) -> None:
    if target.is_dir():
        raise StreamsnnError(f"{target} is a folder.", hint="Name a file in it.")
    try:
        same = os.path.samefile(source, target)
    except (OSError, ValueError):  # One of them is not there; opening them will say so.
        return
    if same:
        raise StreamsnnError(f"{target} is the recording itself, which is not written over.", hint="Name another file.")


def _say(as_json: bool, target: Path, name: str, sensor: Sensor, count: _Count, damage: Damage) -> None:
    size = target.stat().st_size
    duration_us = 0 if count.t_begin_us is None else count.t_last_us + 1 - count.t_begin_us
    if as_json:
        found = {
            "path": str(target),
            "format": name,
            "size_bytes": size,
            "sensor": sensor._asdict(),
            "events": count.events,
            "t_begin_us": count.t_begin_us,
            "duration_s": duration_us * 1e-6,
            "damage": dataclasses.asdict(damage),
        }
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))
        return
    rows = [
        ("written", f"{target}, {name}, {text.bytes_of(size)}"),
        ("events", f"{count.events:,} in {text.duration(duration_us)}, {sensor.width}x{sensor.height} pixels"),
    ]
    print(text.facts(rows + [("damage", sentence) for sentence in damage.describe()]))
