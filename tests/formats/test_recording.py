"""What all recordings share."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events

from streamsnn.errors import StreamsnnError
from streamsnn.formats.recording import Blocks, Content, Damage, Recording, read_blocks
from streamsnn.types import Events, Sensor


def recording(*blocks: Events, sensor: Sensor | None = None, strict: bool = False) -> Recording:
    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        yield from blocks

    return Recording(Path("a.raw"), "EVT3", Content(decode, sensor), strict=strict)


def test_every_pass_begins_again_and_counts_again() -> None:
    it = recording(make_events([5, 6, 7], [1, 99, 1]), sensor=Sensor("a", 9, 9))
    assert it.damage == Damage()
    for _ in range(2):
        assert [chunk["t"].tolist() for chunk in it.chunks()] == [[5, 7]]
        assert it.damage == Damage(outside_events=1)
    assert it.t_begin_us == 5
    assert it.damage.describe() == ("1 events outside the sensor were left out",)


def test_the_beginning_is_the_first_event_in_order_of_time() -> None:
    it = recording(make_events([500, 400, 600]), sensor=Sensor("a", 9, 9))
    assert it.t_begin_us == 400
    assert it.damage == Damage()
    assert recording(sensor=Sensor("a", 9, 9)).t_begin_us == 0


@pytest.mark.parametrize(
    ("x", "y", "size"),
    [(0, 0, (304, 240)), (303, 239, (304, 240)), (304, 0, (346, 260)), (0, 479, (640, 480)), (1999, 3, (2000, 4))],
)
def test_a_size_that_is_not_stated(x: int, y: int, size: tuple[int, int]) -> None:
    it = recording(make_events([1, 2], x, y))
    assert it.sensor == Sensor("EVT3", *size)
    assert "states no size" in it.notes[0]


def test_one_wild_address_does_not_make_the_sensor_bigger() -> None:
    addresses = np.full(5000, 100)
    addresses[77] = 16_000
    it = recording(make_events(np.arange(5000), addresses))
    assert it.sensor == Sensor("EVT3", 304, 240)
    assert sum(chunk.size for chunk in it.chunks()) == 4999
    assert it.damage.outside_events == 1


def test_strict_refuses_damage() -> None:
    good = recording(make_events([5, 6]), sensor=Sensor("a", 9, 9), strict=True)
    assert sum(chunk.size for chunk in good.chunks()) == 2
    bad = recording(make_events([5, 6], [0, 20]), sensor=Sensor("a", 9, 9), strict=True)
    with pytest.raises(StreamsnnError, match=r"a\.raw is damaged: 1 events outside"):
        list(bad.chunks())


def test_a_disk_that_fails() -> None:
    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        yield make_events([5])
        raise OSError(5, "Input/output error")

    it = Recording(Path("a.raw"), "EVT3", Content(decode, Sensor("a", 9, 9)))
    with pytest.raises(StreamsnnError, match=r"a\.raw cannot be read: Input/output error"):
        list(it.chunks())


def test_every_kind_of_damage_has_its_sentence() -> None:
    names = [each.name for each in fields(Damage)]
    assert not Damage()
    assert Damage().describe() == ()
    for name in names:
        damage = Damage(**{name: 1234})
        assert damage
        (sentence,) = damage.describe()
        assert "1,234" in sentence
    assert len(Damage(*[1] * len(names)).describe()) == len(names)


@pytest.mark.parametrize("chunk_bytes", [1, 3, 7, 100])
def test_blocks_of_whole_records(tmp_path: Path, chunk_bytes: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(20)))
    damage = Damage()
    blocks = list(read_blocks(path, 2, 5, damage, chunk_bytes))
    assert b"".join(blocks) == bytes(range(2, 17))
    assert all(len(block) % 5 == 0 for block in blocks)
    assert damage == Damage(truncated_bytes=3)
