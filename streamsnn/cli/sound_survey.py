"""What `streamsnn info` says of a sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamsnn.cli import text
from streamsnn.sources.sound_files import SoundDamage, SoundFile

_BLOCK_US = 1_000_000


@dataclass(frozen=True)
class SoundSurvey:
    """A sound, read from its beginning to its end. Levels are relative to full scale; of silence minus infinity."""

    path: Path
    size_bytes: int
    rate_hz: int
    ears: int
    samples: int
    level_db: float
    peak_db: float
    damage: SoundDamage

    @property
    def duration_us(self) -> float:
        return 1e6 * self.samples / self.rate_hz

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON: a level of nothing is null."""
        return {
            "kind": "sound",
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "rate_hz": self.rate_hz,
            "ears": self.ears,
            "duration_s": self.duration_us * 1e-6,
            "level_db": self.level_db if math.isfinite(self.level_db) else None,
            "peak_db": self.peak_db if math.isfinite(self.peak_db) else None,
            "damage": list(self.damage.describe()),
        }

    def sentences(self) -> str:
        """All of it, for people."""
        silent = not math.isfinite(self.peak_db)
        rows = [
            ("sound", f"{self.path}, {text.bytes_of(self.size_bytes)}"),
            ("heard with", f"{text.ears(self.ears)}, {text.number(self.rate_hz)}Hz"),
            ("duration", text.duration(self.duration_us)),
            ("level", "silent" if silent else f"{self.level_db:.1f} dB of full scale, {self.peak_db:.1f} dB at most"),
        ]
        return text.facts(rows + [("damage", sentence) for sentence in self.damage.describe()])


def sound_survey(path: Path) -> SoundSurvey:
    """What is in the sound file at `path`. Raises StreamsnnError if it cannot be read, or holds no sample."""
    sound = SoundFile(path, block_us=_BLOCK_US)
    samples, power, peak = 0, 0.0, 0.0
    for block in sound:
        samples += len(block.samples)
        power += float(np.square(block.samples, dtype=np.float64).mean(axis=1).sum())
        peak = max(peak, float(np.abs(block.samples).max()))
    level_db = 10 * math.log10(power / samples) if power else -math.inf
    peak_db = 20 * math.log10(peak) if peak else -math.inf
    return SoundSurvey(path, path.stat().st_size, sound.rate_hz, sound.ears, samples, level_db, peak_db, sound.damage)
