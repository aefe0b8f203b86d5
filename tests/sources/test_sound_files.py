"""Sound files as blocks: whole, cut off, damaged, and what is none."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.sources.sound_files import SoundFile, is_sound
from streamsnn.types import Sound, SoundSource

KINDS = ("a.wav", "a.flac", "a.ogg", "a.mp3")
RATE_HZ = 16_000


def noise(samples: int, ears: int = 1, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal((samples, ears))).astype(np.float32)


def written(path: Path, samples: int = 50_000, ears: int = 1, rate_hz: int = RATE_HZ, **form: Any) -> Path:
    soundfile.write(path, noise(samples, ears), rate_hz, **form)
    return path


def decoded(path: Path) -> NDArray[np.float32]:
    """What the library itself makes of the whole file."""
    samples: NDArray[np.float32] = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return samples


def same(name: str, a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Whether two decodings are the same; an MP3 rounds otherwise where it is read in other pieces."""
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=1e-6 if name.endswith(".mp3") else 0))


def check_blocks(blocks: list[Sound], ears: int) -> NDArray[np.float32]:
    """Blocks without a hole, of the right kind; all their samples."""
    for block in blocks:
        assert block.samples.dtype == np.float32
        assert block.samples.shape == (len(block.samples), ears)
        assert len(block.samples) > 0
        assert block.dropped == 0
    for before, after in itertools.pairwise(blocks):
        assert after.begin == before.begin + len(before.samples)
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("rate_hz", "ears"), [(8_000, 1), (16_000, 2), (44_100, 1), (48_000, 2)])
def test_every_kind_and_rate(tmp_path: Path, name: str, rate_hz: int, ears: int) -> None:
    path = written(tmp_path / name, 50_001, ears, rate_hz)
    source: SoundSource = SoundFile(path, strict=True)
    assert (source.name, source.rate_hz, source.ears) == (name, rate_hz, ears)
    blocks = list(source)
    assert same(name, check_blocks(blocks, ears), decoded(path))
    assert {len(block.samples) for block in blocks[:-1]} == {rate_hz // 100}
    assert blocks[0].begin == 0


@given(
    st.integers(1, 40_000),
    st.sampled_from([1, 7, 8_000, 11_025, 22_050, 48_000]),
    st.integers(1, 5_000_000),
    st.one_of(st.none(), st.integers(0, 5_000_000)),
    st.one_of(st.none(), st.integers(1, 5_000_000)),
)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_samples_for_every_block_size(
    tmp_path: Path, samples: int, rate_hz: int, block_us: int, start_us: int | None, length_us: int | None
) -> None:
    path = written(tmp_path / "a.wav", samples, rate_hz=rate_hz, subtype="FLOAT")
    stop_us = None if length_us is None else (start_us or 0) + length_us
    block_us = max(block_us, 500)
    times_us = np.arange(samples) * 1_000_000 / rate_hz
    inside = (times_us >= (start_us or 0)) & (times_us < (np.inf if stop_us is None else stop_us))
    if not inside.any():
        with pytest.raises(StreamsnnError, match=r"is over after|No sample lies between"):
            list(SoundFile(path, block_us=block_us, start_us=start_us, stop_us=stop_us))
        return
    blocks = list(SoundFile(path, block_us=block_us, start_us=start_us, stop_us=stop_us))
    assert np.array_equal(check_blocks(blocks, 1)[:, 0], noise(samples)[inside, 0])
    assert blocks[0].begin == np.flatnonzero(inside)[0]
    for block in blocks[:-1]:
        assert abs(len(block.samples) - block_us * rate_hz / 1e6) < 1 or len(block.samples) == 1


def test_blocks_do_not_drift(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", 11_025 * 5, rate_hz=11_025)
    begins = [block.begin for block in SoundFile(path, block_us=10_000)]
    assert begins == [-(-k * 11_025 // 100) for k in range(500)]


@pytest.mark.parametrize("name", KINDS)
def test_a_part_is_the_part_of_the_whole(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, 50_000)
    blocks = list(SoundFile(path, start_us=1_500_000, stop_us=2_000_000, block_us=33_333))
    assert blocks[0].begin == 24_000
    assert same(name, check_blocks(blocks, 1), decoded(path)[24_000:32_000])


def test_length(tmp_path: Path) -> None:
    source = SoundFile(written(tmp_path / "a.flac", 50_001))
    assert (source.frames, source.duration_us) == (50_001, 3_125_063)


def test_iterating_again_begins_again_and_close_ends_it(tmp_path: Path) -> None:
    source = SoundFile(written(tmp_path / "a.wav"))
    assert len(list(source)) == len(list(source)) == 313
    for count, _ in enumerate(source):
        if count == 3:
            source.close()
    assert count == 3
    assert list(source) == []


def test_arrived_is_when_it_was_asked_for(tmp_path: Path) -> None:
    clock = ManualClock(100)
    arrived = []
    for block in SoundFile(written(tmp_path / "a.wav", 400), clock=clock):
        arrived.append(block.arrived_ns)
        clock.advance_ns(7)
    assert arrived == [100, 107, 114]


@pytest.mark.parametrize("ears", [1, 2, 6])
def test_many_channels_are_mixed_if_asked(tmp_path: Path, ears: int) -> None:
    path = written(tmp_path / "a.wav", 1_000, ears, subtype="FLOAT")
    if ears > 2:
        with pytest.raises(StreamsnnError, match="6 channels") as caught:
            SoundFile(path)
        assert "mix=True" in caught.value.hint
    source = SoundFile(path, mix=True)
    assert source.ears == 1
    assert np.allclose(check_blocks(list(source), 1)[:, 0], noise(1_000, ears).mean(axis=1), atol=1e-7)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Two minutes of sound, and never more than a few chunks of it at once."""
    import tracemalloc

    path = written(tmp_path / "a.wav", 120 * RATE_HZ)
    source = SoundFile(path)
    tracemalloc.start()
    for _ in source:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


# What is damaged


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "FLOAT", "ULAW"])
@pytest.mark.parametrize("ears", [1, 2])
def test_a_wav_that_is_cut_off(tmp_path: Path, kind: str, ears: int) -> None:
    path = written(tmp_path / "a.wav", 10_000, ears, subtype=kind)
    whole = decoded(path)
    size = path.stat().st_size
    sample_bytes = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4, "ULAW": 1}[kind] * ears
    trailer = size - 10_000 * sample_bytes - path.read_bytes().index(b"data") - 8
    path.write_bytes(path.read_bytes()[: size - trailer - 1_000 * sample_bytes + (sample_bytes > 1)])
    source = SoundFile(path)
    for _ in range(2):
        assert source.damage
        assert np.array_equal(check_blocks(list(source), ears), whole[:9_000])
        assert source.damage.missing_samples == 1_000
        assert source.damage.describe() == ("the file is cut off: 1,000 samples of each ear are missing",)
    with pytest.raises(StreamsnnError, match="is damaged: the file is cut off"):
        SoundFile(path, strict=True)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("block_us", [1_000, 10_000, 777_777])
def test_other_kinds_that_are_cut_off(tmp_path: Path, name: str, block_us: int) -> None:
    path = written(tmp_path / name, 100_000, 2)
    whole = decoded(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source = SoundFile(path, block_us=block_us)
    for _ in range(2):
        good = check_blocks(list(source), 2)
        assert 50_000 < len(good) < 80_000
        # Vorbis and MP3 overlap: the last good samples sound into what is not there.
        assert same(name, good[:-2_500], whole[: len(good) - 2_500])
        assert source.damage
        assert "missing" in source.damage.describe()[0] or "decoded" in source.damage.describe()[0]
        if name != "a.ogg":
            assert source.damage.missing_samples == 100_000 - len(good)
        assert source.frames == len(good)
    with pytest.raises(StreamsnnError, match="is damaged"):
        list(SoundFile(path, strict=True))


def test_a_part_before_the_damage_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", 100_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert len(check_blocks(list(SoundFile(path, stop_us=3_000_000, strict=True)), 1)) == 48_000


def test_zeros_inside_a_flac_end_it_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", 100_000)
    whole = decoded(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 500] = bytes(500)
    path.write_bytes(data)
    source = SoundFile(path)
    good = check_blocks(list(source), 1)
    assert 40_000 < len(good) < 60_000
    assert np.array_equal(good, whole[: len(good)])
    assert source.damage.describe() == (
        f"{100_000 - len(good):,} samples of each ear could not be decoded and were left out",
    )


def test_a_flac_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    """As a program writes it that streams into a pipe; libsndfile fails at its end."""
    path = written(tmp_path / "a.flac", 50_001)
    whole = decoded(path)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    source = SoundFile(path, strict=True)
    assert source.frames is None
    assert source.duration_us is None
    assert np.array_equal(check_blocks(list(source), 1), whole)
    assert source.frames == 50_001
    path.write_bytes(data[: len(data) // 2])
    source = SoundFile(path)
    good = check_blocks(list(source), 1)
    assert np.array_equal(good, whole[: len(good)])
    assert source.damage.describe() == ("the file is cut off: its end is missing",)


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_F000, 0x8000_0000])
def test_a_wav_out_of_a_pipe_is_not_cut_off(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "a.wav", 5_000)
    whole = decoded(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[at + 4 : at + 8] = size.to_bytes(4, "little")
    data[4:8] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert np.array_equal(check_blocks(list(SoundFile(path, strict=True)), 1), whole)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_that_does_not_say_how_long_it_is(tmp_path: Path, mode: str) -> None:
    """libsndfile guesses from its first frame, and stops there: right where all frames are alike."""
    path = written(tmp_path / "a.mp3", 50_000, bitrate_mode=mode, compression_level=0.5)
    data = path.read_bytes()
    at = data.index(b"Xing") if b"Xing" in data[:200] else data.index(b"Info")
    path.write_bytes(data[data.index(data[:2], at) :])
    source = SoundFile(path)
    assert source.frames is not None
    assert abs(source.frames - 50_000) < 3_000
    samples = check_blocks(list(source), 1)
    assert abs(len(samples) + source.damage.missing_samples - 50_000) < 3_000
    assert bool(source.damage) == (mode == "VARIABLE")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_where_it_stands(tmp_path: Path, value: float) -> None:
    samples = noise(50_000, 2)
    samples[30_000, 1] = value
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    with pytest.raises(StreamsnnError, match=r"no number, 1\.875 s after"):
        list(SoundFile(path))
    assert len(check_blocks(list(SoundFile(path, stop_us=1_875_000)), 2)) == 30_000
    assert len(check_blocks(list(SoundFile(path, start_us=1_875_001)), 2)) == 19_999


def test_a_header_and_no_sound(tmp_path: Path) -> None:
    source = SoundFile(written(tmp_path / "a.wav", 0))
    with pytest.raises(StreamsnnError, match="holds no sound"):
        list(source)


def test_what_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with pytest.raises(StreamsnnError, match="There is no file"):
        SoundFile(path)
    with pytest.raises(StreamsnnError, match="is a folder, not a sound"):
        SoundFile(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(StreamsnnError, match="is empty"):
        SoundFile(path)
    path.write_text("This is a letter, and no sound.\n" * 100)
    with pytest.raises(StreamsnnError, match="no sound of a known kind") as caught:
        SoundFile(path)
    assert "ffmpeg" in caught.value.hint


def test_a_start_beyond_the_end(tmp_path: Path) -> None:
    source = SoundFile(written(tmp_path / "a.wav", 16_000), start_us=1_000_000)
    with pytest.raises(StreamsnnError, match="is over after 1 s, before the start"):
        list(source)


@pytest.mark.parametrize(
    ("settings_", "why"),
    [({"block_us": 0}, "0 us"), ({"start_us": -1}, "-1 us"), ({"start_us": 5, "stop_us": 5}, "Nothing lies between")],
)
def test_settings_that_make_no_sense(tmp_path: Path, settings_: dict[str, Any], why: str) -> None:
    with pytest.raises(StreamsnnError, match=why):
        SoundFile(written(tmp_path / "a.wav", 100), **settings_)


# What is a sound


@pytest.mark.parametrize("name", KINDS)
def test_is_sound_by_content(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, 20_000).rename(tmp_path / "a.txt")
    assert is_sound(path)
    assert is_sound(str(path))
    assert len(check_blocks(list(SoundFile(path)), 1)) == 20_000


def test_is_sound_with_a_tag_before_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp3", 20_000)
    for picture_bytes in (10, 300_000):
        length = bytes(picture_bytes >> 7 * place & 0x7F for place in (3, 2, 1, 0))
        tagged = tmp_path / "b.mp3"
        tagged.write_bytes(b"ID3\3\0\0" + length + bytes(picture_bytes) + path.read_bytes())
        assert is_sound(tagged)
        assert len(check_blocks(list(SoundFile(tagged)), 1)) == 20_000


def test_other_kinds_of_wav(tmp_path: Path) -> None:
    for form, subtype in (("RF64", "PCM_16"), ("WAVEX", "PCM_24"), ("WAV", "IMA_ADPCM")):
        path = written(tmp_path / "a.wav", 10_000, format=form, subtype=subtype)
        assert is_sound(path)
        samples = check_blocks(list(SoundFile(path, strict=True)), 1)
        assert np.array_equal(samples, decoded(path))
    path = written(tmp_path / "a.wav", 10_000, format="WAV", endian="BIG")
    assert path.read_bytes()[:4] == b"RIFX"
    assert len(check_blocks(list(SoundFile(path, strict=True)), 1)) == 10_000


def test_is_no_sound(tmp_path: Path) -> None:
    assert not is_sound(tmp_path)
    assert not is_sound(tmp_path / "none.wav")
    for name, data in (
        ("a.wav", b""),
        ("b.wav", b"RIFF\0\0\0\0AVI LIST"),
        ("c.ogg", b"OggS\0\2" + bytes(22) + b"\x80theora" + bytes(100)),
        ("d.mp3", b"\xff\xfb\x90\x00" + bytes(2_000)),
        ("e.mp3", np.random.default_rng(0).bytes(5_000)),
    ):
        (tmp_path / name).write_bytes(data)
        assert not is_sound(tmp_path / name)


def test_no_event_recording_is_a_sound(shared_data: Path) -> None:
    files = [path for path in (shared_data / "events").rglob("*") if path.suffix in (".dat", ".raw", ".aedat4", ".bin")]
    assert len(files) > 900
    assert not any(map(is_sound, files))


@given(st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_end_in_sound_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(KINDS))
    good = tmp_path / f"good_{name}"
    raw = bytearray((good if good.exists() else written(good, 3_000, 2)).read_bytes())
    for _ in range(data.draw(st.integers(0, 20))):
        place = data.draw(st.one_of(st.integers(0, 100), st.integers(0, len(raw) - 1)))
        raw[place] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    try:
        source = SoundFile(path)
        samples = check_blocks(list(itertools.islice(source, 2_000)), source.ears)
    except StreamsnnError:
        return
    assert np.isfinite(samples).all()


def test_importing_it_does_not_load_the_library() -> None:
    code = "import sys, streamsnn.sources.sound_files; print('soundfile' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_library_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.wav", 100)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(StreamsnnError, match="cannot be read") as caught:
        SoundFile(path)
    assert "pip install soundfile" in caught.value.hint


def test_real_speech(shared_data: Path) -> None:
    folder = shared_data / "audio"
    source = SoundFile(folder / "hd-sample" / "spoken_digit.flac", strict=True)
    assert (source.rate_hz, source.ears) == (48_000, 1)
    assert np.array_equal(check_blocks(list(source), 1), decoded(folder / "hd-sample" / "spoken_digit.flac"))
    with (folder / "arabic-digits" / "val.csv").open() as file:
        names = [next(iter(row.values())) for row in csv.DictReader(file)]
    clips = sorted((folder / "arabic-digits" / "clips").rglob("*.flac"))[::200]
    assert names
    for clip in (*clips, *sorted((folder / "fsdd" / "recordings").iterdir())[::300]):
        source = SoundFile(clip, strict=True)
        assert len(check_blocks(list(source), 1)) == source.frames
