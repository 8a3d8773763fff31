"""What was seen of one thing, and the exit code for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

from headrace.cli.terminal.checks.verdict import Level

State = Literal["ok", "unseen", "warning", "critical"]

# What cannot be seen from here is no fault that was found.
LEVELS: Final[dict[State, Level]] = {
    "ok": Level.OK,
    "unseen": Level.OK,
    "warning": Level.WARNING,
    "critical": Level.CRITICAL,
}

_STATE_WIDTH = max(map(len, LEVELS))
_ABOUT_WIDTH = 11


class Seen(Struct, frozen=True, kw_only=True):
    """What was seen of one thing.

    Attributes:
        about: The thing, in a word.
        state: How well it is; `unseen` for what cannot be known from here.
        what: What was seen, or why it cannot be.
        remedy: What to do about it; empty when nothing is to be done.
    """

    about: str
    state: State
    what: str
    remedy: str = ""


def level_of(found: Iterable[Seen]) -> Level:
    """Return the exit code: that of the worst."""
    return max((LEVELS[each.state] for each in found), default=Level.OK)


def lines_of(found: Iterable[Seen]) -> list[str]:
    """Return a line for each thing, and one for each remedy."""
    return [
        line
        for each in found
        for line in (
            f"{each.state:<{_STATE_WIDTH}}  {each.about:<{_ABOUT_WIDTH}}  {each.what}",
            *([f"{'':<{_STATE_WIDTH + _ABOUT_WIDTH + 4}}{each.remedy}"] if each.remedy else []),
        )
    ]
