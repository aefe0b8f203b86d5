"""A training on disk, so that one that was interrupted goes on as if it had not been."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from streamsnn.errors import StreamsnnError

_VERSION = 1
_FILE = "checkpoint.pt"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is whole.

    Raises StreamsnnError where the disk refuses, and leaves what was there before.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise StreamsnnError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Free some space or choose another folder, then resume.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def save_checkpoint(folder: Path, fingerprint: str, content: dict[str, Any]) -> None:
    """Keep `content` (tensors, numbers, strings and containers of these) as the newest checkpoint in `folder`."""
    buffer = io.BytesIO()
    torch.save({"version": _VERSION, "fingerprint": fingerprint, **content}, buffer)
    write_whole(folder / _FILE, buffer.getvalue())


def load_checkpoint(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """The newest checkpoint in `folder`; None if there is none. Runs no code from it.

    Raises StreamsnnError if it is damaged, or of another training than `fingerprint` tells.
    """
    path = folder / _FILE
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise StreamsnnError(
            f"The checkpoint {path} is damaged.", hint="Train without resuming: it is then written anew."
        ) from error
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise StreamsnnError(
            f"The checkpoint {path} was written by another version of this program.", hint="Train without resuming."
        )
    if content["fingerprint"] != fingerprint:
        raise StreamsnnError(
            f"The checkpoint {path} belongs to a training with other settings or other data.",
            hint="Bring settings and data back to what they were, or train without resuming.",
        )
    return content
