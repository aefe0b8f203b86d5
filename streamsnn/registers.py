"""Vectors that stay in registers: loops over short rows in LLVM's language, where numba's own would go back to memory.

All places are addresses, as in `intrinsics`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, in_every_lane, intrinsic, pointer_to

_I32, _I64, _F32, _F64 = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
_BYTES = ir.IntType(8).as_pointer()

_PREFETCH_ROWS = 4
"""Rows are asked for so many rows ahead: without, those beyond the first cache came up to a quarter slower."""


def _comparison(sign: str) -> Any:
    """An intrinsic that compares `LANES` float64 at a place with a limit: one bit each, the first is the lowest."""
    vector, mask = ir.VectorType(_F64, LANES), ir.IntType(LANES)

    @intrinsic  # type: ignore[untyped-decorator]
    def compare(context: Any, place: Any, limit: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            numbers = builder.load(pointer_to(builder, arguments[0], 0, vector), align=8)
            limits = in_every_lane(builder, arguments[1], vector)
            return builder.zext(builder.bitcast(builder.fcmp_ordered(sign, numbers, limits), mask), _I64)

        return types.uint64(types.int64, types.float64), generate

    return compare


above, reaching = _comparison(">"), _comparison(">=")


def _prefetch(builder: Any, place: Any, size: int) -> None:
    """Ask for `size` bytes, which will be read."""
    prefetch = builder.module.declare_intrinsic(
        "llvm.prefetch", [_BYTES], ir.FunctionType(ir.VoidType(), [_BYTES, _I32, _I32, _I32])
    )
    for line in range(0, size, 64):
        hints = [ir.Constant(_I32, number) for number in (0, 3, 1)]
        builder.call(prefetch, [pointer_to(builder, place, line, ir.IntType(8)), *hints])


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

            def grow(_: Any, row: Any, coming: Any, old: list[Any]) -> list[Any]:
                _prefetch(builder, coming, 4 * width)
                weights = [builder.load(pointer_to(builder, row, 4 * lanes * k, stored), align=4) for k in parts]
                return [builder.add(old[k], builder.sext(weights[k], whole)) for k in parts]

            zeros = [ir.Constant(whole, [0] * lanes) for _ in parts]
            total = _over_rows(builder, rows, indices, n, pitch, zeros, grow)
            for k in parts:
                place = pointer_to(builder, x, 8 * lanes * k, real)
                unit = builder.load(pointer_to(builder, scale, 8 * lanes * k, real), align=8)
                sums = builder.fmul(builder.sitofp(total[k], real), unit)
                builder.store(builder.fadd(builder.load(place, align=8), sums), place, align=8)
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


def _halves(builder: Any, vector: Any, choose: Callable[..., Any]) -> Any:
    """The one number that is left of an integer `vector` once `choose(a, b)` has joined its halves again and again."""
    lanes = vector.type.count
    while lanes > 1:
        lanes //= 2
        parts = [ir.Constant(ir.VectorType(_I32, lanes), list(range(k, k + lanes))) for k in (0, lanes)]
        low, high = (builder.shuffle_vector(vector, vector, part) for part in parts)
        vector = choose(low, high)
    return builder.extract_element(vector, ir.Constant(_I32, 0))


def _row_taker(width: int) -> Any:
    """An intrinsic that moves `width` float64 to float32, leaves 0, and returns the bits of the largest magnitude."""
    real, stored, whole = (ir.VectorType(kind, LANES) for kind in (_F64, _F32, _I32))

    @intrinsic  # type: ignore[untyped-decorator]
    def take(context: Any, x: Any, row: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            def larger(a: Any, b: Any) -> Any:
                return builder.select(builder.icmp_signed(">", a, b), a, b)

            most = ir.Constant(whole, [0] * LANES)
            for first in range(0, width, LANES):
                place = pointer_to(builder, arguments[0], 8 * first, real)
                numbers = builder.fptrunc(builder.load(place, align=8), stored)
                builder.store(ir.Constant(real, [0.0] * LANES), place, align=8)
                builder.store(numbers, pointer_to(builder, arguments[1], 4 * first, stored), align=4)
                # Without their sign, floats are in the order of their bits.
                bits = builder.and_(builder.bitcast(numbers, whole), ir.Constant(whole, [0x7FFFFFFF] * LANES))
                most = larger(most, bits)
            return _halves(builder, most, larger)

        return types.int32(types.int64, types.int64), generate

    return take


take_16, take_32, take_64 = (_row_taker(width) for width in (16, 32, 64))


@intrinsic  # type: ignore[untyped-decorator]
def add_lanes(context: Any, sums: Any, numbers: Any, weight: Any) -> Any:
    """add_lanes(sums, numbers, weight): add `LANES` float32 at `numbers`, times a float32, to those at `sums`."""
    vector = ir.VectorType(_F32, LANES)

    def generate(target: Any, builder: Any, _: Any, arguments: Any) -> Any:
        place = pointer_to(builder, arguments[0], 0, vector)
        numbers = builder.load(pointer_to(builder, arguments[1], 0, vector), align=4)
        product = builder.fmul(numbers, in_every_lane(builder, arguments[2], vector))
        builder.store(builder.fadd(builder.load(place, align=4), product), place, align=4)
        return target.get_dummy_value()

    return types.void(types.int64, types.int64, types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def take_lanes_reaching(context: Any, place: Any, limit: Any) -> Any:
    """take_lanes_reaching(place, limit): compare `LANES` float32 with a float32 and leave 0; bits as `reaching`.

    What is not a number reaches everything.
    """
    vector = ir.VectorType(_F32, LANES)

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        pointer = pointer_to(builder, arguments[0], 0, vector)
        numbers = builder.load(pointer, align=4)
        builder.store(ir.Constant(vector, [0.0] * LANES), pointer, align=4)
        found = builder.fcmp_unordered(">=", numbers, in_every_lane(builder, arguments[1], vector))
        return builder.zext(builder.bitcast(found, ir.IntType(LANES)), _I64)

    return types.uint64(types.int64, types.float32), generate


def _row_judge(width: int) -> Any:
    """An intrinsic that adds n > 0 weighted rows of `width` float32 to one start; a bit for each sum that reaches 0."""
    stored, real = (ir.VectorType(kind, LANES) for kind in (_F32, _F64))
    parts = range(width // LANES)
    # Products of two float32 are exact in float64: with and without a fused multiply and add, sums are the same.
    fused = ("contract",)

    @intrinsic  # type: ignore[untyped-decorator]
    def judge(context: Any, start: Any, rows: Any, weights: Any, indices: Any, n: Any, pitch: Any, ahead: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            start, rows, weights, indices, n, pitch, ahead = arguments

            def grow(number: Any, row: Any, _: Any, old: list[Any]) -> list[Any]:
                _prefetch(builder, builder.add(row, ahead), 4 * width)
                at = builder.add(weights, builder.mul(number, ir.Constant(_I64, 8)))
                weight = in_every_lane(builder, builder.load(builder.inttoptr(at, _F64.as_pointer()), align=8), real)
                numbers = [builder.load(pointer_to(builder, row, 4 * LANES * k, stored), align=4) for k in parts]
                products = [builder.fmul(weight, builder.fpext(number, real), flags=fused) for number in numbers]
                return [builder.fadd(sum_, product, flags=fused) for sum_, product in zip(old, products, strict=True)]

            begin = in_every_lane(builder, start, real)
            sums = _over_rows(builder, rows, indices, n, pitch, [begin for _ in parts], grow)
            bits = ir.Constant(_I64, 0)
            for k in parts:
                found = builder.fcmp_ordered(">=", sums[k], ir.Constant(real, [0.0] * LANES))
                some = builder.zext(builder.bitcast(found, ir.IntType(LANES)), _I64)
                bits = builder.or_(bits, builder.shl(some, ir.Constant(_I64, LANES * k)))
            return bits

        return types.uint64(types.float64, *[types.int64] * 6), generate

    return judge


judge_16, judge_32, judge_64 = (_row_judge(width) for width in (16, 32, 64))


@intrinsic  # type: ignore[untyped-decorator]
def step_lif_lanes(
    context: Any, x: Any, v: Any, kept: Any, rate: Any, gain: Any, theta: Any, rest: Any, soft: Any
) -> Any:
    """step_lif_lanes(x, v, kept, rate, gain, theta, rest, soft): one step of `LANES` neurons, see `neurons.lif`.

    `kept` is 1 where nothing has decayed meanwhile. Clears x. Bits say who fired, and from `LANES` on who then still
    reaches the threshold.
    """
    single, double = (ir.VectorType(kind, LANES) for kind in (_F32, _F64))

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        x, v = (pointer_to(builder, arguments[k], 0, kind) for k, kind in enumerate((double, single)))
        kept, rate, gain, theta, rest = (in_every_lane(builder, number, single) for number in arguments[2:7])
        before = builder.load(v, align=4)
        decayed = builder.fadd(rest, builder.fmul(kept, builder.fsub(before, rest)))
        idle = builder.fcmp_ordered("!=", arguments[2], ir.Constant(_F32, 1.0))
        before = builder.select(idle, decayed, before)
        leaked = builder.fsub(before, builder.fmul(builder.fsub(before, rest), rate))
        drive = builder.fmul(builder.load(x, align=8), builder.fpext(gain, double))
        builder.store(ir.Constant(double, [0.0] * LANES), x, align=8)
        # Rounded before it is compared: the threshold is float32, too, and an exact tie must stay one.
        h = builder.fptrunc(builder.fadd(builder.fpext(leaked, double), drive), single)
        fired = builder.fcmp_ordered(">=", h, theta)
        low = builder.select(arguments[7], builder.fsub(h, theta), rest)
        after = builder.select(fired, low, h)
        builder.store(after, v, align=4)
        hot = builder.fcmp_ordered(">=", after, theta)
        bits = [builder.zext(builder.bitcast(some, ir.IntType(LANES)), _I64) for some in (fired, hot)]
        return builder.or_(bits[0], builder.shl(bits[1], ir.Constant(_I64, LANES)))

    return types.uint64(types.int64, types.int64, *[types.float32] * 5, types.boolean), generate
