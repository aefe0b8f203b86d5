"""The compiled step of a whole network: one walk through its table, with no interpreter lock and no allocation.

Importing this module compiles it, for up to half a minute where no earlier run has: only `Network.warm_up` does. There
is one way in, so that all of this is compiled once.
"""

from __future__ import annotations

import numpy as np
from numba import int32, int64, types
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.compiled import compiled, part
from streamsnn.convolution import convolve_by_pixel, convolve_by_spike, dense_is_cheaper
from streamsnn.intrinsics import (
    address,
    begin_flushing,
    end_flushing,
    float32s,
    float64s,
    int32s,
    int64s,
    lowest_bit,
    uint64s,
)
from streamsnn.neurons.alif import step_alif
from streamsnn.neurons.cuba_lif import step_cuba
from streamsnn.neurons.integrator import step_double_li, step_li
from streamsnn.neurons.lif import step_lif
from streamsnn.neurons.paralif import step_paralif, step_recurrent_paralif
from streamsnn.neurons.psn import step_masked
from streamsnn.neurons.resonate import step_resonator
from streamsnn.neurons.sliding_psn import step_sliding
from streamsnn.registers import add_rows
from streamsnn.synapses import (
    add_bias,
    flatten,
    gather,
    link,
    padded,
    pool,
    spread,
    take_addresses,
)

_ONE, _NONE = np.uint64(1), np.uint64(0)


@part
def _synapses(
    frame: NDArray[np.int64],
    row: NDArray[np.int64],
    signal: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    real: bool,
) -> int:
    """From a signal to currents; returns the synaptic operations."""
    op = row[program.OP]
    weights, current = frame[program.WEIGHTS], frame[program.CURRENT]
    touched = uint64s(frame[program.TOUCHED], (row[program.PIXELS] + 63) >> 6)
    if row[program.BIAS] >= 0:
        add_bias(row, weights, current, touched)
    operations = 0
    if n == 0:
        return operations
    if op == program.SPREAD:
        spread(row, weights, signal, values, n, real, float64s(current, row[program.SIZE]), touched)
    elif op == program.LINEAR:
        operations = link(row, weights, address(signal), values, n, real, current, touched)
    elif not real and dense_is_cheaper(row, n):
        entries = int32s(frame[program.SORTED], 2 * n)
        starts = int32s(frame[program.STARTS], row[program.IN_HEIGHT] * row[program.IN_WIDTH] + 1)
        operations = convolve_by_pixel(row, weights, signal, n, current, touched, entries, starts)
    else:
        operations = convolve_by_spike(row, weights, signal, values, n, real, current, touched)
    return operations


