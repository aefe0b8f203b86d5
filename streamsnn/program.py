"""The language that a network is lowered into: the operations, the columns of their table, and a stream's frame.

A network is one int64 table, a row an operation, and one flat buffer of weights; a stream is a frame, which says where
all of these and its own state lie. Every network therefore shares the same machine code (`walk.py`), compiled once a
machine and kept on disk.

A signal is a list of indices that are active, and where it is real a list of their values. Synapses turn a signal into
currents, one number a neuron, and mark the pixels that they touch; neurons turn currents into the next signal. SPREAD
and GATHER stand where layers meet otherwise. Indices are pixel-major, (y * width + x) * channels + channel; a flat
population is one pixel with as many channels as it has neurons. Neurons of a pixel lie side by side: a spike adds
contiguous rows, and a pixel that sleeps, because nothing reaches it and nothing in it moves, costs nothing.
"""

from __future__ import annotations

# Operations. From SLIDING_PSN on they are populations of neurons.
SPREAD, LINEAR, CONVOLVE, POOL, FLATTEN, GATHER = 0, 1, 2, 3, 4, 5
SLIDING_PSN, MASKED_PSN, PARALIF, RESONATOR, LIF, ALIF, CUBA_LIF, LI, DOUBLE_LI = 10, 11, 12, 13, 14, 15, 16, 17, 18
POPULATIONS = {
    "sliding-psn": SLIDING_PSN,
    "masked-psn": MASKED_PSN,
    "paralif": PARALIF,
    "resonator": RESONATOR,
    "lif": LIF,
    "alif": ALIF,
    "cuba-lif": CUBA_LIF,
    "li": LI,
    "paralif-readout": DOUBLE_LI,
}

# Columns that every row has: what it does, how many numbers leave it, and in how many channels of how many pixels.
OP, SIZE, CHANNELS, PIXELS = 0, 1, 2, 3
# Synapses. Weights, the float64 scale of each output, and biases begin at these places of the buffer of weights,
# counted in 4 bytes; no bias is -1.
WEIGHT, SCALE, BIAS, IN_CHANNELS, IN_HEIGHT, IN_WIDTH, HEIGHT, WIDTH, KERNEL, STRIDE, PADDING = range(4, 15)
# Populations. BUFFER is the frame's field that holds their state, at STATE and PITCH a pixel, both counted in 4 bytes;
# a pixel has WORDS whole numbers besides. RESTLESS is 1 where neurons may move without input and are always stepped.
# A state that is a RING of so many inputs has PITCH a plane of them, and is followed by as many planes of SPAN notes.
# Planes of marks, a bit a pixel, follow the bits of what is awake.
CONSTANT, RECURRENT, RECURRENT_SCALE, BUFFER, STATE, PITCH = range(4, 10)
WORD, WORDS, AWAKE, FIRED, COUNT, SEED, RESTLESS, RING, SPAN = range(10, 19)
COLUMNS = 19

# Fields of a frame: addresses, and sizes where they are needed.
TABLE, ROWS, WEIGHTS, INPUT_CHANNELS, INPUT_PIXELS = range(5)
FLOATS, DOUBLES, COUNTERS, WORD_STATE, AWAKE_STATE, FIRED_STATE, COUNTS = range(5, 12)
CURRENT, TOUCHED, INDICES, VALUES, ROOM, SORTED, STARTS = range(12, 19)
OPERATIONS, SCORES, CLASSES, HORIZON = range(19, 23)
# One more than the number of values that wait to be the next input, or 0; and for a batch of STREAMS, its own frame
# besides those of its streams, where their frames are and where each stream's addresses end.
VALUES_READY, STREAMS, FRAMES, ENDS = range(23, 27)
FIELDS = 27

CLOCK = 0
"""The counter that counts a stream's steps; seeds of stochastic populations follow."""

# What a step answers.
OK, ADDRESS_OUT_OF_RANGE, NO_ROOM, BEYOND_HORIZON = range(4)
ANSWERS = 4
