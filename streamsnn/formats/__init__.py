"""Bytes <-> arrays of events, and nothing else: one module a format, and one table of them.

A format is recognised by what is in the file; its extension only decides where the content leaves a doubt.
"""

from __future__ import annotations

import os
from pathlib import Path

from streamsnn.errors import StreamsnnError
from streamsnn.formats import aedat2, aedat3, aedat4, dat, es, evt2, evt3, hdf5, nas, nmnist, npy, shd, text
from streamsnn.formats.columns import stated
from streamsnn.formats.opening import read_head, split_member
from streamsnn.formats.recording import Content, Damage, Format, Match, Recording
from streamsnn.formats.tonic_sets import is_tonic, open_tonic_recording
from streamsnn.types import Events, Sensor

__all__ = [
    "FORMATS",
    "Content",
    "Damage",
    "Format",
    "Match",
    "Recording",
    "open_recording",
    "write_recording",
    "writer_for",
]

FORMATS: tuple[Format, ...] = (
    nmnist.FORMAT,
    dat.FORMAT,
    evt3.FORMAT,
    evt2.FORMAT,
    evt2.VECTORS,
    aedat4.FORMAT,
    aedat2.FORMAT,
    aedat3.FORMAT,
    es.FORMAT,
    npy.FORMAT,
    text.FORMAT,
    nas.FORMAT,
    shd.FORMAT,
    hdf5.FORMAT,
)
_NOT_READ = {b"#!AER-DAT1": "AEDAT 1"}
"""What the heads of files hold that people have and this version does not read."""


def open_recording(
    path: str | os.PathLike[str], *, sensor: Sensor | None = None, strict: bool = False, columns: str | None = None
) -> Recording:
    """Open a recording of any known format. Reads no more than its header; nothing in it is ever run as code.

    Of a file that holds many, "shd_test.h5#17" is one; "tonic:NMNIST#17" is one of tonic's. `sensor` overrides what the
    file says of it; `strict` refuses damage, once reading meets it. `columns` says what the columns of a table are, as
    in "t,x,y,p" or "x,y,t:ns,p", where neither their names nor their values tell. A file with a header and no events is
    a recording without chunks.

    Raises StreamsnnError for what is no file, empty, unreadable, or of an unknown format.
    """
    if is_tonic(path) and not os.path.lexists(path):
        return open_tonic_recording(path, sensor=sensor, strict=strict)
    path = Path(path)
    file, member = split_member(path)
    head = read_head(file)
    extension = file.suffix.lower()
    match, form = _best(head, extension, sensor)
    if match == Match.NO and columns is not None:
        form = text.FORMAT
    elif match == Match.NO:
        known = "Known are " + ", ".join(f"{known.name} ({known.extensions[0]})" for known in FORMATS) + "."
        for sign, name in _NOT_READ.items():
            if sign in head:
                raise StreamsnnError(f"{path} is a recording in {name}, which is not read yet", hint=known)
        raise StreamsnnError(f"{path} is no recording of a known format", hint=known)
    if member is not None and not form.members:
        raise StreamsnnError(f"{file} is a single recording: there is no {path.name}", hint=f"Name it as {file}.")
    if form.instead is not None:
        form = form.instead(path) or form
    if columns is None:
        content = form.open(path, head, sensor)
    elif form.open_table is None:
        raise StreamsnnError(f"{path} is a recording in {form.name}, whose columns are not for you to say")
    else:
        content = form.open_table(path, head, sensor, stated(columns))
    return Recording(path, form.name, content, strict=strict)


def _best(head: bytes, extension: str, sensor: Sensor | None) -> tuple[Match, Format]:
    """The format that fits best, and how well. No two share a signature: whoever finds theirs ends the search."""
    matches: list[tuple[Match, bool, Format]] = []
    for form in FORMATS:
        match = form.recognise(head, extension, sensor)
        if match == Match.SURE:
            return match, form
        matches.append((match, extension in form.extensions, form))
    match, _, form = max(matches, key=lambda entry: entry[:2])
    return match, form


def write_recording(path: str | os.PathLike[str], events: Events, sensor: Sensor) -> None:
    """Write events in the format that the extension names: the file appears whole or not at all.

    Raises StreamsnnError if there is no such format, if the events do not suit it, or if the file cannot be written.
    """
    path = Path(path)
    write = writer_for(path).write
    assert write is not None
    write(path, events, sensor)


def writer_for(path: str | os.PathLike[str], name: str | None = None) -> Format:
    """The format, one that is written, that is called `name`, in any case, or else that the path's extension names.

    Raises StreamsnnError if there is none.
    """
    path = Path(path)
    written = [form for form in FORMATS if form.write]
    if name is not None:
        found = [form for form in written if form.name.lower() == name.lower()]
        if not found:
            raise StreamsnnError(
                f'There is no format "{name}" to write', hint=f"Use one of {', '.join(form.name for form in written)}."
            )
        return found[0]
    endings = {extension: form for form in written for extension in form.extensions}
    fitting = [extension for extension in endings if path.name.lower().endswith(extension)]
    if not fitting:
        raise StreamsnnError(f"{path} has no extension of a format to write", hint=f"Use one of {', '.join(endings)}.")
    return endings[max(fitting, key=len)]
