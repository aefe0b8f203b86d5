"""What AEDAT 2 and 3 share: an ASCII header of lines that begin with #, and cameras by their names in it."""

from __future__ import annotations

import re

from streamsnn.types import Sensor

_CAMERAS = (
    (r"DVS128|DVS 128", "DVS128", 128, 128),
    (r"DAVIS_?(208|240|HET640|346|640|128)", "DAVIS", 0, 0),
    (r"SBRet10|seebetter|DAVIS_FX2|DAVIS", "DAVIS240", 240, 180),
    (r"DVS132S", "DVS132S", 132, 104),
    (r"DVXplorer|DVS640|Samsung", "DVXplorer", 640, 480),
)
_DAVIS = {
    "128": (128, 128),
    "208": (208, 192),
    "240": (240, 180),
    "346": (346, 260),
    "640": (640, 480),
    "HET640": (640, 480),
}


def header_size(head: bytes, end: bytes | None = None) -> int:
    """Where the header ends: behind the line `end`, if there is one, or behind the last line of text that begins so."""
    if end is not None and (at := head.find(end)) >= 0 and (newline := head.find(b"\n", at)) >= 0:
        return newline + 1
    size = 0
    while head[size : size + 1] == b"#":
        newline = head.find(b"\n", size)
        line = head[size : newline if newline >= 0 else len(head)]
        # Data may begin with # too, but hardly goes on as text.
        if newline < 0 or any(byte < 32 and byte not in (9, 13) for byte in line):
            break
        size = newline + 1
    return size


def camera_in(header: bytes, line: str) -> Sensor | None:
    """The camera that the first line which matches `line` names; None where none does that is known."""
    text = header.decode("latin-1")
    for found in re.finditer(rf"^.*(?:{line}).*$", text, re.M | re.I):
        for pattern, name, width, height in _CAMERAS:
            if camera := re.search(pattern, found[0], re.I):
                if not width:
                    number = camera[1].upper()
                    return Sensor(f"DAVIS{number}", *_DAVIS[number])
                return Sensor(name, width, height)
    return None
