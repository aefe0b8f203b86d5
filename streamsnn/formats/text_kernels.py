"""The compiled inner loop of tables as text. Imported only when one is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import Events

_MOST_DIGITS = 18
_NEVER = 1 << 62  # What no clock shows.


@compiled()
def _scaled(mantissa: Any, power: int) -> Any:
    """mantissa * 10 ** power, to the nearest whole number; beyond all clocks what is too large."""
    while power > 0:
        if mantissa > 400_000_000_000_000_000 or mantissa < -400_000_000_000_000_000:
            return _NEVER if mantissa > 0 else -_NEVER
        mantissa *= 10
        power -= 1
    if power < 0:
        negative = mantissa < 0
        size = -mantissa if negative else mantissa
        while power < -1 and size != 0:
            size //= 10
            power += 1
        if power == -1 or size == 0:
            size = (size + 5) // 10
        mantissa = -size if negative else size
    return mantissa


@compiled()
def parse_rows(
    data: NDArray[np.uint8], roles: NDArray[np.int8], power: int, out: Events, lost: NDArray[np.int64]
) -> int:
    """Rows of numbers, of which each line is one, up to the end of `data`: how many events came out.

    roles[column] is 0 for the time, 1 for x, 2 for y, 3 for the polarity and -1 for what is passed over; 10 ** `power`
    makes us of times. Columns stand behind commas, semicolons, tabs or spaces; double quotes are passed over, and so
    are empty lines and those that begin with # or %. lost[0] counts the bytes of lines that are no such row. `out`
    holds one event a line, and as many as data.size // 6 + 2.
    """
    columns = roles.shape[0]
    last_role = 0
    for column in range(columns):
        if roles[column] >= 0:
            last_role = column
    count = 0
    i = 0
    end = data.shape[0]
    while i < end:
        begin = i
        column = 0
        good = True
        comment = False
        t = np.int64(0)
        x = np.int64(0)
        y = np.int64(0)
        p = True
        while i < end and data[i] != 10:
            byte = data[i]
            if byte == 32 or byte == 9 or byte == 13 or byte == 34:
                i += 1
                continue
            if column == 0 and i == begin and (byte == 35 or byte == 37):
                comment = True
                break
            # A number, or True or False.
            negative = False
            mantissa = np.int64(0)
            exponent = 0
            digits = 0
            seen = False
            if byte == 45 or byte == 43:
                negative = byte == 45
                i += 1
            point = False
            while i < end:
                byte = data[i]
                if 48 <= byte <= 57:
                    seen = True
                    if digits < _MOST_DIGITS:
                        mantissa = mantissa * 10 + (byte - 48)
                        digits += mantissa != 0
                        exponent -= point
                    else:
                        exponent += not point
                elif byte == 46 and not point:
                    point = True
                else:
                    break
                i += 1
            if seen and i < end and (data[i] == 101 or data[i] == 69):  # e, E
                i += 1
                minus = False
                if i < end and (data[i] == 45 or data[i] == 43):
                    minus = data[i] == 45
                    i += 1
                size = 0
                while i < end and 48 <= data[i] <= 57:
                    size = min(size * 10 + (data[i] - 48), 1000)
                    i += 1
                exponent += -size if minus else size
            elif not seen and i < end and (data[i] == 84 or data[i] == 116 or data[i] == 70 or data[i] == 102):
                seen = True
                mantissa = np.int64(data[i] == 84 or data[i] == 116)
                while i < end and (65 <= data[i] <= 90 or 97 <= data[i] <= 122):
                    i += 1
            if negative:
                mantissa = -mantissa
            # What follows must be a separator or the line's end.
            while i < end and (data[i] == 32 or data[i] == 9 or data[i] == 13 or data[i] == 34):
                i += 1
            if i < end and (data[i] == 44 or data[i] == 59):
                i += 1
            elif i < end and data[i] != 10 and not (data[i - 1] == 32 or data[i - 1] == 9):
                good = False
            if not seen:
                good = False
            if not good:
                break
            role = roles[column] if column < columns else -1
            if role == 0:
                t = _scaled(mantissa, exponent + power)
            elif role == 1:
                x = _scaled(mantissa, exponent)
            elif role == 2:
                y = _scaled(mantissa, exponent)
            elif role == 3:
                p = bool(mantissa > 0)
            column += 1
        stopped = i
        while i < end and data[i] != 10:
            i += 1
        i += 1
        if comment or (column == 0 and good and stopped + 1 >= i):
            continue
        if not good or column <= last_role:
            lost[0] += min(i, end) - begin
            continue
        if count >= out.shape[0]:
            return -1
        event = out[count]
        event.t = t
        event.x = x if 0 <= x < 0xFFFF else 0xFFFF
        event.y = y if 0 <= y < 0xFFFF else 0xFFFF
        event.p = p
        count += 1
    return count
