"""How much memory it takes to read a recording that is larger than memory, in each format that is written.

The recording is a synthetic scene over and over, its time going on. It is written to the disk, format after format,
read once by a process of its own, whose highest resident memory is what counts, and removed. What such a process takes
before it opens anything stands beside it: Python, numpy and numba.
"""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from streamsnn.bench.format_peers import ALL
from streamsnn.bench.format_scene import Scene, synthetic_events
from streamsnn.bench.formats import EXTENSIONS
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording, writer_for
from streamsnn.types import Events

_SCENE = Scene(events=1_000_000, duration_us=1_000_000)
_SIZE_BYTES, _QUICK_BYTES = 10 << 30, 1 << 30
_SPARE_BYTES = 1 << 30


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Write, read and remove 10 GiB in each format, or 1 GiB if `quick`; JSON-ready.

    Raises StreamsnnError where the disk has no room for one such file.
    """
    return measure_size(_QUICK_BYTES if quick else _SIZE_BYTES, _SCENE, progress)


def measure_size(size_bytes: int, scene: Scene, progress: Callable[[str], None]) -> dict[str, Any]:
    """As `measure`, with a size and a scene of one's own."""
    rows = []
    events = synthetic_events(scene)
    with tempfile.TemporaryDirectory(prefix="streamsnn-") as folder:
        free = shutil.disk_usage(folder).free
        if free < size_bytes + _SPARE_BYTES:
            raise StreamsnnError(
                f"{folder} has {free / 1e9:.1f} GB left, and {(size_bytes + _SPARE_BYTES) / 1e9:.1f} are wanted.",
                hint="Set TMPDIR to a folder with more room, or take --quick.",
            )
        for name in ALL:
            path = Path(folder) / f"recording{EXTENSIONS[name]}"
            progress(f"writing {size_bytes / 1e9:.1f} GB of {name}")
            written = _write(path, events, scene, size_bytes)
            progress(f"reading {name}")
            found = _read_elsewhere(path)
            if found["events"] != written:
                raise StreamsnnError(f"Of {written:,} events in {name} {found['events']:,} were read.")
            rows.append({"format": name, "file_bytes": path.stat().st_size, **found})
            path.unlink()
    return {"recordings": rows}


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """A measurement as a table: title, headings, rows of text."""
    rows = [
        [
            row["format"],
            f"{row['file_bytes'] / 1e9:.2f}",
            f"{row['events'] / 1e6:,.0f}",
            f"{row['peak_bytes'] / 1e6:.0f}",
            f"{row['before_bytes'] / 1e6:.0f}",
            f"{row['events'] / row['cpu_s'] / 1e6:.0f}",
        ]
        for row in result["recordings"]
    ]
    headings = ["format", "GB", "M events", "peak MB", "of these before it begins", "M events/CPU s"]
    return [("Memory of a process that reads a long recording", headings, rows)]


def _write(path: Path, events: Events, scene: Scene, size_bytes: int) -> int:
    """Write the scene until the file is large enough: how many events that took."""
    count = 0
    growing = path.with_name(f"{path.name}.partial")

    def blocks() -> Iterator[Events]:
        nonlocal count
        block = events.copy()
        while growing.stat().st_size < size_bytes:
            count += len(block)
            yield block
            block["t"] += scene.duration_us

    write = writer_for(path).write
    assert write is not None
    write.stream(path, blocks(), scene.sensor)
    return count


def _read_elsewhere(path: Path) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    reader = context.Process(target=_read, args=(path, theirs))
    reader.start()
    theirs.close()
    try:
        found: dict[str, Any] = ours.recv()
    except EOFError as error:
        raise StreamsnnError(f"The process that read {path.name} ended without a word.") from error
    finally:
        reader.join()
    return found


def _read(path: Path, told: Connection) -> None:
    import streamsnn.formats.es_kernels
    import streamsnn.formats.evt2_kernels
    import streamsnn.formats.tidy_kernels  # noqa: F401

    before = _peak_bytes()
    began = time.process_time()
    count = sum(chunk.size for chunk in open_recording(path).chunks())
    told.send(
        {
            "events": count,
            "cpu_s": time.process_time() - began,
            "before_bytes": before,
            "peak_bytes": _peak_bytes(),
        }
    )


def _peak_bytes() -> int:
    """The highest resident memory of this process so far. Linux counts what its parent had in `ru_maxrss`, too."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
