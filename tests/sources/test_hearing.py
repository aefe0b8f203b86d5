"""Sound as a source of events: the same for any blocks, in true order, with what was wrong and what was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_source
from streamsnn.sources.hearing import Heard
from streamsnn.types import AnyHearing, DeltaHearing, Hearing, Sound

RATE_HZ = 16_000
HEARING = Hearing(channels=16, cells=1)


class Blocks:
    """Sound in blocks of the given lengths; `lost` samples are missing before the last one."""

    name = "blocks"
    rate_hz = RATE_HZ

    def __init__(self, samples: NDArray[np.float32], lengths: Sequence[int], lost: int = 0) -> None:
        self.samples, self.lengths, self.lost = samples, lengths, lost
        self.closed = False

    @property
    def ears(self) -> int:
        return int(self.samples.shape[1])

    def __iter__(self) -> Iterator[Sound]:
        at = 0
        for number, length in enumerate(self.lengths):
            lost = self.lost if number == len(self.lengths) - 1 else 0
            yield Sound(self.samples[at : at + length], at + lost, number, lost)
            at += length

    def close(self) -> None:
        self.closed = True


def tone(seconds: float, ears: int = 1) -> NDArray[np.float32]:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.repeat(0.1 * np.sin(2 * np.pi * 1000 * t)[:, None], ears, axis=1).astype(np.float32)


@pytest.mark.parametrize("hearing", [HEARING, DeltaHearing(channels=16, step_db=1.0)])
@pytest.mark.parametrize("ears", [1, 2])
def test_the_same_events_whatever_the_blocks_and_how_often(ears: int, hearing: AnyHearing) -> None:
    samples = tone(0.3, ears)
    whole = Heard(Blocks(samples, [4800]), hearing)
    pieces = Heard(Blocks(samples, [1, 160, 159, 3000, 1480]), hearing)
    (packet,) = whole
    for _ in range(2):
        found = list(pieces)
        assert np.array_equal(np.concatenate([each.events for each in found]), packet.events)
    assert whole.sensor == ("ear" if isinstance(hearing, DeltaHearing) else "cochlea", 16, ears, "audio")
    assert [each.arrived_ns for each in found] == [0, 1, 2, 3, 4]
    assert packet.events.size > 50


def test_what_was_lost_is_a_hole_and_a_number() -> None:
    *_, before, last = Heard(Blocks(tone(0.2), [1600, 1600], lost=800), HEARING)
    assert (before.dropped, last.dropped) == (0, 800)
    assert last.t_begin_us - before.t_end_us == pytest.approx(50_000, abs=84)
    assert last.t_end_us == pytest.approx(250_000, abs=84)


def test_it_ends_where_it_is_to_stop_and_closes_what_it_hears() -> None:
    sounds = Blocks(tone(1.0), [160] * 100)
    heard = Heard(sounds, HEARING, stop_us=95_000, live=True)
    assert len(list(heard)) == 10
    assert heard.live
    assert heard.damage is None
    assert heard.overruns is None
    heard.close()
    assert sounds.closed


def test_a_sound_file_is_opened_for_models_that_listen_only(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    soundfile.write(path, tone(0.5, 2), RATE_HZ)
    mixed, both = (open_source(str(path), hearing=HEARING, ears=ears) for ears in (1, 2))
    assert (mixed.sensor.height, both.sensor.height) == (1, 2)
    part = list(open_source(str(path), hearing=HEARING, start_us=100_000, stop_us=300_000, packet_us=50_000))
    assert part[-1].t_end_us == pytest.approx(300_000, abs=84)
    assert sum(packet.events.size for packet in part) > 30
    for wrong in (str(path), "mic"):
        with pytest.raises(StreamsnnError, match="the model does not listen"):
            open_source(wrong)
    with pytest.raises(StreamsnnError, match="has no size"):
        open_source(str(path), hearing=HEARING, sensor=mixed.sensor)


def test_a_damaged_sound_tells_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(0.5), RATE_HZ)
    path.write_bytes(path.read_bytes()[:-4000])
    heard = open_source(str(path), hearing=HEARING)
    assert sum(1 for _ in heard) > 10
    assert isinstance(heard, Heard)
    assert "cut off" in heard.damage.describe()[0]
    with pytest.raises(StreamsnnError, match="cut off"):
        list(open_source(str(path), hearing=HEARING, strict=True))


def test_it_tells_how_loud_the_newest_block_was() -> None:
    class Loud:
        name, rate_hz, ears = "loud", 16_000, 1

        def __iter__(self) -> Iterator[Sound]:
            for number, loudness in enumerate((0.0, 0.1, 1.0)):
                yield Sound(np.full((160, 1), loudness, np.float32), 160 * number, 0)

        def close(self) -> None: ...

    heard = Heard(Loud(), Hearing(channels=16, cells=1))
    levels_db = [heard.level_db for _ in heard]
    assert levels_db == pytest.approx([-120, -20, 0], abs=1e-4)
