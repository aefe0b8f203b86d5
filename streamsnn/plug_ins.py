"""Plug-ins: code of other people's, named "package.module:attribute", which is imported and called.

The working directory counts as a place for modules as well, after all that are installed.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from streamsnn.errors import StreamsnnError

_PLUG_IN = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_ROLES = {
    "model": ("card", "initial_state", "step"),
    "source": ("sensor", "__iter__", "close"),
    "filter": ("__call__",),
    "readout": ("__call__", "reset"),
    "sink": ("write", "close"),
    "tracker": ("update", "reset"),
}


def is_plug_in(text: str) -> bool:
    """Whether `text` is spelt "package.module:attribute"."""
    return _PLUG_IN.fullmatch(text) is not None


def has_module(text: str) -> bool:
    """Whether there is a Python package of the name that the plug-in `text` begins with; imports nothing."""
    _look_here_too()
    return importlib.util.find_spec(re.split(r"[.:]", text)[0]) is not None


def load_plug_in(text: str) -> Callable[..., Any]:
    """Import what "package.module:attribute" names, something that can be called. Raises StreamsnnError if it fails."""
    found = _PLUG_IN.fullmatch(text)
    if found is None:
        raise StreamsnnError(f'"{text}" is no plug-in.', hint="Write it as package.module:attribute.")
    name, path = found.groups()
    _look_here_too()
    try:
        value: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise StreamsnnError(
            f'"{text}" cannot be loaded: there is no Python module "{error.name}".',
            hint="A plug-in is written package.module:attribute, and must be installed or in this folder.",
        ) from error
    except Exception as error:
        raise StreamsnnError(
            f"{name} cannot be imported: {type(error).__name__}: {error}",
            hint="Mend it; --debug shows where it failed.",
        ) from error
    for part in path.split("."):
        if not hasattr(value, part):
            close = difflib.get_close_matches(part, dir(value), n=1)
            raise StreamsnnError(
                f'{name} has no "{part}".', hint=f"Did you mean {close[0]}?" if close else "Look at its spelling."
            )
        value = getattr(value, part)
    if not callable(value):
        raise StreamsnnError(f"{text} cannot be called.", hint="A plug-in is a function or a class that builds it.")
    return value  # type: ignore[no-any-return]  # whatever it is, it can be called


def build_plug_in(text: str, *arguments: object) -> Any:
    """Load the plug-in `text` and call it; StreamsnnError for whatever it raises."""
    build = load_plug_in(text)
    try:
        return build(*arguments)
    except StreamsnnError:
        raise
    except Exception as error:
        given = ", ".join(type(argument).__name__ for argument in arguments)
        raise StreamsnnError(
            f"{text}({given}) failed: {type(error).__name__}: {error}", hint="Mend it; --debug shows where it failed."
        ) from error


def role_of(made: object) -> str | None:
    """What `made` can be used as: "model", "source", "sink", "readout" or "filter", in this order; None for none."""
    return next(
        (role for role in ("model", "source", "sink", "readout", "filter") if not _missing(role, made)),
        None,
    )


def build_role(role: str, text: str, *arguments: object) -> Any:
    """What the plug-in `text` builds of `arguments`; StreamsnnError unless it can be used as a `role`."""
    made = build_plug_in(text, *arguments)
    if missing := _missing(role, made):
        raise StreamsnnError(
            f"{text} built a {type(made).__name__}, which is no {role}: it has no {missing[0]}.",
            hint=f"A {role} has {', '.join(_ROLES[role])}; see streamsnn/types.py.",
        )
    return made


def _missing(role: str, made: object) -> list[str]:
    return [name for name in _ROLES[role] if not hasattr(made, name)]


def _look_here_too() -> None:
    """Let modules in the working directory be imported, after all that are installed."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
