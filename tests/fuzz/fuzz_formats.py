"""Coverage-guided fuzzing of all readers: whatever a file holds ends in sound events or in a StreamsnnError.

    pip install atheris
    NUMBA_BOUNDSCHECK=1 XDG_CACHE_HOME=/tmp/checked python tests/fuzz/fuzz_formats.py CORPUS -max_total_time=1800

An empty folder CORPUS is first filled with a small recording in each format. An input is a byte that chooses the
extension, one that chooses the chunk, and the file. Bounds are checked in compiled loops, too: their coverage is not
seen, but no wrong index goes unnoticed. Options are libFuzzer's: -timeout=10 and -rss_limit_mb=1024 find what takes
long or much. HDF5 goes through the HDF5 library, which damage may crash: --with-hdf5 fuzzes it, too.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import tempfile
from pathlib import Path

import atheris
import lz4.frame
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "formats"), str(Path(__file__).resolve().parents[2])]

with atheris.instrument_imports(include=["streamsnn.formats"]):
    import streamsnn.formats
    from streamsnn.errors import StreamsnnError
    from streamsnn.formats import open_recording, write_recording
    from streamsnn.formats.decompression import LZ4
    from streamsnn.types import Sensor

from event_strategies import make_events  # noqa: E402
from format_files import SAMPLES  # noqa: E402

EXTENSIONS = sorted({extension for form in streamsnn.formats.FORMATS for extension in form.extensions} - {".hdf5"})
_HDF5 = "--with-hdf5" in sys.argv
_MOST_EVENTS_A_BYTE = 600
"""LZ4 makes 255 bytes of one, Zstandard more, and an event takes 13 to 16 of them."""
_FOLDER = tempfile.TemporaryDirectory(prefix="streamsnn-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


def seeds() -> dict[str, bytes]:
    """A recording in each format, as an input."""
    rng = np.random.default_rng(0)
    t_us = 2000 + np.cumsum(rng.integers(0, 200, 60))
    events = make_events(t_us, rng.integers(0, 60, 60), rng.integers(0, 40, 60), rng.integers(0, 2, 60))
    found = {
        name.replace(" ", "_").replace("/", "_"): bytes((EXTENSIONS.index(extension), 40)) + encode(events)
        for name, (_, extension, encode) in SAMPLES.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        for extension in (".evt2.raw", ".raw", ".aedat4", ".es", ".npz"):
            path = Path(folder) / f"a{extension}"
            write_recording(path, events, Sensor("fuzz", 60, 40))
            found[f"written{extension}"] = bytes((EXTENSIONS.index(extension), 40)) + path.read_bytes()
    found["unpacked"] = bytes((EXTENSIONS.index(".aedat4"), 40)) + _unpacked(found["written.aedat4"][2:])
    rows = zip(t_us.tolist(), events["x"].tolist(), events["y"].tolist(), strict=True)
    small = b"".join(bytes((x % 34, y % 34, 0x80 | t >> 16, t >> 8 & 0xFF, t & 0xFF)) for t, x, y in rows)
    found["nmnist"] = bytes((EXTENSIONS.index(".bin"), 40)) + small
    found["nas"] = bytes((EXTENSIONS.index(".aedat"), 40)) + b"".join(
        struct.pack(">HI", x, t) for x, t in zip(events["x"].tolist(), t_us.tolist(), strict=True)
    )
    if _HDF5:
        import h5py

        for name, place in (("dsec", "events"), ("metavision", "CD/events")):
            file = io.BytesIO()
            with h5py.File(file, "w") as h5:
                if name == "dsec":
                    for column in "txyp":
                        h5[f"{place}/{column}"] = events[column]
                else:
                    h5[place] = events
            found[name] = bytes((EXTENSIONS.index(".h5"), 40)) + file.getvalue()
    return found


def _unpacked(written: bytes) -> bytes:
    """An AEDAT4 file of ours without compression, whose checksums would keep the fuzzer out."""
    compression_at, begin = 46, 18 + int.from_bytes(written[14:18], "little")
    assert written[compression_at] == LZ4
    out = bytearray(written[:begin])
    out[compression_at] = 0
    while begin < len(written):
        stream, size = struct.unpack_from("<ii", written, begin)
        packet = lz4.frame.decompress(written[begin + 8 : begin + 8 + size])
        out += struct.pack("<ii", stream, len(packet)) + packet
        begin += 8 + size
    return bytes(out)


def check(data: bytes) -> None:
    """Read what `data` says; raises for whatever is neither sound events nor a StreamsnnError."""
    if len(data) < 3 or (data[2:].startswith(b"\x89HDF") and not _HDF5):
        return
    path = Path(_FOLDER.name) / f"input_mono_64ch_addr2b_ts02{EXTENSIONS[data[0] % len(EXTENSIONS)]}"
    path.write_bytes(data[2:])
    try:
        recording = open_recording(path)
        sensor = recording.sensor
        last_us: int | None = None
        count = 0
        for chunk in recording.chunks(1 + data[1] ** 2):
            t_us = chunk["t"]
            assert chunk.size
            assert last_us is None or last_us <= t_us[0]
            assert np.all(t_us[1:] >= t_us[:-1])
            assert chunk["x"].max() < sensor.width
            assert chunk["y"].max() < sensor.height
            last_us = int(t_us[-1])
            count += chunk.size
        assert count <= _MOST_EVENTS_A_BYTE * len(data)
        recording.damage.describe()
    except StreamsnnError:
        return


def main() -> None:
    arguments = [word for word in sys.argv if word != "--with-hdf5"]
    corpus = [Path(word) for word in arguments[1:] if not word.startswith("-")]
    if corpus and corpus[0].is_dir() and not os.listdir(corpus[0]):
        for name, data in seeds().items():
            (corpus[0] / name).write_bytes(data)
    atheris.Setup(arguments, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
