"""What compiled code needs and numba has no words for: memory by its address, vectors in registers, the lowest bit of a
word, and arithmetic that rounds denormal numbers to zero.

Addresses are int64. Whoever passes one keeps the memory alive and vouches for its size: nothing is checked here.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
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

_I32, _I64, _F32, _F64 = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
_BYTES = ir.IntType(8).as_pointer()

LANES = 16
"""Rows of weights are padded to a multiple of so many int32: one cache line."""

_PREFETCH_ROWS = 4
"""Rows are asked for so many rows ahead: without, those beyond the first cache came up to a quarter slower."""


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


def _comparison(sign: str) -> Any:
    """An intrinsic that compares `LANES` float64 at a place with a limit: one bit each, the first is the lowest."""
    vector, mask = ir.VectorType(_F64, LANES), ir.IntType(LANES)

    @intrinsic  # type: ignore[untyped-decorator]
    def compare(context: Any, place: Any, limit: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            numbers = builder.load(_place(builder, arguments[0], 0, vector), align=8)
            limits = _spread(builder, arguments[1], vector)
            return builder.zext(builder.bitcast(builder.fcmp_ordered(sign, numbers, limits), mask), _I64)

        return types.uint64(types.int64, types.float64), generate

    return compare


above, reaching = _comparison(">"), _comparison(">=")


def _place(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    return builder.inttoptr(builder.add(address, ir.Constant(_I64, offset)), kind.as_pointer())


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    """`value` in every lane of a `vector`."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count))


def _over_rows(
    builder: Any, rows: Any, indices: Any, n: Any, pitch: Any, start: list[Any], grow: Callable[..., Any]
) -> Any:
    """Build a loop over n > 0 rows: values begin as `start` and become `grow(number, row address, values)`, and in the
    end the result.
    """
    before = builder.block
    loop, after = builder.append_basic_block("rows"), builder.append_basic_block("sums")
    builder.branch(loop)
    builder.position_at_end(loop)
    number = builder.phi(_I64)
    number.add_incoming(ir.Constant(_I64, 0), before)
    old = [builder.phi(value.type) for value in start]
    for held, value in zip(old, start, strict=True):
        held.add_incoming(value, before)

    def row_of(place: Any) -> Any:
        at = builder.add(indices, builder.mul(place, ir.Constant(_I64, 4)))
        index = builder.load(builder.inttoptr(at, _I32.as_pointer()), align=4)
        return builder.add(rows, builder.mul(builder.sext(index, _I64), pitch))

    ahead = builder.add(number, ir.Constant(_I64, _PREFETCH_ROWS))
    coming = row_of(builder.select(builder.icmp_signed("<", ahead, n), ahead, number))
    new = grow(number, row_of(number), coming, old)
    following = builder.add(number, ir.Constant(_I64, 1))
    number.add_incoming(following, loop)
    for held, value in zip(old, new, strict=True):
        held.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, n), loop, after)
    builder.position_at_end(after)
    return new


