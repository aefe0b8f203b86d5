"""Films: what was written is decoded again, and what was painted is looked at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image
from toys import SENSOR, save_sides, side_events

from streamsnn.errors import StreamsnnError
from streamsnn.formats import write_recording
from streamsnn.gui import film as films
from streamsnn.gui.film import Filmed, Shot
from streamsnn.gui.film_files import FilmFormat, Picture, open_film
from streamsnn.gui.film_sound import FilmSound
from streamsnn.gui.palettes import PALETTES
from streamsnn.gui.theme import DARK
from streamsnn.player.messages import Open
from streamsnn.sources.sound_files import SoundFile

SHOT = Shot(size=(320, 180), fps=10)
DURATION_US = 1_000_000


@pytest.fixture
def wanted(tmp_path: Path) -> Open:
    """A second of events on the left half, and who tells left from right."""
    events = side_events("left", count=4_000, duration_us=DURATION_US)
    events["t"][-1] = DURATION_US - 1
    write_recording(tmp_path / "left.dat", events, SENSOR)
    return Open(str(tmp_path / "left.dat"), str(save_sides(tmp_path / "sides")))


def film(wanted: Open, path: Path, **changes: Any) -> Filmed:
    return films.film(wanted, path, dataclasses.replace(SHOT, **changes), lambda what, share: None, lambda text: None)


def refused(wanted: Open, path: Path, **changes: Any) -> str:
    """What is said when this is refused: what, why, and what to do. Nothing is left."""
    before = {each.name for each in path.parent.iterdir()} if path.parent.is_dir() else set()
    with pytest.raises(StreamsnnError) as told:
        film(wanted, path, **changes)
    assert told.value.hint
    assert before == ({each.name for each in path.parent.iterdir()} if path.parent.is_dir() else set())
    return str(told.value)


def decoded(path: Path) -> tuple[list[NDArray[np.uint8]], float]:
    """The pictures (height, width, 3) of a film, and how long it is in seconds."""
    if path.suffix == ".gif":
        with Image.open(path) as image:
            pictures, duration_ms = [], 0.0
            for place in range(image.n_frames):  # type: ignore[attr-defined]
                image.seek(place)
                pictures.append(np.asarray(image.convert("RGB")))
                duration_ms += image.info["duration"]
            return pictures, duration_ms / 1000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p"
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert container.duration is not None
        return pictures, container.duration / av.time_base


class Reel:
    """Keeps the pictures of a film instead of a file."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.is_whole = self.is_discarded = False

    def write(self, picture: Picture) -> None:
        self.pictures.append(picture[..., :3])

    def finish(self) -> None:
        self.is_whole = True

    def discard(self) -> None:
        self.is_discarded = True


@pytest.fixture
def reels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Reel]:
    """Every film that is made, exactly as it was painted."""
    made: list[Reel] = []

    def open_reel(path: Path, *_: Any) -> Reel:
        path.touch()
        made.append(Reel())
        return made[-1]

    monkeypatch.setattr(films, "open_film", open_reel)
    return made


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif"])
def test_a_film_is_as_long_and_as_large_as_it_should_be_and_shows_the_events(
    wanted: Open, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"film.{ending}"
    made = film(wanted, path)
    pictures, duration_s = decoded(path)
    assert made == Filmed(10, 1.0, path.stat().st_size)
    assert len(pictures) == 10
    assert duration_s == pytest.approx(1.0, abs=0.02)
    assert {picture.shape for picture in pictures} == {(180, 320, 3)}
    assert np.abs(pictures[0].astype(int) - pictures[5]).max() > 50
    # The picture of the events is at the left and above; ON events are bright in it, on the left half of the sensor.
    events = pictures[5][:110, :220].astype(int)
    bright = np.abs(events - PALETTES["dark"].on).max(axis=-1) < 40
    assert bright[:, :110].sum() > 200
    assert bright[:, 118:].sum() == 0
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("film")] == [path.name]


