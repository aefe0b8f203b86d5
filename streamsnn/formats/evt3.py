"""Prophesee EVT3 in `.raw` files: an ASCII header, then 16-bit words that change an address and a time bit by bit.

The words are those of docs.prophesee.ai, "EVT 3.0 Format". Our own compiled reader because expelliarmus 1.1.12 counts
wraps on top of TIME_HIGH, and faery 0.7.1 gives up at the first event outside the sensor.

There is no beginning in the middle: how often the clock has gone round before a place is known only to whoever has seen
every TIME_HIGH, since a silent camera's 16.8 s are 8 kB, fewer bytes than could be skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from streamsnn.formats.header import read_header, stated_sensor
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.formats.tidy import SEEN, Surveyed
from streamsnn.formats.writing import Writer
from streamsnn.types import EVENT, Events, Sensor

_WORD_BYTES = 2
_SIZE_LIMIT = 1 << 11
_SILENCE_LIMIT_US = 3_600_000_000  # 1.8 MB of nothing but TIME_HIGH.

STATE = np.dtype(
    [(name, "<i8") for name in ("high", "loop", "low", "y", "x_base", "seen", "before_high", "before_loop")]
    + [("polarity", "?"), ("doubtful", "?")]
    + [(name, "<i8") for name in ("words", "undated", "reserved", "reserved_at", "reserved_level")]
)
"""What the compiled loop remembers between blocks.

The clock's three parts and how often it has gone round, what events are relative to, which of these words have been
`seen`, where the clock was before a `doubtful` step, how many words lie behind, and what could not be used.
"""


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    fields = read_header(head).fields
    stated = fields.get("format", "").startswith("EVT3") or fields.get("evt", "").startswith("3")
    return Match.SURE if stated else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    header = read_header(head)

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.kernels import VECTOR_SIZE, decode_evt3

        state = np.zeros(1, STATE)
        seen = np.zeros(1, SEEN)
        size = path.stat().st_size
        for block in read_blocks(path, header.size, _WORD_BYTES, damage, chunk_bytes):
            words = np.frombuffer(block, "<u2")
            done = 0
            while 0 <= done < words.size:
                events = np.empty(2 * words.size + VECTOR_SIZE, EVENT)
                done, count = decode_evt3(words, done, state, events, seen)
                damage.reserved_words = int(state["reserved"][0])
                damage.undated_events = int(state["undated"][0])
                yield Surveyed(events[:count], seen)
            state["words"] += words.size
            if done < 0:
                damage.unreadable_bytes += size - header.size - _WORD_BYTES * int(state["reserved_at"][0])
                return

    return Content(decode, sensor or stated_sensor(header.fields, header.fields.get("plugin_name", "Prophesee")))


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """EVT3, without vectors. Times are stored modulo 2^24 us, and so is the first one that is read back."""
    header = f"% evt 3.0\n% format EVT3\n% geometry {sensor.width}x{sensor.height}\n% end\n"
    file.write(header.encode("ascii"))
    before: np.void | None = None
    for events in blocks:
        file.write(_words(events, before).tobytes())
        before = events[-1].copy()


def _words(events: Events, before: np.void | None) -> NDArray[np.uint16]:
    """An event is a word of x, after one of row and one of time where they changed, and every TIME_HIGH on the way.

    Like a camera's, and unlike the shortest possible, this stream suits readers that know the clock's wrap only by
    TIME_HIGH going from 4095 to 0. `before` is the last event before these.
    """
    high, low, y = events["t"] >> 12, events["t"] & 0xFFF, events["y"]
    first = high[0] - 1 if before is None else int(before["t"]) >> 12
    highs = np.diff(high, prepend=first)
    lows = (highs > 0) | (np.diff(low, prepend=-1 if before is None else int(before["t"]) & 0xFFF) != 0)
    rows = np.diff(y.astype(np.int64), prepend=-1 if before is None else int(before["y"])) != 0
    ends = np.cumsum(highs + lows + rows + 1)
    words = np.empty(ends[-1], np.uint16)
    words[ends - 1] = 0x2000 | events["p"].astype(np.uint16) << 11 | events["x"]
    words[(ends - 2)[rows]] = y[rows]
    words[(ends - 2 - rows)[lows]] = 0x6000 | low[lows]
    earlier = np.repeat(np.cumsum(highs) - highs, highs)
    ahead = np.arange(earlier.size) - earlier  # 0 for an event's first TIME_HIGH.
    words[np.repeat(ends - 1 - rows - lows - highs, highs) + ahead] = (
        0x8000 | np.repeat(high - highs + 1, highs) + ahead & 0xFFF
    )
    return words


write = Writer(_encode, size_limit=_SIZE_LIMIT, silence_limit_us=_SILENCE_LIMIT_US)
FORMAT = Format("EVT3", (".raw",), "Prophesee EVT3 (EVK3, EVK4, IMX636 and others)", _recognise, _open, write)
