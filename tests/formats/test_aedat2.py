"""jAER's AEDAT 2.0: cameras by name and by address, frames and IMU samples passed over, the clock's wrap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events, read_all
from format_files import aedat2, davis346, davis_addresses, dvs128

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.types import Events, Sensor


def steady(n: int = 200, begin_us: int = 0) -> Events:
    return make_events(begin_us + 100 * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encode", [dvs128, davis346])
@pytest.mark.parametrize("first_us", [(1 << 31) - 5_000, (1 << 32) - 5_000])
def test_the_clock_wraps(tmp_path: Path, encode: object, first_us: int) -> None:
    out, damage = read_all(written(tmp_path / "a.aedat", encode(steady(200, first_us))), 64)  # type: ignore[operator]
    assert np.array_equal(out, steady(200, first_us))
    assert not damage


def test_frames_imu_samples_and_signals_are_passed_over(tmp_path: Path) -> None:
    events = steady(400)
    addresses = davis_addresses(events, 346)
    strange = np.arange(400) % 4
    addresses = np.where(strange == 1, 0x80000000 | addresses, np.where(strange == 2, 0x400 | addresses, addresses))
    path = written(tmp_path / "a.aedat", aedat2(addresses, events["t"], "eu.seebetter.ini.chips.davis.Davis346red"))
    out, damage = read_all(path, 40)
    assert np.array_equal(out, events[(strange == 0) | (strange == 3)])
    assert not damage
    assert open_recording(path).sensor == ("DAVIS346", 346, 260, "vision")


def test_signals_of_a_dvs128_are_passed_over(tmp_path: Path) -> None:
    data = bytearray(dvs128(steady()))
    data[-6] |= 0x80  # The last record's address.
    out, damage = read_all(written(tmp_path / "a.aedat", bytes(data)))
    assert np.array_equal(out, steady()[:-1])
    assert not damage


@pytest.mark.parametrize("width", [240, 346])
def test_a_davis_without_a_name(tmp_path: Path, width: int) -> None:
    events = steady()
    events["x"] += width - 60
    recording = open_recording(written(tmp_path / "a.aedat", aedat2(davis_addresses(events, width), events["t"], "?")))
    if width == 346:
        # Mirrored, small columns are what tells its size.
        assert recording.sensor.width in (240, 346)
    recording = open_recording(recording.path, sensor=Sensor("mine", width, 180))
    assert np.array_equal(np.concatenate(list(recording.chunks())), events)


def test_data_may_begin_like_a_line(tmp_path: Path) -> None:
    data = dvs128(steady())
    assert np.array_equal(read_all(written(tmp_path / "a.aedat", data))[0], steady())
    events = steady()
    addresses = davis_addresses(events, 346)
    addresses[0] = 0x23 << 24 | 5 << 12
    out, _ = read_all(written(tmp_path / "b.aedat", aedat2(addresses, events["t"], "DAVIS346")))
    assert len(out) == 200


def test_another_chip_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.aedat", aedat2([1, 2, 3], np.arange(3), "DVS132S"))
    with pytest.raises(StreamsnnError, match="DVS132S"):
        open_recording(path)