def test_the_same_stream_gives_the_same_pictures(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    for name in ("one.mp4", "other.mp4"):
        film(wanted, tmp_path / name)
    one, other = (np.array(reel.pictures) for reel in reels)
    assert np.array_equal(one, other)
    assert all(reel.is_whole for reel in reels)


def test_slow_motion_takes_longer_and_shows_the_same(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    assert film(wanted, tmp_path / "true.mp4", fps=30).duration_s == 1.0
    assert film(wanted, tmp_path / "slow.mp4", fps=30, speed=0.5).pictures == 60
    true, slow = (np.array(reel.pictures)[:, :110, :220] for reel in reels)
    assert np.array_equal(true, slow[1::2])


def test_a_fast_film_shows_all_events(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    write_recording(Path(wanted.source), side_events("left", count=60, duration_us=DURATION_US), SENSOR)
    film(wanted, tmp_path / "true.mp4", fps=30, out_us=500_000)
    film(wanted, tmp_path / "fast.mp4", fps=30, speed=10.0)
    true, fast = (np.mean([(picture[:110, :110] > 100).mean() for picture in reel.pictures]) for reel in reels)
    assert fast > 2 * true


def test_membranes_are_shown_from_before_the_part_on(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    probed = {"probes": (("spikes", 1), ("spikes", 0))}
    film(wanted, tmp_path / "none.mp4", out_us=600_000)
    film(wanted, tmp_path / "all.mp4", out_us=600_000, **probed)
    film(wanted, tmp_path / "part.mp4", in_us=400_000, out_us=600_000, **probed)
    none, everything, part = (np.array(reel.pictures)[:, 116:170, 226:].astype(int) for reel in reels)
    left = DARK.category(1)
    # The second neuron's trace: it is the one that hears the left half, where everything happens.
    drawn = np.abs(everything[-1][10:] - (left.blue(), left.green(), left.red())).max(axis=-1) < 60
    assert drawn.any(axis=0).sum() > 4
    assert not np.array_equal(everything[-1], none[-1])
    assert np.array_equal(everything[-1], part[-1])


def test_what_comes_in_and_is_lost_is_shown(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    film(wanted, tmp_path / "busy.mp4", out_us=500_000)
    events = side_events("left", count=4_000, duration_us=DURATION_US)
    write_recording(Path(wanted.source), events[events["t"] < 100_000], SENSOR)
    film(wanted, tmp_path / "quiet.mp4", out_us=500_000)
    busy, quiet = (np.array(reel.pictures)[:, 135:165, 145:220].astype(int) for reel in reels)
    assert np.array_equal(busy[0], quiet[0])
    assert not np.array_equal(busy[-1], quiet[-1])


@pytest.mark.parametrize(
    ("probes", "told"),
    [
        ((("spikes", 2),), "no neuron 2 in a layer spikes"),
        ((("nowhere", 0),), "no neuron 0 in a layer nowhere"),
        ((("spikes", 0),) * 5, "At most 4"),
    ],
)
def test_neurons_that_cannot_be_watched_are_refused(wanted: Open, tmp_path: Path, probes: Any, told: str) -> None:
    assert told in refused(wanted, tmp_path / "film.mp4", probes=probes)


def test_a_part_begins_as_if_all_before_had_been_played(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    film(wanted, tmp_path / "all.mp4")
    assert film(wanted, tmp_path / "part.mp4", in_us=400_000, out_us=750_000).pictures == 4
    # But for the numbers, which change four times a second of the film so that one can read them.
    everything, part = (np.array(reel.pictures)[:, :160, :140] for reel in reels)
    assert np.array_equal(everything[4:7], part[:3])


def test_it_tells_how_far_it_is(wanted: Open, tmp_path: Path, reels: list[Reel]) -> None:
    told: list[tuple[str, float | None]] = []
    films.film(wanted, tmp_path / "film.mp4", SHOT, lambda *words: told.append(words), lambda text: None)
    shares = [share for what, share in told if what.startswith("Filming")]
    assert shares == pytest.approx([0.1 * count for count in range(1, 11)], abs=0.001)


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_a_sound_is_heard_when_it_is_seen(tmp_path: Path, ending: str) -> None:
    rate_hz, path = 16_000, tmp_path / f"film.{ending}"
    silent_then_loud = np.concatenate([np.zeros(8_000), 0.5 * np.sin(np.arange(12_000) * 2 * np.pi * 440 / rate_hz)])
    soundfile.write(tmp_path / "sound.wav", silent_then_loud, rate_hz)
    sound = FilmSound(SoundFile(tmp_path / "sound.wav", start_us=250_000))
    picture = np.zeros((180, 320, 4), np.uint8)
    file = open_film(path, FilmFormat((320, 180), 10), picture[:1, :1], sound)
    for _ in range(10):
        file.write(picture)
    file.finish()
    with av.open(str(path)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    # After a quarter of a second that was left out, and a quarter of silence.
    assert len(heard) / 48_000 == pytest.approx(1.0, abs=0.05)
    assert np.abs(heard[:11_000]).max() < 0.02
    assert np.abs(heard[13_000:40_000]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif"])
def test_what_is_interrupted_leaves_nothing(wanted: Open, tmp_path: Path, ending: str) -> None:
    before = set(tmp_path.iterdir())

    def interrupt(what: str, share: float | None) -> None:
        if what.startswith("Filming") and share is not None and share > 0.5:
            assert set(tmp_path.iterdir()) > before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        films.film(wanted, tmp_path / f"film.{ending}", SHOT, interrupt, lambda text: None)
    assert set(tmp_path.iterdir()) == before


def test_what_cannot_be_written_is_said_before_anything_is_opened(wanted: Open, tmp_path: Path) -> None:
    nowhere = dataclasses.replace(wanted, model="no such model")
    assert ".mp4, .webm or .gif" in refused(nowhere, tmp_path / "film.avi")
    assert "Make it first" in refused(nowhere, tmp_path / "missing" / "film.mp4")
    assert "320x182" in refused(nowhere, tmp_path / "film.mp4", size=(320, 181))
    assert "pixels a side" in refused(nowhere, tmp_path / "film.mp4", size=(32, 18))
    assert "1 to 20" in refused(nowhere, tmp_path / "film.gif", fps=30)
    (tmp_path / "folder.mp4").mkdir()
    assert "is a folder" in refused(nowhere, tmp_path / "folder.mp4")
    kept = tmp_path / "recording.mp4"
    kept.write_bytes(b"kept")
    assert "recording itself" in refused(dataclasses.replace(wanted, source=str(kept)), kept)
    assert kept.read_bytes() == b"kept"


def test_what_cannot_be_filmed_is_said(wanted: Open, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    assert "has no end" in refused(dataclasses.replace(wanted, source="synthetic:bar"), path)
    assert "is live" in refused(dataclasses.replace(wanted, source="mic:2"), path)
    assert "before it begins" in refused(wanted, path, in_us=500_000, out_us=400_000)
    assert "Begin the film earlier" in refused(wanted, path, in_us=5_000_000)
    assert "no such model" in refused(dataclasses.replace(wanted, model="no such model"), path)


def test_a_disk_that_refuses_is_said(wanted: Open, tmp_path: Path) -> None:
    (tmp_path / "film.mp4.partial").mkdir()
    assert "cannot be written" in refused(wanted, tmp_path / "film.mp4")
