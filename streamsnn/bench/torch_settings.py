"""How torch runs while it is timed: one thread, nothing recorded for gradients, denormal numbers as zero."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def fast_inference() -> Iterator[None]:
    """The settings in which small steps are fastest; what was set before comes back afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    # In silence membranes decay into denormal numbers, with which a processor is many times slower.
    torch.set_flush_denormal(True)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def limit_compilers() -> None:
    """Keep torch.compile from leaving a pool of compiler processes running beside what is timed."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
