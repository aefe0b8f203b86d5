"""What holds for all formats alike, on files made by hand: events, chunks, extensions, cuts, and wrong bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events, read_all, sorted_events
from format_files import SAMPLES, Encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import Damage, open_recording
from streamsnn.formats.tidy import Surveyed, joined
from streamsnn.types import Events

QUICK = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
every = pytest.mark.parametrize(("form", "extension", "encode"), SAMPLES.values(), ids=SAMPLES)


def steady(n: int = 300) -> Events:
    rng = np.random.default_rng(1)
    events = make_events(2000 + np.cumsum(rng.integers(0, 200, n)), rng.integers(0, 60, n), rng.integers(0, 40, n))
    events["p"] = rng.integers(0, 2, n)
    return events


@every
def test_events_come_back_whatever_the_file_is_called(
    tmp_path: Path, form: str, extension: str, encode: Encode
) -> None:
    for name in (f"a{extension}", f"A{extension.upper()}", "a.raw", "a.dat", "a.aedat4", "a.csv", "a.bin", "a"):
        (tmp_path / name).write_bytes(encode(steady()))
        assert open_recording(tmp_path / name).format_name == form
        out, damage = read_all(tmp_path / name)
        assert np.array_equal(out, steady())
        assert not damage


@every
@given(events=sorted_events(max_gap_us=1_500_000, first_us=1 << 22), chunk_bytes=st.integers(1, 300))
@QUICK
def test_chunks_of_any_size_give_the_same(
    tmp_path: Path, form: str, extension: str, encode: Encode, events: Events, chunk_bytes: int
) -> None:
    # Enough of them that a table's values tell its columns.
    events = np.concatenate([steady(40), events])
    events["t"] = np.sort(events["t"])
    path = tmp_path / f"a{extension}"
    path.write_bytes(encode(events))
    out, damage = read_all(path, chunk_bytes)
    assert np.array_equal(out, events)
    assert not damage


@every
@given(share=st.floats(0, 1), chunk_bytes=st.integers(1, 1000))
@QUICK
def test_a_file_that_is_cut_off_plays_as_far_as_it_goes(
    tmp_path: Path, form: str, extension: str, encode: Encode, share: float, chunk_bytes: int
) -> None:
    data = encode(steady())
    path = tmp_path / f"a{extension}"
    path.write_bytes(data[: max(1, int(share * len(data)))])
    try:
        out, damage = read_all(path, chunk_bytes)
    except StreamsnnError:
        return
    assert np.array_equal(out[:-1], steady()[: max(len(out) - 1, 0)])  # The last one's row may have lost a digit.
    assert len(out) <= len(steady())
    assert read_all(path)[1] == damage


@every
@given(data=st.data())
@QUICK
def test_wrong_bytes_end_in_events_or_an_error(
    tmp_path: Path, form: str, extension: str, encode: Encode, data: st.DataObject
) -> None:
    raw = bytearray(encode(steady(60)))
    for _ in range(data.draw(st.integers(1, 20))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a{extension}"
    path.write_bytes(raw)
    try:
        whole, damage = read_all(path)
        pieces, same = read_all(path, data.draw(st.integers(1, 200)))
    except StreamsnnError:
        return
    assert np.array_equal(pieces, whole)
    if form != "npz":  # An archive says that it is damaged once it was read: a larger piece loses more.
        assert same == damage


@every
def test_strict_refuses_damage(tmp_path: Path, form: str, extension: str, encode: Encode) -> None:
    events = steady()
    events["x"][100] = 59
    path = tmp_path / f"a{extension}"
    path.write_bytes(encode(events))
    from streamsnn.types import Sensor

    recording = open_recording(path, sensor=Sensor("smaller", 59, 40), strict=True)
    if form == "AEDAT2" and "DAVIS" in open_recording(path).sensor.name:
        return
    with pytest.raises(StreamsnnError, match="outside the sensor"):
        list(recording.chunks())


@every
@given(
    events=sorted_events(max_gap_us=1_500_000, first_us=1 << 22),
    late=st.lists(st.integers(0, 39), max_size=3),
    chunk_bytes=st.integers(1, 300),
)
@QUICK
def test_what_a_decoder_says_of_a_block_is_what_is_in_it(
    tmp_path: Path, form: str, extension: str, encode: Encode, events: Events, late: list[int], chunk_bytes: int
) -> None:
    for at in late:
        if form not in ("EVT3", "ES", "AEDAT4") and at < len(
            events
        ):  # What cannot tell so at all, or in its test's way.
            events["t"][at] = max(events["t"][at] - 70, 0)
    path = tmp_path / f"a{extension}"
    path.write_bytes(encode(joined((steady(40), events))))
    for block in open_recording(path)._content.decode(Damage(), chunk_bytes):
        if not isinstance(block, Surveyed):
            return
        inside, (seen,) = block
        if not inside.size:
            continue
        assert seen["x"] == inside["x"].max()
        assert seen["y"] == inside["y"].max()
        steps = np.diff(inside["t"])
        if np.any(steps < 0):
            assert seen["step_us"] > 1 << 31
        else:  # What is counted from may lie before the event before.
            assert seen["step_us"] >= max(steps, default=0)
