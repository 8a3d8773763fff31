"""Figures beside their yardsticks and targets: as a table and as JSON."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

OUT = Path(__file__).with_name("out")


class Target(Struct, frozen=True, kw_only=True):
    """Where a number has to be, in its own unit."""

    least: float | None = None
    most: float | None = None

    def missed_by(self, value: float) -> float:
        """Per cent of the target that are missing, or too much; 0 or less when it is met."""
        if self.least is not None:
            return (1 - value / self.least) * 100
        assert self.most is not None
        return (value / self.most - 1) * 100

    def text(self, unit: str) -> str:
        """``>= 45 %``."""
        return f">= {self.least:g} {unit}" if self.least is not None else f"<= {self.most:g} {unit}"


class Figure(Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        name: What was measured.
        measured: It, as text.
        yardstick: What it stands beside, as text.
        value: The number that the target is for.
        unit: Its unit.
        target: Where it has to be, if anywhere.
        detail: Every number behind it, for the JSON.
    """

    name: str
    measured: str
    yardstick: str = ""
    value: float | None = None
    unit: str = ""
    target: Target | None = None
    detail: dict[str, Any] = {}

    @property
    def verdict(self) -> str:
        """``met``, or ``MISSED by x %`` of the target."""
        if self.target is None or self.value is None:
            return ""
        missed = self.target.missed_by(self.value)
        return "met" if missed <= 0 else f"MISSED by {missed:.1f} %"


class Report:
    """The figures of one run."""

    def __init__(self, suite: str, machine: dict[str, Any], options: dict[str, Any]) -> None:
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self._heading = {"suite": suite, "options": options, "machine": machine}

    def say(self, text: str) -> None:
        """Tell whoever waits how far things are."""
        sys.stderr.write(f"  {text}\n")

    def table(self) -> str:
        """All figures, aligned, and the notes below."""
        rows = [("figure", "measured", "beside", "target", "")]
        for figure in self.figures:
            target = figure.target.text(figure.unit) if figure.target else ""
            rows.append((figure.name, figure.measured, figure.yardstick, target, figure.verdict))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, tuple("-" * width for width in widths))
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        machine = self._heading["machine"]
        about = (
            f"{machine['cores']} cores ({machine['processor']}), {machine['python']}, load {machine['load_average']}"
        )
        return "\n".join((about, "", *lines, "", *self.notes))

    def write(self, out: Path = OUT) -> Path:
        """Write the JSON into a directory."""
        out.mkdir(exist_ok=True)
        figures = [{**msgspec.to_builtins(figure), "verdict": figure.verdict} for figure in self.figures]
        file = out / f"{self._heading['suite']}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
        whole = {**self._heading, "figures": figures, "notes": self.notes}
        file.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")
        return file


def spread(values: Sequence[float], unit: str = "", places: int = 0) -> str:
    """``1,512 /s [1,480-1,530]``: the median, the least and the most."""
    median, low, high = (f"{value:,.{places}f}" for value in (statistics.median(values), min(values), max(values)))
    text = f"{median} {unit}".rstrip()
    return text if len(values) == 1 else f"{text} [{low}-{high}]"


def by_process(used: Mapping[str, float], places: int = 0) -> str:
    """``api 486, worker 272``: the most first."""
    return ", ".join(f"{name} {value:,.{places}f}" for name, value in sorted(used.items(), key=lambda item: -item[1]))


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The nearest rank: the least value that ``per_cent`` of all are not above."""
    return sorted(values)[max(0, math.ceil(len(values) * per_cent / 100) - 1)]
