"""The compiled inner loops of EVT2 and EVT2.1. Imported only when a file is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import Events

State = NDArray[np.void]
"""An `evt2.STATE`: one record that carries a loop on from block to block; all zeros is where it begins."""
Seen = NDArray[np.void]
"""A `tidy.SEEN`, which is told what came out: the step to the first event is from where the clock was before."""

VECTOR_SIZE = 32  # Events that one EVT2.1 word can hold.

_EVENTS = np.uint32(0x20000000)  # CD_OFF and CD_ON are below.
_MASK = (1 << 28) - 1
_HALF = 1 << 27
_BACK = 1 << 14  # Units of 64 us. So little behind is a step back, also across the wrap; further ahead than this may
_RETURN = 1 << 14  # be a corrupt word, and is if the next one comes back to where the clock was before, or this far on.
_LEAK = 16  # Reserved words that are more frequent than 1 in _LEAK ...
_FULL = 4096  # ... for so many words in a row mean that this is no such stream (any more).


@compiled()
def _tell_time(state: State, now: np.int64) -> None:
    """TIME_HIGH is the clock: 28 bits that count 64 us and go round every 2^34 us. The shorter way round is taken, but
    for the way back from a single wrong word to where the clock was before it."""
    s = state[0]
    ahead = (now - s.high) & _MASK
    if not s.dated:
        s.dated = True
    elif ahead > _MASK - _BACK and (now < s.high or s.loop > 0):
        s.loop -= now > s.high
    elif s.doubtful and (now - s.before_high) & _MASK <= _RETURN:
        s.loop = s.before_loop + (now < s.before_high)
        s.doubtful = False
    else:
        s.doubtful = ahead > _BACK
        s.before_high = s.high
        s.before_loop = s.loop
        s.loop += now < s.high and ahead < _HALF
    s.high = now


@compiled()
def _reserved(state: State, at: int) -> bool:
    """Count a word of an unknown kind; whether there were too many."""
    s = state[0]
    s.reserved += 1
    s.reserved_level = max(0, s.reserved_level - (at - s.reserved_at)) + _LEAK
    s.reserved_at = at
    return bool(s.reserved_level > _FULL)


@compiled()
def decode_evt2(words: NDArray[np.uint32], state: State, out: Events, seen: Seen) -> int:
    """Decode all words: how many events came out, or -1 - that once the words make no sense any more.

    `out` is as long as `words`, at least. `state.reserved_at` then says where, counted from the file's first word.
    """
    s = state[0]
    high = s.high
    t = (s.loop << 34) | (high << 6)
    before = t
    most_x = most_y = np.uint32(0)
    longest = np.uint64(0)
    # Numbers without a sign save a look at each whether it is negative: a quarter of the time.
    events = _EVENTS if s.dated else np.uint32(0)  # What is less is an event.
    count = np.uint64(0)
    undated = 0
    sense = True
    for i in range(words.shape[0]):
        word = words[i]
        if word < events:
            now = t | np.int64((word >> np.uint32(22)) & np.uint32(0x3F))
            x, y = (word >> np.uint32(11)) & np.uint32(0x7FF), word & np.uint32(0x7FF)
            most_x, most_y, longest = max(most_x, x), max(most_y, y), max(longest, np.uint64(now - before))
            before = now
            event = out[count]
            event.t = now
            event.x = x
            event.y = y
            event.p = word >= np.uint32(0x10000000)  # CD_ON and not CD_OFF
            count += np.uint64(1)
            continue
        kind = word >> np.uint32(28)
        if kind == 8:  # TIME_HIGH
            told = np.int64(word & np.uint32(0xFFFFFFF))
            if told != high or events == 0:
                _tell_time(state, told)
                high = told
                events = _EVENTS
                t = (s.loop << 34) | (high << 6)
        elif kind < 2:
            undated += 1
        elif (kind < 8 or kind == 9 or 11 <= kind < 14) and _reserved(state, s.words + i + 1):
            sense = False
            break
        # EXT_TRIGGER, OTHERS and CONTINUED carry no event of a pixel.
    s.undated += undated
    s.words += words.shape[0]
    seen[0].x = most_x
    seen[0].y = most_y
    seen[0].step_us = longest
    return np.int64(count) if sense else -1 - np.int64(count)  # type: ignore[return-value]


@compiled()
def decode_evt21(words: NDArray[np.uint32], high_first: bool, begin: int, state: State, out: Events) -> tuple[int, int]:
    """Decode the pairs of words[2 * begin:] until they end or `out` may hold no more vector: how many pairs are done,
    and how many events came out. The first number is -1 once the words make no sense any more."""
    s = state[0]
    t = (s.loop << 34) | (s.high << 6)
    dated = s.dated
    count = 0
    total = words.shape[0] // 2
    i = begin
    while i < total and count + VECTOR_SIZE <= out.shape[0]:
        word = words[2 * i] if high_first else words[2 * i + 1]
        mask = words[2 * i + 1] if high_first else words[2 * i]
        i += 1
        if word < 0x20000000:  # EVT_NEG, EVT_POS
            now = t | np.int64((word >> np.uint32(22)) & np.uint32(0x3F))
            x = np.int64((word >> np.uint32(11)) & np.uint32(0x7FF))
            y = word & np.uint32(0x7FF)
            while mask != 0:
                if mask & np.uint32(1):
                    if dated:
                        event = out[count]
                        event.t = now
                        event.x = x
                        event.y = y
                        event.p = word >= 0x10000000
                        count += 1
                    else:
                        s.undated += 1
                x += 1
                mask >>= np.uint32(1)
        elif 0x80000000 <= word < 0x90000000:  # TIME_HIGH
            high = np.int64(word & np.uint32(0xFFFFFFF))
            if high != s.high or not dated:
                _tell_time(state, high)
                dated = True
                t = (s.loop << 34) | (high << 6)
        elif (word < 0x80000000 or 0x90000000 <= word < 0xA0000000 or 0xB0000000 <= word < 0xE0000000) and _reserved(
            state, s.words + i
        ):
            i = -1
            break
    return i, count
