"""How bad it is, and the line that says so, as the plugins of Nagios write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from headrace.durations import span

TOLD_MAX = 10  # findings in the line; a page of them helps nobody


class Level(IntEnum):
    """The exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Finding(NamedTuple):
    """Something that was found, in a few words."""

    level: Level
    text: str


class Figure(NamedTuple):
    """A number for graphs, with its thresholds where it has some: ``name=value[unit];warning;critical``.

    A value that is not known is None, which the plugins of Nagios write as ``U``.
    """

    name: str
    value: float | None
    unit: str = ""
    warning: float | None = None
    critical: float | None = None

    def __str__(self) -> str:
        limits = "" if self.warning is None or self.critical is None else f";{self.warning:g};{self.critical:g}"
        return f"{self.name}=" + ("U" if self.value is None else f"{round(self.value, 3):.12g}{self.unit}{limits}")


class Verdict(NamedTuple):
    """What one check has found.

    Attributes:
        what: The name of the check.
        findings: What is wrong.
        summary: What is said when nothing is.
        figures: Numbers for graphs.
    """

    what: str
    findings: Sequence[Finding]
    summary: str
    figures: Sequence[Figure] = ()

    @property
    def level(self) -> Level:
        """The worst of what was found."""
        return max((each.level for each in self.findings), default=Level.OK)

    @property
    def text(self) -> str:
        """What was found, the worst first."""
        worst = sorted(self.findings, key=lambda each: -each.level)
        more = [f"{len(worst) - TOLD_MAX} more"] if len(worst) > TOLD_MAX else []
        return "; ".join([*(each.text for each in worst[:TOLD_MAX]), *more]) or self.summary


class Thresholds(NamedTuple):
    """From which values on something is a warning, and critical. Times are in seconds, shares in percent."""

    oldest: tuple[float, float]
    behind: tuple[float, float]
    used: tuple[float, float]


def line_of(verdicts: Iterable[Verdict]) -> tuple[Level, str]:
    """Return the exit code, and the line for all checks together."""
    worst_first = sorted(verdicts, key=lambda each: -each.level)
    level = worst_first[0].level
    text = "; ".join(f"{each.what}: {each.text}" for each in worst_first)
    figures = " ".join(str(figure) for each in worst_first for figure in each.figures)
    # A bar begins the figures, and a line break the next line.
    words = " ".join(text.replace("|", "/").split())
    return level, f"{level.name} {words}" + (f" | {figures}" if figures else "")


def exceeded(value: float | None, thresholds: tuple[float, float]) -> Level:
    """Return how bad a value is."""
    warning, critical = thresholds
    if value is None or value < warning:
        return Level.OK
    return Level.CRITICAL if value >= critical else Level.WARNING


def aged(what: str, seconds: float | None, thresholds: tuple[float, float]) -> list[Finding]:
    """Say of something that it is too old; nothing when it is not."""
    level = exceeded(seconds, thresholds)
    return [Finding(level, f"{what} {span(seconds)}")] if level and seconds is not None else []
