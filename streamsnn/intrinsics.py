"""What compiled code needs and numba has no words for: memory by its address, the lowest bit of a word, and arithmetic
that rounds denormal numbers to zero.

Addresses are int64. Whoever passes one keeps the memory alive and vouches for its size: nothing is checked here.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray as numba_carray  # type: ignore[attr-defined]
from numba import types
from numba.extending import intrinsic as _intrinsic
from numpy.typing import NDArray

from streamsnn.compiled import compiled

# Made at run time, out of a type checker's sight.
intrinsic: Any = _intrinsic
_carray: Any = numba_carray

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()

LANES = 16
"""Rows of weights are padded to a multiple of so many int32: one cache line."""


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(context: Any, address: Any) -> Any:
    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _BYTES)

    return types.voidptr(types.int64), generate


@compiled()
def address(array: NDArray[Any]) -> int:
    """Where `array` lies."""
    # numba has it unsigned, and a signed number added to it would be taken for a float.
    return np.int64(array.ctypes.data)  # type: ignore[return-value]


@compiled()
def float32s(place: int, size: int) -> NDArray[np.float32]:
    """The `size` float32 at `place`, as an array that owns nothing."""
    view: NDArray[np.float32] = _carray(_pointer(place), (size,), np.float32)
    return view


@compiled()
def float64s(place: int, size: int) -> NDArray[np.float64]:
    """The `size` float64 at `place`."""
    view: NDArray[np.float64] = _carray(_pointer(place), (size,), np.float64)
    return view


@compiled()
def int32s(place: int, size: int) -> NDArray[np.int32]:
    """The `size` int32 at `place`."""
    view: NDArray[np.int32] = _carray(_pointer(place), (size,), np.int32)
    return view


@compiled()
def int64s(place: int, size: int) -> NDArray[np.int64]:
    """The `size` int64 at `place`."""
    view: NDArray[np.int64] = _carray(_pointer(place), (size,), np.int64)
    return view


@compiled()
def uint64s(place: int, size: int) -> NDArray[np.uint64]:
    """The `size` uint64 at `place`."""
    view: NDArray[np.uint64] = _carray(_pointer(place), (size,), np.uint64)
    return view


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(context: Any, word: Any) -> Any:
    """lowest_bit(word: uint64): the number of the lowest bit that is set; 64 for a word without one."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


# The bits that make an x86's SSE and an ARM's floating point unit take and give zero for denormal numbers.
_X86 = platform.machine().lower() in ("x86_64", "amd64")
_ARM = platform.machine().lower() in ("aarch64", "arm64")
_FLUSH = 0x8040 if _X86 else 1 << 24 if _ARM else 0


def _x86_mode(builder: Any, name: str, slot: Any) -> None:
    call = builder.module.declare_intrinsic(f"llvm.x86.sse.{name}", [], ir.FunctionType(ir.VoidType(), [_BYTES]))
    builder.call(call, [builder.bitcast(slot, _BYTES)])


@intrinsic  # type: ignore[untyped-decorator]
def _read_mode(context: Any) -> Any:
    def generate(_: Any, builder: Any, __: Any, ___: Any) -> Any:
        if _X86:
            slot = builder.alloca(_I32)
            _x86_mode(builder, "stmxcsr", slot)
            return builder.zext(builder.load(slot), _I64)
        if _ARM:
            return builder.asm(ir.FunctionType(_I64, []), "mrs $0, fpcr", "=r", [], True)
        return ir.Constant(_I64, 0)

    return types.int64(), generate


@intrinsic  # type: ignore[untyped-decorator]
def _write_mode(context: Any, mode: Any) -> Any:
    def generate(target: Any, builder: Any, __: Any, arguments: Any) -> Any:
        if _X86:
            slot = builder.alloca(_I32)
            builder.store(builder.trunc(arguments[0], _I32), slot)
            _x86_mode(builder, "ldmxcsr", slot)
        elif _ARM:
            builder.asm(ir.FunctionType(ir.VoidType(), [_I64]), "msr fpcr, $0", "r", [arguments[0]], True)
        return target.get_dummy_value()

    return types.void(types.int64), generate


@compiled()
def begin_flushing() -> int:
    """From here on denormal numbers are zero in this thread; returns what `end_flushing` wants."""
    mode: int = _read_mode()
    _write_mode(mode | _FLUSH)
    return mode


@compiled()
def end_flushing(mode: int) -> None:
    """Treat denormal numbers again as before `begin_flushing`."""
    _write_mode(mode)


def pointer_to(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    """In LLVM's language: the `kind` that lies `offset` bytes after `address`."""
    return builder.inttoptr(builder.add(address, ir.Constant(_I64, offset)), kind.as_pointer())


def in_every_lane(builder: Any, value: Any, vector: Any) -> Any:
    """In LLVM's language: a `vector` with `value` in every lane."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count))
