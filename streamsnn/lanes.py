"""Sixteen numbers at once, as a type that compiled code may calculate with: `Floats` (float32) and `Words` (uint32).

numba turns a loop over arrays into vector instructions only when it can prove that no two of them overlap, which it
gives up on beyond a few. Code that is written in lanes needs no proof. All lanes are computed with the rounding of a
single number, so results do not depend on which lane something is in.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import models, overload, register_model

from streamsnn.intrinsics import LANES, in_every_lane, intrinsic, pointer_to

# Made at run time, out of a type checker's sight.
_types: Any = types

_F32, _I16, _I32, _I64 = ir.FloatType(), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_FLOATS, _WORDS = ir.VectorType(_F32, LANES), ir.VectorType(_I32, LANES)


class _Lanes(_types.Type):  # type: ignore[misc]
    def __init__(self, name: str, vector: Any) -> None:
        super().__init__(name=name)
        self.vector = vector


Floats, Words = _Lanes("float32 lanes", _FLOATS), _Lanes("uint32 lanes", _WORDS)


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.vector)  # type: ignore[no-untyped-call]


def _operation(result: Any, operands: tuple[Any, ...], emit: Callable[..., Any]) -> Any:
    """An intrinsic that takes `operands` and returns `result`; `emit(builder, *values)` makes its instructions."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return emit(builder, *arguments)

    def typed(context: Any, *_: Any) -> Any:
        return result(*operands), generate

    # numba reads the number of arguments from the signature.
    if len(operands) == 1:
        return intrinsic(lambda context, a: typed(context, a))
    if len(operands) == 2:
        return intrinsic(lambda context, a, b: typed(context, a, b))
    if len(operands) == 3:
        return intrinsic(lambda context, a, b, c: typed(context, a, b, c))
    return intrinsic(lambda context, a, b, c, d: typed(context, a, b, c, d))


def _load(vector: Any) -> Callable[..., Any]:
    return lambda builder, address: builder.load(pointer_to(builder, address, 0, vector), align=4)


def _store(builder: Any, address: Any, value: Any) -> Any:
    builder.store(value, pointer_to(builder, address, 0, value.type), align=4)
    return ir.Constant(_I64, 0)


def _spread(vector: Any) -> Callable[..., Any]:
    return lambda builder, value: in_every_lane(builder, value, vector)


def _muladd(builder: Any, a: Any, b: Any, c: Any) -> Any:
    name = f"llvm.fmuladd.v{LANES}f32"
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), name)
    return builder.call(function, (a, b, c))


def _choose_less(builder: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), yes, no)


def _choose_bit(builder: Any, words: Any, bits: Any, yes: Any, no: Any) -> Any:
    there = builder.icmp_unsigned("!=", builder.and_(words, bits), ir.Constant(_WORDS, [0] * LANES))
    return builder.select(there, yes, no)


def _mask_less(builder: Any, a: Any, b: Any) -> Any:
    return builder.zext(builder.bitcast(builder.fcmp_ordered("<", a, b), _I16), _I64)


def _units(builder: Any, words: Any) -> Any:
    top = builder.lshr(words, ir.Constant(_WORDS, [8] * LANES))
    return builder.fmul(builder.sitofp(top, _FLOATS), ir.Constant(_FLOATS, [2.0**-24] * LANES))


load_floats = _operation(Floats, (types.int64,), _load(_FLOATS))
"""load_floats(address) -> Floats"""
load_words = _operation(Words, (types.int64,), _load(_WORDS))
"""load_words(address) -> Words"""
store_floats = _operation(types.int64, (types.int64, Floats), _store)
"""store_floats(address, floats)"""
spread = _operation(Floats, (types.float32,), _spread(_FLOATS))
"""spread(number): the same float32 in every lane"""
spread_word = _operation(Words, (types.uint32,), _spread(_WORDS))
"""spread_word(word): the same uint32 in every lane"""
muladd = _operation(Floats, (Floats, Floats, Floats), _muladd)
"""muladd(a, b, c): a * b + c, rounded once where the machine can"""
choose_less = _operation(Floats, (Floats, Floats, Floats, Floats), _choose_less)
"""choose_less(a, b, yes, no): lane by lane, `yes` where a < b, else `no`"""
choose_bit = _operation(Floats, (Words, Words, Floats, Floats), _choose_bit)
"""choose_bit(words, bits, yes, no): lane by lane, `yes` where a bit of `bits` is set in `words`, else `no`"""
whole = _operation(Words, (Floats,), lambda builder, floats: builder.fptoui(floats, _WORDS))
"""whole(floats): as words, what is behind the point cut off; for numbers from 0 to 2^31"""
mask_less = _operation(types.uint64, (Floats, Floats), _mask_less)
"""mask_less(a, b): a bit a lane, the first the lowest, set where a < b"""
units = _operation(Floats, (Words,), _units)
"""units(words): numbers in [0, 1) from the upper 24 bits of each word"""


def _binary(function: Any, kind: Any, emit: Callable[..., Any]) -> None:
    operation = _operation(kind, (kind, kind), emit)

    # numba compares its parameters with those of what it returns, annotations included.
    @overload(function, inline="always")
    def of_lanes(a, b):  # type: ignore[no-untyped-def]
        if a == kind and b == kind:
            return lambda a, b: operation(a, b)
        return None


_binary(operator.add, Floats, lambda builder, a, b: builder.fadd(a, b))
_binary(operator.sub, Floats, lambda builder, a, b: builder.fsub(a, b))
_binary(operator.mul, Floats, lambda builder, a, b: builder.fmul(a, b))
_binary(operator.truediv, Floats, lambda builder, a, b: builder.fdiv(a, b))
_binary(operator.mul, Words, lambda builder, a, b: builder.mul(a, b))
_binary(operator.xor, Words, lambda builder, a, b: builder.xor(a, b))
_binary(operator.rshift, Words, lambda builder, a, b: builder.lshr(a, b))
