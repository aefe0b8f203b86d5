"""A recorder keeps what is heard: sample for sample, with silence where some was lost, and never over another file."""

from __future__ import annotations

import resource
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.sources.sound_files import SoundFile
from streamsnn.sources.sound_recorder import SoundRecorder
from streamsnn.types import Sound

RATE_HZ = 16_000


@pytest.fixture
def samples() -> NDArray[np.float32]:
    """A second of noise for two ears."""
    return np.random.default_rng(3).uniform(-0.9, 0.9, (RATE_HZ, 2)).astype(np.float32)


@pytest.mark.parametrize(("name", "step"), [("heard.flac", 2.0**-22), ("HEARD.WAV", 0.0)])
def test_what_is_heard_is_kept_and_what_is_lost_is_silence(
    samples: NDArray[np.float32], tmp_path: Path, name: str, step: float
) -> None:
    recorder = SoundRecorder(str(tmp_path / name), RATE_HZ, 2)
    # It begins in the middle of a stream, and 9,000 samples are lost.
    recorder(Sound(samples[:160], 7_000, 0))
    recorder(Sound(samples[160:400], 7_160, 0))
    recorder(Sound(samples[9_400:], 16_400, 0, dropped=9_000))
    assert recorder.duration_s == 1.0
    recorder.close()
    found, rate_hz = soundfile.read(tmp_path / name, dtype="float32", always_2d=True)
    expected = samples.copy()
    expected[400:9_400] = 0
    assert rate_hz == RATE_HZ
    assert np.abs(found - expected).max() <= step


def test_nothing_is_written_over(samples: NDArray[np.float32], tmp_path: Path) -> None:
    path = tmp_path / "old.flac"
    path.write_bytes(b"precious")
    with pytest.raises(StreamsnnError, match="is there already"):
        SoundRecorder(str(path), RATE_HZ, 1)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["heard.mp3", "heard", "nowhere/heard.wav"])
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StreamsnnError) as refused:
        SoundRecorder(str(tmp_path / name), RATE_HZ, 1)
    assert refused.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".flac", ".wav"])
def test_a_full_disk_is_told_and_what_is_there_stays(
    samples: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / f"heard{ending}"
    recorder = SoundRecorder(str(path), RATE_HZ, 2)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, most[1]))
    try:
        with pytest.raises(StreamsnnError, match="cannot be written any more"):
            deque(map(recorder, (Sound(samples, number * RATE_HZ, 0) for number in range(100))), maxlen=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    recorder.close()
    # As it is opened by whoever wants it back.
    found = np.concatenate([sound.samples for sound in SoundFile(path)])
    assert len(found) > RATE_HZ // 2
    assert np.abs(found[: RATE_HZ // 2] - samples[: RATE_HZ // 2]).max() <= 2.0**-22
