"""Prophesee EVT2 and EVT2.1 in `.raw` files: an ASCII header, then words that each carry a whole address.

The words are those of docs.prophesee.ai, "EVT 2.0 Format" and "EVT 2.1 Format". An EVT2.1 word is an EVT2 word with a
mask of 32 pixels behind it; it is stored high half first (IMX636, "endianness=legacy") or low half first (GenX320,
"endianness=little"), which the words themselves tell better than the header. Our own compiled reader because
expelliarmus 1.1.12 loses the wrap after 2^34 us (4.77 h), and faery 0.7.1 gives up at the first event outside the
sensor and refuses EVT2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from streamsnn.formats.header import Header, read_header, stated_sensor
from streamsnn.formats.probing import Place, place_before
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.formats.tidy import SEEN, Surveyed
from streamsnn.formats.writing import Writer
from streamsnn.types import EVENT, Events, Sensor

_SIZE_LIMIT = 1 << 11
_WRAP_US = 1 << 34
_GRAIN_US = 64

STATE = np.dtype(
    [(name, "<i8") for name in ("high", "loop", "before_high", "before_loop")]
    + [("dated", "?"), ("doubtful", "?")]
    + [(name, "<i8") for name in ("words", "undated", "reserved", "reserved_at", "reserved_level")]
)
"""What the compiled loops remember: the clock's high part and how often it has gone round, where it was before a
`doubtful` step, how many words lie behind, and what could not be used."""


def _stated(head: bytes) -> str | None:
    fields = read_header(head).fields
    name = fields.get("format", "").split(";")[0]
    version = {"EVT2": "2.0", "EVT21": "2.1"}.get(name, "" if name else fields.get("evt", ""))
    return {"2.0": "2.0", "2": "2.0", "2.1": "2.1"}.get(version)


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if _stated(head) == "2.0" else Match.NO


def _recognise_vectors(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if _stated(head) == "2.1" else Match.NO


def _sensor(header: Header, sensor: Sensor | None) -> Sensor | None:
    return sensor or stated_sensor(header.fields, header.fields.get("plugin_name", "Prophesee"))


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    header = read_header(head)

    def decode_at(place: Place, damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.evt2_kernels import decode_evt2

        state = _state_at(place, header.size, 4)
        seen = np.zeros(1, SEEN)
        for block in read_blocks(path, place.at, 4, damage, chunk_bytes):
            words = np.frombuffer(block, "<u4")
            events = np.empty(words.size, EVENT)
            count = decode_evt2(words, state, events, seen)
            _account(damage, state)
            yield Surveyed(events[: count if count >= 0 else -1 - count], seen)
            if count < 0:
                _give_up(path, header.size + 4 * int(state["reserved_at"][0]), damage)
                return

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        return decode_at(Place(header.size, 0, 0), damage, chunk_bytes)

    def decode_from(damage: Damage, chunk_bytes: int, from_us: int) -> Blocks:
        place = place_before(path, header.size, 4, _time_in, _WRAP_US, from_us)
        return decode_at(place or Place(header.size, 0, 0), damage, chunk_bytes)

    return Content(decode, _sensor(header, sensor), decode_from=decode_from)


def _time_in(data: bytes) -> int | None:
    """Of the first TIME_HIGH."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    highs = words[words >> 28 == 8]
    return (int(highs[0]) & 0xFFFFFFF) * _GRAIN_US if highs.size else None


def _state_at(place: Place, begin: int, word_bytes: int) -> NDArray[np.void]:
    """Nothing is dated before the first TIME_HIGH, neither there nor here; the words before that are in the block
    before, whose time is too early to be asked for."""
    state = np.zeros(1, STATE)
    if place.at > begin:
        state["dated"] = True
        state["high"], state["loop"] = place.stored // _GRAIN_US, (place.t_us - place.stored) // _WRAP_US
        state["words"] = (place.at - begin) // word_bytes
    return state


