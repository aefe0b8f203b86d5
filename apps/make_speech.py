"""Make recordings/spoken-digits.flac anew, with what is said in it beside it: python apps/make_speech.py [FOLDER]

The voices are those of the speech synthesisers flite and espeak-ng, which must be installed.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

RATE_HZ = 16_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = ("flite slt", "flite rms", "flite awb", "espeak-ng en-us", "espeak-ng en-gb")
ROUNDS = 2
"""Every word is said so often, each time by another voice."""
NOISE_DB = -55.0
"""Of the pink noise of the room, against full scale."""

Samples = NDArray[np.float32]


def say(word: str, voice: str, folder: Path) -> Samples:
    """`word` by `voice`, without the silence around it, at a level of -20 dB."""
    program, name = voice.split()
    file = folder / "word.wav"
    spoken = ["-v", name, "-s", "140", "-w", str(file), word] if program == "espeak-ng" else []
    subprocess.run([program, *(spoken or ["-voice", name, "-t", word, "-o", str(file)])], check=True)
    samples, rate_hz = soundfile.read(file, dtype="float32")
    samples = np.asarray(resample_poly(samples, RATE_HZ, rate_hz), np.float32)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1] + 1]
    leveled: Samples = samples * np.float32(0.1 / np.sqrt(np.mean(samples**2)))
    return leveled


def main(folder: str = "recordings") -> None:
    missing = [program for program in ("flite", "espeak-ng") if shutil.which(program) is None]
    if missing:
        sys.exit(f"{missing[0]} is not installed: apt install flite espeak-ng\n{__doc__}")
    rng = np.random.default_rng(0)
    pieces: list[Samples] = []
    spans = []
    now = 0

    def add(samples: Samples) -> None:
        nonlocal now
        pieces.append(samples)
        now += samples.size

    with tempfile.TemporaryDirectory() as work:
        for turn in range(ROUNDS):
            for word in rng.permutation(len(WORDS)).tolist():
                add(np.zeros(int(RATE_HZ * rng.uniform(0.7, 1.3)), np.float32))
                begin = now
                add(say(WORDS[word], VOICES[(word + 2 * turn) % len(VOICES)], Path(work)))
                spans.append((begin * 1_000_000 // RATE_HZ, now * 1_000_000 // RATE_HZ, WORDS[word]))
    add(np.zeros(RATE_HZ, np.float32))
    sound = np.concatenate(pieces)
    spectrum = np.fft.rfft(rng.standard_normal(sound.size)) / np.sqrt(np.arange(sound.size // 2 + 1) + 1)
    room = np.fft.irfft(spectrum, sound.size)
    sound = sound + room * (10 ** (NOISE_DB / 20) / np.sqrt(np.mean(room**2)))
    soundfile.write(Path(folder) / "spoken-digits.flac", sound, RATE_HZ, subtype="PCM_16")
    with (Path(folder) / "spoken-digits.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("begin_us", "end_us", "label"))
        rows.writerows(spans)


if __name__ == "__main__":
    main(*sys.argv[1:])
