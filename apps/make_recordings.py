"""Make everything in recordings/ anew, byte for byte: python apps/make_recordings.py [FOLDER]"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streamsnn.clock import ManualClock
from streamsnn.formats import write_recording
from streamsnn.sources import lettering
from streamsnn.sources.saccades import SACCADES_US, Saccades
from streamsnn.sources.scenes import BouncingDisc, MovingBar, Scene, Slide, Slideshow
from streamsnn.sources.sensor_model import ATIS
from streamsnn.sources.shapes import make_shapes
from streamsnn.sources.synthetic import SyntheticSource
from streamsnn.types import Events, Sensor

PEN = "pen"
FACES = ("DejaVuSans", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSansMono-Bold", PEN)
EXTENSIONS = (".dat", ".raw", ".aedat4")
STILL_US = 190_000
"""How long a digit of the sequence stands still before its saccades."""
SHAPES_SEED, SHAPES_US = 2, 2_000_000
BLANK_US = 300_000
"""How long the screen is blank between two digits of the sequence."""


@dataclass(frozen=True)
class Specimen:
    """A digit to record: what is written, in which face, and the seed of all that is random about it."""

    label: str
    face: str
    seed: int

    @property
    def file(self) -> str:
        return f"{self.label}-{self.face.lower()}{EXTENSIONS[self.seed % len(EXTENSIONS)]}"

    def scene(self, still_us: int = 0) -> Saccades:
        """The digit, a little off its usual place and time, as N-MNIST's are; it stands still for `still_us` first."""
        chance = random.Random(self.seed)
        shift_px = (chance.uniform(-0.6, 0.6), chance.uniform(-0.6, 0.6))
        delay_us = still_us + round(chance.uniform(-4000, 4000))
        stretch = chance.uniform(0.7, 0.9)
        slant_deg = chance.uniform(-5.0, 5.0 if self.face.endswith("Italic") else 15.0)
        if self.face == PEN:
            pen_px = chance.uniform(2.0, 3.4)
            picture = lettering.write(self.label, self.seed, thickness_px=pen_px, slant_deg=slant_deg, stretch=stretch)
        else:
            picture = lettering.draw(self.label, self.face, slant_deg=slant_deg, stretch=stretch)
        return Saccades(picture, shift_px=shift_px, delay_us=delay_us)


def specimens() -> list[Specimen]:
    """The recordings in digits/."""
    return [Specimen(str(digit), face, 10 * i + digit) for i, face in enumerate(FACES) for digit in range(10)]


def sequence() -> tuple[Slideshow, list[tuple[int, int, str]]]:
    """The digits 0 to 9 in print, then by hand, and what is shown when: (begin_us, end_us, label)."""
    slides: list[Slide] = []
    shown: list[tuple[int, int, str]] = []
    for face, first_seed in (("DejaVuSerif", 1000), (PEN, 1010)):
        for digit in range(10):
            begin_us = BLANK_US + (slides[-1].end_us if slides else 0)
            end_us = begin_us + STILL_US + SACCADES_US
            slides.append(Slide(begin_us, end_us, Specimen(str(digit), face, first_seed + digit).scene(STILL_US)))
            shown.append((begin_us, end_us, str(digit)))
    return Slideshow(slides), shown


def record(scene: Scene, seed: int, duration_us: int) -> Events:
    """What the simulated camera sees of the scene."""
    source = SyntheticSource(
        scene, ATIS, seed=seed, duration_us=duration_us, packet_us=duration_us, clock=ManualClock()
    )
    return next(iter(source)).events


def write_events(path: Path, scene: Scene, seed: int, duration_us: int) -> None:
    """Record the scene into a file, in the format that its name says."""
    write_recording(path, record(scene, seed, duration_us), Sensor("synthetic", scene.width, scene.height))


def write_shapes(folder: Path, choice: str) -> None:
    """Record shapes that cross one another, and where each is when: boxes every 10 ms."""
    scene, camera = make_shapes(choice)
    source = SyntheticSource(scene, camera, seed=2003, duration_us=SHAPES_US, packet_us=SHAPES_US, clock=ManualClock())
    path = folder / f"shapes-{choice.partition(':')[0]}.raw"
    write_recording(path, next(iter(source)).events, source.sensor)
    rows = [(t_us, *box) for t_us in range(10_000, SHAPES_US + 1, 10_000) for box in scene.boxes(t_us)]
    table = ((t_us, number, *(f"{each:.2f}" for each in box)) for t_us, number, *box in rows)
    write_table(path.with_suffix(".csv"), ("t_us", "track_id", "x", "y", "width", "height"), table)


def write_table(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """Write a CSV file that is the same on every system."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main(folder: Path) -> None:
    """Make all recordings below `folder`."""
    digits = folder / "digits"
    digits.mkdir(parents=True, exist_ok=True)
    for specimen in specimens():
        write_events(digits / specimen.file, specimen.scene(), specimen.seed, SACCADES_US)
    write_table(digits / "labels.csv", ("file", "label"), ((s.file, s.label) for s in specimens()))
    show, shown = sequence()
    write_events(folder / "sequence.dat", show, seed=2000, duration_us=shown[-1][1] + BLANK_US)
    write_table(folder / "sequence.csv", ("begin_us", "end_us", "label"), shown)
    write_events(folder / "bar.raw", MovingBar(), seed=2001, duration_us=1_000_000)
    write_events(folder / "disc.aedat4", BouncingDisc(), seed=2002, duration_us=2_000_000)
    for preset in ("easy", "hard"):
        write_shapes(folder, f"{preset}:{SHAPES_SEED}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "recordings")