@part
def _neurons(
    frame: NDArray[np.int64],
    row: NDArray[np.int64],
    before: int,
    accumulates: NDArray[np.int64],
    multiplies: NDArray[np.int64],
) -> int:
    """Step the pixels of a population that are touched or awake; returns how many neurons fired.

    The synaptic operations of its recurrence go to the first place of `accumulates` or of `multiplies`.
    """
    op, channels, pixels = row[program.OP], row[program.CHANNELS], row[program.PIXELS]
    pitch, words = row[program.PITCH], row[program.WORDS]
    constants = frame[program.WEIGHTS] + 4 * row[program.CONSTANT]
    recurrent = row[program.RECURRENT]
    rows = frame[program.WEIGHTS] + 4 * recurrent
    scale = frame[program.WEIGHTS] + 4 * row[program.RECURRENT_SCALE]
    state = frame[row[program.BUFFER]] + 4 * row[program.STATE]
    word_state = frame[program.WORD_STATE] + 8 * row[program.WORD]
    current = frame[program.CURRENT]
    fired = int32s(frame[program.FIRED_STATE] + 4 * row[program.FIRED], row[program.SIZE])
    groups = (pixels + 63) >> 6
    touched = uint64s(frame[program.TOUCHED], groups)
    awake = uint64s(frame[program.AWAKE_STATE] + 8 * row[program.AWAKE], groups)
    counters = int64s(frame[program.COUNTERS], row[program.SEED] + 1)
    clock = counters[program.CLOCK]
    seed = counters[row[program.SEED]]
    restless = row[program.RESTLESS] != 0
    # The signal that came in has been added up: its place is free.
    numbers = int32s(frame[program.INDICES], frame[program.ROOM])
    values = float64s(frame[program.VALUES], frame[program.ROOM])
    if recurrent >= 0 and op != program.PARALIF and before > 0:
        add_rows(current, rows, scale, address(fired), before, padded(channels))
        accumulates[0] = before * channels
        touched[0] |= _ONE
    # Of one type from the start: numba would compile what takes it once for every type on the way.
    count = np.int64(0)
    for group in range(groups):
        todo = touched[group] | awake[group]
        if todo == _NONE:
            continue
        still = todo
        # What integrates and does not fire leaves currents behind.
        touched[group] = todo if op >= program.LI else _NONE
        while todo != _NONE:
            low = lowest_bit(todo)
            bit = _ONE << np.uint64(low)
            todo ^= bit
            pixel = 64 * group + low
            first = pixel * channels
            x = float64s(current + 8 * first, channels)
            s = state + 4 * pixel * pitch
            w = int64s(word_state + 8 * pixel * words, words)
            is_awake = True
            if op == program.LIF:
                count, is_awake = step_lif(x, constants, s, w, clock, fired, count, first)
            elif op == program.RESONATOR:
                count, is_awake = step_resonator(x, constants, s, fired, count, first)
            elif op == program.PARALIF:
                if recurrent >= 0:
                    count, is_awake, used = step_recurrent_paralif(
                        x, constants, rows, scale, s, seed, clock, numbers, values, fired
                    )
                    if float32s(constants, 2)[1] != 0:
                        multiplies[0] = used * channels
                    else:
                        accumulates[0] = used * channels
                else:
                    draws = 2 * clock * row[program.SIZE] + row[program.SIZE] + first
                    count, is_awake = step_paralif(x, constants, s, seed, draws, fired, count, first)
            elif op == program.CUBA_LIF:
                count, is_awake = step_cuba(x, constants, s, fired, count, first)
            elif op == program.ALIF:
                count, is_awake = step_alif(x, constants, s, fired, count, first)
            elif op == program.MASKED_PSN:
                count = step_masked(x, constants, s, clock, fired, count, first)
            elif op == program.LI:
                step_li(x, constants, s)
            else:
                step_double_li(x, constants, s)
            if not (is_awake or restless):
                still ^= bit
        awake[group] = still
    return int(count)


@part
def _sliding(frame: NDArray[np.int64], row: NDArray[np.int64]) -> int:
    """Step a population of sliding PSNs; returns how many neurons fired."""
    pixels, pitch, ring, span = row[program.PIXELS], row[program.PITCH], row[program.RING], row[program.SPAN]
    state = frame[program.FLOATS] + 4 * row[program.STATE]
    groups = (pixels + 63) >> 6
    awake = frame[program.AWAKE_STATE] + 8 * row[program.AWAKE]
    # The signal that came in has been added up: its place is free.
    return step_sliding(  # type: ignore[no-any-return]
        frame[program.CURRENT],
        frame[program.WEIGHTS] + 4 * row[program.CONSTANT],
        state,
        pitch,
        state + 4 * ring * pitch,
        span,
        uint64s(frame[program.TOUCHED], groups),
        uint64s(awake, groups),
        uint64s(awake + 8 * groups, ring * groups),
        pixels,
        row[program.CHANNELS],
        ring,
        int64s(frame[program.COUNTERS], 1)[program.CLOCK] % ring,
        row[program.RESTLESS] != 0,
        int32s(frame[program.INDICES], frame[program.ROOM]),
        float64s(frame[program.VALUES], frame[program.ROOM]),
        int32s(frame[program.FIRED_STATE] + 4 * row[program.FIRED], row[program.SIZE]),
    )


