"""What limits the adding of weight rows, which is most of a busy step: numba's own loop, registers, C, and memory.

Numba compiles a loop over rows into one that takes every sum from memory and puts it back, row by row: nothing tells
LLVM that sums and weights do not overlap, nor how many sums there are. `registers.add_rows` says in LLVM's language
what Python has no words for: so many sums, and they stay in registers. The same loop in C shows that another compiler
would not have helped; reading as many bytes from memory of the same size is what is left when adding costs nothing.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.limits import read_bandwidth
from streamsnn.bench.timing import undisturbed
from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import address
from streamsnn.lowering import aligned
from streamsnn.registers import add_rows

RIGHT = (1, 2, 3, 4, 5)
SIZES = ((700, 128), (700, 256), (2048, 256))
"""Rows and outputs of the first layers of the fully connected networks."""

_ACTIVE = 200
_SETS = 64

_C = """
void add(double *x, const float *rows, const int *indices, long sets, long active, long width) {
    for (long set = 0; set < sets; set++)
        for (long j = 0; j < active; j++) {
            const float *row = rows + indices[set * active + j] * width;
            for (long i = 0; i < width; i++) x[i] += row[i];
        }
}
"""


@compiled()
def _add_plainly(x: NDArray[np.float64], rows: NDArray[np.float32], indices: NDArray[np.int32], active: int) -> None:
    for j in range(indices.size):
        row = rows[indices[j]]
        for i in range(x.size):
            x[i] += row[i]


@compiled()
def _add_in_registers(
    x: NDArray[np.float64], rows: NDArray[np.int32], scale: NDArray[np.float64], indices: NDArray[np.int32], active: int
) -> None:
    for begin in range(0, indices.size, active):
        add_rows(address(x), address(rows), address(scale), address(indices[begin:]), active, x.size)


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Nanoseconds for `_ACTIVE` active rows each way, ready for JSON."""
    with tempfile.TemporaryDirectory() as folder:
        in_c = _c_function(Path(folder))
        with undisturbed():
            found = []
            for count, width in SIZES:
                progress(f"{count} rows of {width}")
                found.append(_measured(count, width, in_c, 5 if quick else 25))
    return {"active_rows": _ACTIVE, "c_compiler": in_c is not None, "sizes": found}


def _c_function(folder: Path) -> Any:
    """The loop as a C compiler makes it for this machine, or None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = folder / "add.c", folder / "add.so"
    source.write_text(_C)
    options = ["-O3", "-march=native", "-shared", "-fPIC", "-o", str(library), str(source)]
    if subprocess.run([compiler, *options], capture_output=True, check=False).returncode:
        return None
    function = ctypes.CDLL(str(library)).add
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 3
    return function


def _measured(count: int, width: int, in_c: Any, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    whole = aligned(count * width, np.int32)
    whole[:] = rng.integers(-(2**20), 2**20, whole.size)
    singles = aligned(count * width, np.float32)
    singles[:] = whole
    rows, single_rows = whole.reshape(count, width), singles.reshape(count, width)
    indices = rng.integers(0, count, _SETS * _ACTIVE).astype(np.int32)
    x, scale = aligned(width, np.float64), aligned(width, np.float64)
    scale[:] = 1
    ways: dict[str, Callable[[], object]] = {
        "numba_loop": lambda: _add_plainly(x, single_rows, indices, _ACTIVE),
        "registers": lambda: _add_in_registers(x, rows, scale, indices, _ACTIVE),
    }
    if in_c is not None:
        places = (x.ctypes.data, singles.ctypes.data, indices.ctypes.data)
        ways["c_loop"] = lambda: in_c(*places, _SETS, _ACTIVE, width)
    _check(ways, x, rows[indices].sum(0, dtype=np.int64).astype(np.float64))
    best = dict.fromkeys(ways, np.inf)
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter_ns()
            way()
            best[name] = min(best[name], (time.perf_counter_ns() - began) / _SETS)
    read = 4.0 * _ACTIVE * width
    best["reading"] = read / read_bandwidth(whole.nbytes) * 1e9
    return {
        "rows": count,
        "outputs": width,
        "ns": best,
        "gigabytes_a_second": {name: read / ns for name, ns in best.items()},
    }


def _check(ways: dict[str, Callable[[], object]], x: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    for name, way in ways.items():
        x[:] = 0
        way()
        if not np.array_equal(x, expected):
            raise StreamsnnError(f"adding rows with {name} gives wrong sums", hint="report it")


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """What was measured, as one table."""
    names = {"numba_loop": "numba's loop", "c_loop": "C, -O3", "registers": "in registers", "reading": "reading"}
    rows = []
    for one in result["sizes"]:
        cells = [
            f"{one['ns'][name] / 1e3:.2f} us, {one['gigabytes_a_second'][name]:.0f} GB/s" if name in one["ns"] else "-"
            for name in names
        ]
        gain = one["ns"]["numba_loop"] / one["ns"]["registers"]
        rows.append([f"{one['rows']} x {one['outputs']}", *cells, f"{gain:.2f}"])
    title = f"adding {result['active_rows']} of the rows of a layer"
    return [(title, ["layer", *names.values(), "registers / numba"], rows)]