def _row_adder(width: int) -> Any:
    """An intrinsic that adds n > 0 rows to `width` sums, which stay in registers meanwhile."""
    lanes = min(width, LANES)
    stored, whole, real = (ir.VectorType(kind, lanes) for kind in (_I32, _I64, _F64))
    parts = range(width // lanes)

    @intrinsic  # type: ignore[untyped-decorator]
    def add(context: Any, x: Any, rows: Any, scale: Any, indices: Any, n: Any, pitch: Any) -> Any:
        def generate(target: Any, builder: Any, _: Any, arguments: Any) -> Any:
            x, rows, scale, indices, n, pitch = arguments
            prefetch = builder.module.declare_intrinsic(
                "llvm.prefetch", [_BYTES], ir.FunctionType(ir.VoidType(), [_BYTES, _I32, _I32, _I32])
            )

            def grow(_: Any, row: Any, coming: Any, old: list[Any]) -> list[Any]:
                for line in range(0, 4 * width, 64):
                    hints = [ir.Constant(_I32, number) for number in (0, 3, 1)]
                    builder.call(prefetch, [_place(builder, coming, line, ir.IntType(8)), *hints])
                weights = [builder.load(_place(builder, row, 4 * lanes * k, stored), align=4) for k in parts]
                return [builder.add(old[k], builder.sext(weights[k], whole)) for k in parts]

            zeros = [ir.Constant(whole, [0] * lanes) for _ in parts]
            total = _over_rows(builder, rows, indices, n, pitch, zeros, grow)
            for k in parts:
                place = _place(builder, x, 8 * lanes * k, real)
                unit = builder.load(_place(builder, scale, 8 * lanes * k, real), align=8)
                sums = builder.fmul(builder.sitofp(total[k], real), unit)
                builder.store(builder.fadd(builder.load(place, align=8), sums), place, align=8)
            return target.get_dummy_value()

        return types.void(*[types.int64] * 6), generate

    return add


def _weighted_adder(width: int) -> Any:
    """An intrinsic that adds n > 0 rows of float32, each times its weight, to `width` sums, which stay in registers."""
    lanes = min(width, LANES)
    stored, real = (ir.VectorType(kind, lanes) for kind in (_F32, _F64))
    parts = range(width // lanes)

    @intrinsic  # type: ignore[untyped-decorator]
    def add(context: Any, x: Any, rows: Any, weights: Any, indices: Any, n: Any, pitch: Any) -> Any:
        def generate(target: Any, builder: Any, _: Any, arguments: Any) -> Any:
            x, rows, weights, indices, n, pitch = arguments
            places = [_place(builder, x, 8 * lanes * k, real) for k in parts]

            def grow(number: Any, row: Any, _: Any, old: list[Any]) -> list[Any]:
                at = builder.add(weights, builder.mul(number, ir.Constant(_I64, 8)))
                weight = builder.load(builder.inttoptr(at, _F64.as_pointer()), align=8)
                spread = _spread(builder, weight, real)
                numbers = [builder.load(_place(builder, row, 4 * lanes * k, stored), align=4) for k in parts]
                return [builder.fadd(old[k], builder.fmul(spread, builder.fpext(numbers[k], real))) for k in parts]

            start = [builder.load(place, align=8) for place in places]
            total = _over_rows(builder, rows, indices, n, pitch, start, grow)
            for k in parts:
                builder.store(total[k], places[k], align=8)
            return target.get_dummy_value()

        return types.void(*[types.int64] * 6), generate

    return add


_add_128, _add_64, _add_32, _add_16 = (_row_adder(width) for width in (128, 64, 32, 16))


@compiled()
def add_rows(x: int, rows: int, scale: int, indices: int, n: int, width: int) -> None:
    """Add the rows `indices` (n,) int32 of int32 `rows` (any, width), times float64 `scale` (width,), to float64 `x`.

    All are addresses; `width` is a multiple of `LANES`. Whole numbers are summed in int64, exactly, and therefore to
    the same in any order. Sums stay in registers, so that nothing but weights is read; numba's own loops would go back
    to memory for every row.
    """
    if n <= 0:
        return
    pitch = 4 * width
    place = 0
    while place < width:
        left = width - place
        some, these, units = x + 8 * place, rows + 4 * place, scale + 8 * place
        if left >= 128:
            _add_128(some, these, units, indices, n, pitch)
            place += 128
        elif left >= 64:
            _add_64(some, these, units, indices, n, pitch)
            place += 64
        elif left >= 32:
            _add_32(some, these, units, indices, n, pitch)
            place += 32
        else:
            _add_16(some, these, units, indices, n, pitch)
            place += 16


_weigh_64, _weigh_32, _weigh_16 = (_weighted_adder(width) for width in (64, 32, 16))


@compiled()
def add_weighted_rows(x: int, rows: int, weights: int, indices: int, n: int, width: int) -> None:
    """Add the rows `indices` (n,) int32 of float32 `rows` (any, width), times float64 `weights` (n,), to float64 `x`.

    All are addresses. Each sum takes its rows in the order of `indices`, in registers.
    """
    if n <= 0:
        return
    pitch = 4 * width
    place = 0
    while width - place >= 64:
        _weigh_64(x + 8 * place, rows + 4 * place, weights, indices, n, pitch)
        place += 64
    if width - place >= 32:
        _weigh_32(x + 8 * place, rows + 4 * place, weights, indices, n, pitch)
        place += 32
    if width - place >= 16:
        _weigh_16(x + 8 * place, rows + 4 * place, weights, indices, n, pitch)
        place += 16
    if place < width:
        sums = float64s(x + 8 * place, width - place)
        numbers, factors = int32s(indices, n), float64s(weights, n)
        for j in range(n):
            row = float32s(rows + 4 * (numbers[j] * width + place), width - place)
            for i in range(width - place):
                sums[i] += factors[j] * row[i]


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
