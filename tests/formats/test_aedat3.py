"""cAER's AEDAT 3.1: packets of other kinds, events that are not valid, overflows, and packets that are damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events, read_all
from format_files import aedat3, aedat3_packet

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.types import Events

HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def steady(n: int = 200, begin_us: int = 0) -> Events:
    return make_events(begin_us + 100 * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_the_time_overflows(tmp_path: Path) -> None:
    events = steady(400, (1 << 31) - 20_000)
    out, damage = read_all(written(tmp_path / "a.aedat", aedat3(events)), 24)
    assert np.array_equal(out, events)
    assert not damage
    assert open_recording(tmp_path / "a.aedat").sensor == ("DVS128", 128, 128, "vision")


def test_what_is_no_event_or_not_valid_is_passed_over(tmp_path: Path) -> None:
    events = steady(300)
    valid = np.arange(100) % 3 > 0
    data = (
        aedat3_packet(events[:100], valid=valid) + aedat3_packet(events[100:200], kind=0) + aedat3_packet(events[200:])
    )
    out, damage = read_all(written(tmp_path / "a.aedat", HEADER + data))
    assert np.array_equal(out, np.concatenate([events[:100][valid], events[200:]]))
    assert not damage


def test_behind_a_damaged_packet_the_next_is_found(tmp_path: Path) -> None:
    packets = [bytearray(aedat3_packet(some)) for some in np.split(steady(400), 4)]
    packets[1][4] = 77
    out, damage = read_all(written(tmp_path / "a.aedat", HEADER + b"".join(packets)), 64)
    assert np.array_equal(out, np.delete(steady(400), np.s_[100:200]))
    assert damage.unreadable_bytes == len(packets[1])


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 805, 820, 828])
def test_cut_off(tmp_path: Path, cut: int) -> None:
    data = HEADER + aedat3_packet(steady()[:100]) + aedat3_packet(steady()[100:])
    out, damage = read_all(written(tmp_path / "a.aedat", data[:-cut]), 64)
    whole = 200 - -(-cut // 8) if cut < 800 else 100
    assert np.array_equal(out, steady()[:whole])
    assert damage or cut == 828


def test_a_compressed_one_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.aedat", b"#!AER-DAT3.1\r\n#Format: SerialTS\r\n#!END-HEADER\r\n" + bytes(99))
    with pytest.raises(StreamsnnError, match="SerialTS"):
        open_recording(path)
