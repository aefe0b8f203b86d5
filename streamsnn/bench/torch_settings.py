"""How torch runs while it is timed: one thread, nothing recorded for gradients, denormal numbers as zero."""

from __future__ import annotations

import contextlib
import itertools
import os
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

_numbers = itertools.count()


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


def compile_alone(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`torch.compile` of a plain function, apart from all others that were made by the same lines.

    torch keeps what it compiles by code object, looks through all of it at every call, and gives up after a few. What
    is compiled here has a code object of its own.
    """
    # A pool of compiler processes would go on running beside what is timed.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    code = function.__code__.replace(co_name=f"{function.__name__}_{next(_numbers)}")
    own = types.FunctionType(code, function.__globals__, code.co_name, function.__defaults__, function.__closure__)
    compiled: Callable[..., Any] = torch.compile(own, dynamic=False, **options)
    return compiled
