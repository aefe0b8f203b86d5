"""Event palettes, in the manner of jAER and OpenEB: what a pixel looks like from nothing to ON, and to OFF."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STRONGEST = 127
"""A pixel's shade is a byte, 2 * strength + (1 for ON, 0 for OFF), its strength from 0 (nothing) to STRONGEST."""


class EventPalette(NamedTuple):
    """Colours (red, green, blue) of nothing, of a fresh ON event and of a fresh OFF event."""

    nothing: tuple[int, int, int]
    on: tuple[int, int, int]
    off: tuple[int, int, int]

    def table(self) -> NDArray[np.uint8]:
        """(256, 3) red, green, blue of each shade."""
        shade = np.arange(256)[:, None]
        nothing, on, off = (np.array(colour, np.float64) for colour in self)
        colours = nothing + (shade >> 1) / STRONGEST * (np.where(shade & 1, on, off) - nothing)
        return np.rint(colours).astype(np.uint8)

    def words(self) -> NDArray[np.uint32]:
        """(256,) the same as 0xffRRGGBB, as pictures of Qt hold them."""
        red, green, blue = self.table().astype(np.uint32).T
        words: NDArray[np.uint32] = np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue
        return words


# ON and OFF differ in lightness in every palette, or in blue against orange: whoever sees few colours sees both.
PALETTES = {
    "dark": EventPalette((20, 24, 31), (242, 245, 250), (63, 143, 216)),
    "cool-warm": EventPalette((225, 226, 228), (196, 60, 30), (59, 76, 192)),
    "light": EventPalette((252, 252, 253), (47, 116, 192), (29, 35, 43)),
    "gray": EventPalette((128, 128, 128), (255, 255, 255), (0, 0, 0)),
}


def next_palette(name: str | None) -> str | None:
    """The name of the palette after `name`; None, the theme's own, comes first and last."""
    names = [None, *PALETTES]
    return names[(names.index(name) + 1) % len(names)]
