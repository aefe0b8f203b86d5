"""Words with pauses, in noise: python apps/make_stream.py RECORDINGS LABELS.csv STREAM.flac [WORDS]

WORDS (100) are drawn from the table LABELS.csv (file,label; files are relative to RECORDINGS). STREAM.csv says beside
the stream what is said when (begin_us,end_us,label).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import soundfile

from streamsnn.errors import StreamsnnError
from streamsnn.training.dataset import open_dataset
from streamsnn.training.words import find_word, read_sound

MARGIN_S = 0.08
"""So much of a recording is kept before and after its word."""
PAUSE_S = (0.5, 1.5)
NOISE_DB = -55.0
"""Of the pink noise, against full scale."""


def main(recordings: str, labels: str, stream: str, words: int = 100) -> None:
    samples = open_dataset(recordings, labels).samples
    rng = np.random.default_rng(0)
    pieces, spans, now, rate_hz = [], [], 0, 0
    for place in rng.choice(len(samples), words, replace=words > len(samples)).tolist():
        wave, rate_hz = read_sound(samples[place].path)
        begin, end = find_word(wave, rate_hz)
        margin = round(MARGIN_S * rate_hz)
        first, last = max(0, begin - margin), min(wave.size, end + margin)
        pause = np.zeros(round(rng.uniform(*PAUSE_S) * rate_hz), np.float32)
        pieces += [pause, wave[first:last]]
        said = now + pause.size + begin - first
        spans.append((said * 1_000_000 // rate_hz, (said + end - begin) * 1_000_000 // rate_hz, samples[place].label))
        now += pause.size + last - first
    sound = np.concatenate([*pieces, np.zeros(rate_hz, np.float32)])
    spectrum = np.fft.rfft(rng.standard_normal(sound.size)) / np.sqrt(np.arange(sound.size // 2 + 1) + 1)
    noise = np.fft.irfft(spectrum, sound.size)
    sound = np.clip(sound + noise * (10 ** (NOISE_DB / 20) / np.sqrt(np.mean(noise**2))), -0.999, 0.999)
    soundfile.write(stream, sound, rate_hz, subtype="PCM_16")
    with Path(stream).with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("begin_us", "end_us", "label"))
        rows.writerows(spans)
    print(f"{words} words in {sound.size / rate_hz:.1f} s")


if __name__ == "__main__":
    try:
        recordings, labels, stream, *words = sys.argv[1:]
        main(recordings, labels, stream, *map(int, words))
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (OSError, TypeError, ValueError):
        sys.exit(__doc__)
