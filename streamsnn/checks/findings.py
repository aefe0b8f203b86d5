"""What all checks share: findings, and the way a broken promise becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

SEED = 20_240_117
"""Of everything that the kit makes up: its findings are the same each time."""


class Finding(NamedTuple):
    """Whether one promise was kept; `detail` says how it was broken."""

    name: str
    passed: bool
    detail: str = ""


def assert_conforms(findings: Iterable[Finding]) -> None:
    """Raise `AssertionError` naming every promise that was not kept; also if there is not a single finding."""
    found = list(findings)
    broken = [f"{finding.name}: {finding.detail}" for finding in found if not finding.passed]
    if broken or not found:
        raise AssertionError("\n".join(broken) or "nothing was checked")


class Broken(Exception):
    """A promise that was not kept."""


def require(kept: object, detail: str) -> None:
    """Say that a promise was broken, and how, unless `kept`."""
    if not kept:
        raise Broken(detail)


def findings(promises: Iterable[tuple[str, Callable[[], None]]]) -> list[Finding]:
    """Check each promise, (name, check), in turn; whatever a check raises is a finding and stops no other check."""
    found = []
    for name, check in promises:
        try:
            check()
        except Broken as broken:
            found.append(Finding(name, False, str(broken)))
        except Exception as error:
            found.append(Finding(name, False, f"raised {type(error).__name__}: {error}"))
        else:
            found.append(Finding(name, True))
    return found