def _open_vectors(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    header = read_header(head)
    high_first = _is_high_first(np.frombuffer(head[header.size :], "<u4", (len(head) - header.size) // 8 * 2), header)

    def decode_at(place: Place, damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.evt2_kernels import VECTOR_SIZE, decode_evt21

        state = _state_at(place, header.size, 8)
        room = max(chunk_bytes // 4, VECTOR_SIZE)
        for block in read_blocks(path, place.at, 8, damage, chunk_bytes):
            words = np.frombuffer(block, "<u4")
            done = 0
            while 0 <= done < words.size // 2:
                events = np.empty(room, EVENT)
                done, count = decode_evt21(words, high_first, done, state, events)
                _account(damage, state)
                yield events[:count]
            state["words"] += words.size // 2
            if done < 0:
                _give_up(path, header.size + 8 * int(state["reserved_at"][0]), damage)
                return

    def time_in(data: bytes) -> int | None:
        words = np.frombuffer(data, "<u4", len(data) // 8 * 2)
        return _time_in(words[0 if high_first else 1 :: 2].tobytes())

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        return decode_at(Place(header.size, 0, 0), damage, chunk_bytes)

    def decode_from(damage: Damage, chunk_bytes: int, from_us: int) -> Blocks:
        place = place_before(path, header.size, 8, time_in, _WRAP_US, from_us)
        return decode_at(place or Place(header.size, 0, 0), damage, chunk_bytes)

    order = "high half first (legacy)" if high_first else "low half first (little endian)"
    notes = (f"words are stored {order}",)
    return Content(decode, _sensor(header, sensor), notes=notes, decode_from=decode_from)


def _is_high_first(words: NDArray[np.uint32], header: Header) -> bool:
    """By which half of the words looks more like one of EVT2; by the header where both do."""
    scores = [_score(words[place::2]) for place in (0, 1)]
    if scores[0] != scores[1]:
        return scores[0] > scores[1]
    return "endianness=little" not in header.fields.get("format", "")


def _score(words: NDArray[np.uint32]) -> float:
    """The share of known words whose time, if they tell it, goes on."""
    if not words.size:
        return 0.0
    kinds = words >> 28
    known = np.isin(kinds, (0, 1, 8, 10, 14, 15))
    highs = words[kinds == 8].astype(np.int64) & 0xFFFFFFF
    steps = np.diff(highs)
    going = np.mean((steps >= 0) & (steps < 1 << 20)) if steps.size else 0.5 * bool(highs.size)
    return float(np.mean(known) + going)


def _account(damage: Damage, state: NDArray[np.void]) -> None:
    damage.reserved_words = int(state["reserved"][0])
    damage.undated_events = int(state["undated"][0])


def _give_up(path: Path, at: int, damage: Damage) -> None:
    damage.unreadable_bytes += max(path.stat().st_size - at, 0)


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """EVT2: a TIME_HIGH whenever it changes. Times are stored modulo 2^34 us."""
    size = f"{sensor.width}x{sensor.height}"
    header = f"% evt 2.0\n% format EVT2;height={sensor.height};width={sensor.width}\n% geometry {size}\n% end\n"
    file.write(header.encode("ascii"))
    last: int | None = None
    for events in blocks:
        high = events["t"] // _GRAIN_US
        first = int(high[0]) - 1 if last is None else last
        changed = np.diff(high, prepend=first) != 0
        ends = np.cumsum(changed + 1)
        words = np.empty(ends[-1], "<u4")
        low = (events["t"] % _GRAIN_US).astype(np.uint32)
        address = events["x"].astype(np.uint32) << 11 | events["y"]
        words[ends - 1] = events["p"].astype(np.uint32) << 28 | low << 22 | address
        words[(ends - 2)[changed]] = 0x80000000 | (high[changed] & 0xFFFFFFF)
        file.write(words.tobytes())
        last = int(high[-1])


# A silence of more than half the clock's range would look like a step back.
write = Writer(_encode, size_limit=_SIZE_LIMIT, silence_limit_us=_WRAP_US // 2 - (1 << 20))
FORMAT = Format("EVT2", (".evt2.raw", ".evt2"), "Prophesee EVT2 (Gen3, Gen4, GenX320)", _recognise, _open, write)
VECTORS = Format(
    "EVT2.1", (".evt21.raw", ".raw"), "Prophesee EVT2.1, both byte orders", _recognise_vectors, _open_vectors
)
