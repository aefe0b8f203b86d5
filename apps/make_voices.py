"""Synthesised speakers of the ten English digits, to train with: python apps/make_voices.py FOLDER [SPEAKERS]

The voices are those of the speech synthesisers espeak-ng and flite, which must be installed. Every speaker has a voice,
an accent, a pitch and a speed, and says each digit once, into FOLDER/<digit>/<speaker>.flac.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = 200
FLITE_HZ = {"kal16": 105.0, "awb": 120.0, "rms": 100.0, "slt": 170.0}
"""The voices of flite, each with its usual pitch."""
ACCENTS = ("en-us", "en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029")
NO_PERSON = ("whisper", "croak", "demonic", "robo", "uni", "alien", "klatt", "fast", "_")
"""What is in the names of espeak-ng's variants that do not sound like anybody."""


def espeak(word: str, voice: str, rng: np.random.Generator, pitch: int, speed: int, file: Path) -> None:
    """`word` as a statement, a question, an exclamation or in the middle of something."""
    pitch, speed = pitch + int(rng.integers(-6, 7)), speed + int(rng.integers(-20, 20))
    end = ".!?,"[int(rng.integers(4))]
    settings = ["-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(file)]
    subprocess.run(["espeak-ng", *settings, word + end], check=True)


def flite(word: str, voice: str, rng: np.random.Generator, pitch_hz: float, stretch: float, file: Path) -> None:
    tone = f"int_f0_target_mean={pitch_hz * np.exp(rng.normal(0, 0.03)):.0f}"
    length = f"duration_stretch={stretch * np.exp(rng.normal(0, 0.05)):.2f}"
    subprocess.run(
        ["flite", "-voice", voice, "--setf", tone, "--setf", length, "-t", word, "-o", str(file)], check=True
    )


def variants() -> list[str]:
    """The variants of espeak-ng's voice that sound like people."""
    listed = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[4].removeprefix("!v/") for line in listed.splitlines()[1:]]
    return sorted(name for name in names if not any(part in name.lower() for part in NO_PERSON))


def main(folder: str, speakers: int = SPEAKERS) -> None:
    missing = [program for program in ("flite", "espeak-ng") if shutil.which(program) is None]
    if missing:
        sys.exit(f"{missing[0]} is not installed: apt install flite espeak-ng\n{__doc__}")
    rng = np.random.default_rng(1)
    people = variants()
    place = Path(folder)
    for word in WORDS:
        (place / word).mkdir(parents=True, exist_ok=True)
    spoken = place / ".word.wav"
    for speaker in range(speakers):
        # One speaker in eight is flite's, which has four voices.
        by_flite = speaker % 8 == 7
        voice = list(FLITE_HZ)[speaker // 8 % len(FLITE_HZ)] if by_flite else people[speaker % len(people)]
        accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
        pitch, speed = int(rng.integers(15, 80)), int(rng.integers(110, 210))
        pitch_hz = FLITE_HZ.get(voice, 0.0) * float(np.exp(rng.uniform(-0.25, 0.25)))
        stretch = float(np.exp(rng.uniform(-0.3, 0.35)))
        for word in WORDS:
            if by_flite:
                flite(word, voice, rng, pitch_hz, stretch, spoken)
            else:
                espeak(word, f"{accent}+{voice}", rng, pitch, speed, spoken)
            samples, rate_hz = soundfile.read(spoken, dtype="float32")
            soundfile.write(place / word / f"{speaker:03d}-{voice}.flac", samples, rate_hz, subtype="PCM_16")
        print(f"\r{speaker + 1} of {speakers} speakers", end="", file=sys.stderr)
    spoken.unlink(missing_ok=True)
    print(file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1], *map(int, sys.argv[2:]))
    except (IndexError, TypeError, ValueError):
        sys.exit(__doc__)
