"""The compiled inner loops of the formats. Imported only when a file is read, since numba takes its time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamsnn.formats.tidy import (
    BELIEVED,
    CLOCK_JUMPS,
    CONFIRM_EVENTS,
    CONFIRM_US,
    JUMP_US,
    LAST,
    MISPLACED,
    OUTSIDE,
    RUN_BACK,
    RUN_EVENTS,
    RUN_FIRST,
    RUN_JUMPS,
    RUN_LAST,
    RUN_MARK,
    RUN_SHIFT,
    SHIFT,
    SILENCE_US,
    STEPPED_BACK,
    UNORDERED,
    WINDOW_US,
)
from streamsnn.types import Events

_NEVER_US = 1 << 60  # No clock shows this; and differences of times below it cannot overflow.


@njit(cache=True, nogil=True)
def place(events: Events, begin: int, state: NDArray[np.int64], width: int, height: int) -> int:
    """Apply the rules of `tidy` to events[begin:] in place, carry `state` on, and return how many events remain."""
    kept = begin
    last = state[LAST]
    shift = state[SHIFT]
    believed = state[BELIEVED]
    running = state[RUN_MARK] >= 0
    for i in range(begin, events.shape[0]):
        event = events[i]
        t = event.t
        if event.x >= width or event.y >= height:
            state[OUTSIDE] += 1
            continue
        if t < -_NEVER_US or t > _NEVER_US:
            state[MISPLACED] += 1
            continue
        t += shift
        if believed == 0:
            last = t
        if running:
            run_last = state[RUN_LAST]
            ahead = state[RUN_FIRST] > last
            if t >= run_last - WINDOW_US and (ahead or t < last - WINDOW_US):
                if t - run_last > SILENCE_US:
                    state[RUN_SHIFT] -= t - run_last
                    state[RUN_JUMPS] += 1
                if t < run_last:
                    state[RUN_BACK] += 1
                    state[UNORDERED] = 1
                else:
                    state[RUN_LAST] = t
                state[RUN_EVENTS] += 1
                events[kept] = event
                events[kept].t = t + state[RUN_SHIFT]
                kept += 1
                if state[RUN_EVENTS] >= CONFIRM_EVENTS and state[RUN_LAST] - state[RUN_FIRST] >= CONFIRM_US:
                    last = state[RUN_LAST] + state[RUN_SHIFT]
                    shift += state[RUN_SHIFT]
                    believed += state[RUN_EVENTS]
                    state[STEPPED_BACK] += state[RUN_BACK]
                    state[CLOCK_JUMPS] += state[RUN_JUMPS]
                    running = False
                continue
            state[MISPLACED] += state[RUN_EVENTS]
            kept = state[RUN_MARK]
            running = False
        if last - WINDOW_US <= t <= last + JUMP_US:
            if t < last:
                state[STEPPED_BACK] += 1
                state[UNORDERED] = 1
            else:
                last = t
            believed += 1
            if kept != i:
                events[kept] = event
            events[kept].t = t
            kept += 1
            continue
        running = True
        state[RUN_MARK] = kept
        state[RUN_FIRST] = t
        state[RUN_LAST] = t
        state[RUN_EVENTS] = 1
        state[RUN_BACK] = 0
        state[RUN_JUMPS] = 0
        state[RUN_SHIFT] = 0
        if t < last or t - last > SILENCE_US:
            state[RUN_SHIFT] = last - t
            state[RUN_JUMPS] = 1
        events[kept] = event
        events[kept].t = t + state[RUN_SHIFT]
        kept += 1
    state[LAST] = last
    state[SHIFT] = shift
    state[BELIEVED] = believed
    if not running:
        state[RUN_MARK] = -1
    return kept


@njit(cache=True, nogil=True)
def decode_dat(
    words: NDArray[np.uint32],
    y_shift: int,
    p_shift: int,
    mask_x: int,
    mask_y: int,
    state: NDArray[np.int64],
    out: Events,
) -> None:
    """Records of (time, address) into `out`. `state` is the previous stored time, and that time without wraps."""
    stored = state[0]
    t = state[1]
    for i in range(out.shape[0]):
        address = words[2 * i + 1]
        step = (np.int64(words[2 * i]) - stored) & 0xFFFFFFFF
        if step > 0x80000000:  # Less than half the clock's range back is a step back, more is a wrap.
            step -= 0x100000000
        stored = np.int64(words[2 * i])
        t += step
        event = out[i]
        event.t = t
        event.x = address & mask_x
        event.y = (address >> y_shift) & mask_y
        event.p = (address >> p_shift) != 0
    state[0] = stored
    state[1] = t


# The EVT3 decoder's memory, as indices into one int64 array.
HIGH, LOOP, LOW, Y, X_BASE, POLARITY, READY = 0, 1, 2, 3, 4, 5, 6
BEFORE_HIGH, BEFORE_LOOP = 7, 8
RESERVED, UNDATED, WORD, LEVEL_WORD, LEVEL = 9, 10, 11, 12, 13
EVT3_STATE_SIZE = 14

VECTOR_SIZE = 12  # Events that one word can hold.

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8, TIME_LOW, TIME_HIGH = 0x0, 0x2, 0x3, 0x4, 0x5, 0x6, 0x8

_PLACED, _DATED, _BASED, _PLACED_AND_DATED = (
    1,
    2,
    4,
    3,
)  # Bits of READY: an ADDR_Y, a TIME_HIGH, a VECT_BASE_X has been seen.
_STEP = 64  # Units of 4096 us. So little behind is a step back; further ahead than this may be a corrupt word.
_LEAK = 16  # Reserved words that are more frequent than 1 in _LEAK ...
_FULL = 4096  # ... for so long mean that this is no EVT3 (any more).


@njit(cache=True, nogil=True)
def _tell_time(state: NDArray[np.int64], now: np.int64, first: bool) -> None:
    """TIME_HIGH is the clock: 12 bits that count 4096 us, go round every 2^24 us, and come though nothing happens.

    Any way forward is taken as such, so that sparse streams work too, but for two cases: a little step back, and the
    way back from a single wrong word to where the clock was before it.
    """
    high = state[HIGH]
    before = state[BEFORE_HIGH]
    if first:
        state[BEFORE_HIGH] = -1
    elif (now - high) & 0xFFF >= 0x1000 - _STEP and (now < high or state[LOOP] > 0):
        state[LOOP] -= now > high
    elif before >= 0 and (now - before) & 0xFFF <= _STEP:
        state[LOOP] = state[BEFORE_LOOP] + (now < before)
        state[BEFORE_HIGH] = -1
    else:
        state[BEFORE_HIGH] = high if (now - high) & 0xFFF > _STEP else -1
        state[BEFORE_LOOP] = state[LOOP]
        state[LOOP] += now < high
    state[HIGH] = now


@njit(cache=True, nogil=True)
def decode_evt3(words: NDArray[np.uint16], begin: int, state: NDArray[np.int64], out: Events) -> tuple[int, int]:
    """Decode words[begin:] until they end or `out` is full: how many words are done, and how many events came out.

    The first number is -1 once the words make no sense any more; LEVEL_WORD then says where, counted from the first.
    """
    high = state[HIGH]
    loop = state[LOOP]
    low = state[LOW]
    y = state[Y]
    ready = state[READY]
    clock = (loop << 24) | (high << 12)
    count = 0
    room = out.shape[0] - VECTOR_SIZE
    i = begin
    while i < words.shape[0] and count <= room:
        word = np.int64(words[i])
        i += 1
        kind = word >> 12
        value = word & 0xFFF
        if kind == ADDR_X:
            if ready & _PLACED_AND_DATED == _PLACED_AND_DATED:
                event = out[count]
                event.t = clock | low
                event.x = value & 0x7FF
                event.y = y
                event.p = value > 0x7FF
                count += 1
            else:
                state[UNDATED] += 1
        elif kind == TIME_LOW:
            low = value
        elif kind == ADDR_Y:
            y = value & 0x7FF
            ready |= _PLACED
        elif kind == TIME_HIGH:
            if value != high or ready & _DATED == 0:
                _tell_time(state, value, ready & _DATED == 0)
                ready |= _DATED
                high = state[HIGH]
                loop = state[LOOP]
                clock = (loop << 24) | (high << 12)
        elif kind in (VECT_12, VECT_8):
            width = VECTOR_SIZE if kind == VECT_12 else 8
            for bit in range(width):
                if (value >> bit) & 1:
                    if ready == _PLACED_AND_DATED | _BASED:
                        event = out[count]
                        event.t = clock | low
                        event.x = state[X_BASE] + bit
                        event.y = y
                        event.p = state[POLARITY] != 0
                        count += 1
                    else:
                        state[UNDATED] += 1
            state[X_BASE] = min(state[X_BASE] + width, 0xFF00)  # Vectors that run off the sensor must not come round.
        elif kind == VECT_BASE_X:
            state[X_BASE] = value & 0x7FF
            state[POLARITY] = value >> 11
            ready |= _BASED
        elif kind in (0x1, 0x9, 0xB, 0xC, 0xD):
            state[RESERVED] += 1
            at = state[WORD] + i
            state[LEVEL] = max(0, state[LEVEL] - (at - state[LEVEL_WORD])) + _LEAK
            state[LEVEL_WORD] = at
            if state[LEVEL] > _FULL:
                i = -1
                break
        # CONTINUED_4, CONTINUED_12, EXT_TRIGGER and OTHERS carry no event of a pixel.
    state[LOW] = low
    state[Y] = y
    state[READY] = ready
    return i, count