@part
def _walk(frame: NDArray[np.int64], n: np.int64, real: bool) -> None:
    """One step whose input are n indices, with values where it is `real`."""
    lines = frame[program.ROWS]
    table = int64s(frame[program.TABLE], lines * program.COLUMNS)
    indices = int32s(frame[program.INDICES], frame[program.ROOM])
    values = float64s(frame[program.VALUES], frame[program.ROOM])
    accumulates = int64s(frame[program.OPERATIONS], lines)
    multiplies = int64s(frame[program.OPERATIONS] + 8 * lines, lines)
    accumulates[:] = 0
    multiplies[:] = 0
    counts = int64s(frame[program.COUNTS], lines)
    signal = indices
    for line in range(lines):
        row = table[line * program.COLUMNS : (line + 1) * program.COLUMNS]
        op, size = row[program.OP], row[program.SIZE]
        if op >= program.SLIDING_PSN:
            before = counts[row[program.COUNT]]
            if op == program.SLIDING_PSN:
                n = _sliding(frame, row)
            else:
                n = _neurons(frame, row, before, accumulates[line:], multiplies[line:])
            counts[row[program.COUNT]] = n
            signal = int32s(frame[program.FIRED_STATE] + 4 * row[program.FIRED], size)
            real = False
        elif op == program.GATHER:
            n = gather(float64s(frame[program.CURRENT], size), indices, values)
            # Whoever comes next reads the values, not the marks.
            uint64s(frame[program.TOUCHED], (row[program.PIXELS] + 63) >> 6)[:] = _NONE
            signal, real = indices, True
        elif op == program.FLATTEN:
            flatten(row, signal, values, n, real, indices, values)
            signal = indices
        elif op == program.POOL:
            n = pool(row, signal, values, n, real, indices, values)
            signal = indices
        else:
            used = _synapses(frame, row, signal, values, n, real)
            if real:
                multiplies[line] = used
            else:
                accumulates[line] = used
    classes = frame[program.CLASSES]
    scores = float32s(frame[program.SCORES], classes)
    x = float64s(frame[program.CURRENT], classes)
    for i in range(classes):
        scores[i] = x[i]
        x[i] = 0
    uint64s(frame[program.TOUCHED], 1)[0] = _NONE
    int64s(frame[program.COUNTERS], 1)[program.CLOCK] += 1


_ADDRESSES = types.Array(int32, 1, "C", readonly=True)


@compiled(int64(int64, _ADDRESSES))
def advance(frame_address: int, addresses: NDArray[np.int32]) -> int:
    """Take one step of the stream, or of each stream of the batch, that the frame at `frame_address` describes.

    `addresses` are what was active; those of the streams of a batch follow one another. Where a frame's VALUES_READY
    says so, its input is the values that lie in its work space. Returns OK, or for the first stream i that is wrong
    ANSWERS * i + what is wrong: those before it have then stepped, and neither it nor those after it have.
    """
    head = int64s(frame_address, program.FIELDS)
    streams = max(head[program.STREAMS], 1)
    mode = begin_flushing()
    answer: int = program.OK
    begin = np.int64(0)
    for i in range(streams):
        frame, end = head, np.int64(addresses.size)
        if head[program.STREAMS] > 0:
            frame = int64s(int64s(head[program.FRAMES], streams)[i], program.FIELDS)
            end = int64s(head[program.ENDS], streams)[i]
        n = frame[program.VALUES_READY] - 1
        real = n >= 0
        if int64s(frame[program.COUNTERS], 1)[program.CLOCK] >= frame[program.HORIZON]:
            answer = program.ANSWERS * i + program.BEYOND_HORIZON
            break
        if not real:
            n = end - begin
            if n > frame[program.ROOM]:
                answer = program.ANSWERS * i + program.NO_ROOM
                break
            if not take_addresses(
                addresses[begin:end],
                frame[program.INPUT_CHANNELS],
                frame[program.INPUT_PIXELS],
                int32s(frame[program.INDICES], n),
            ):
                answer = program.ANSWERS * i + program.ADDRESS_OUT_OF_RANGE
                break
        frame[program.VALUES_READY] = 0
        _walk(frame, n, real)
        begin = end
    end_flushing(mode)
    return answer
