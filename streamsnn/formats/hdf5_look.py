"""A look at everything in an HDF5 file, by a process of its own: the HDF5 library may crash on damage, or never return.

Run as a script, with the file's path. It imports nothing of this program, to begin at once; it ends with 0 where the
library came through, whatever it said of the file.
"""

import contextlib
import importlib
import sys

_FIRST = 1 << 12


def look(path: str) -> None:
    """Visit all groups, and of each array its form, its beginning and its end."""
    import h5py

    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")
    # What cannot be read in peace is said when it is opened in earnest.
    with contextlib.suppress(Exception), h5py.File(path, "r") as file:
        waiting = [file]
        for group in waiting:
            for name in list(group)[:_FIRST]:
                with contextlib.suppress(Exception):
                    link = group.get(name, getlink=True)
                    found = group[name] if isinstance(link, h5py.HardLink) else None
                    if isinstance(found, h5py.Group) and len(waiting) < _FIRST:
                        waiting.append(found)
                    elif isinstance(found, h5py.Dataset) and found.ndim and len(found):
                        found.id.get_storage_size()
                        _ = found[:_FIRST], found[-1:]


if __name__ == "__main__":
    look(sys.argv[1])
