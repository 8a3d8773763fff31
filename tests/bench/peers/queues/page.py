"""The measured part of docs/benchmarks.md, made from docs/benchmarks.json, which is what `just bench peers` has written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.bench.peers.queues.compare import CALLS, CPU, MEASURES
from tests.bench.peers.queues.headrace import Headrace
from tests.bench.report import by_process

DOCS = Path(__file__).parents[4] / "docs"
PAGE = DOCS / "benchmarks.md"
MEASURED = DOCS / "benchmarks.json"
BEGIN, END = "<!-- made from benchmarks.json: begin -->\n", "<!-- end -->\n"
README = DOCS.parent / "README.md"
SAID = re.compile(r"[\d.]+ times (?P<words>as many as) (?P<system>[A-Z]\w+ \+ \w+)")
OWN = Headrace.name
ABSENT = "not measured"


class Detail(Struct):
    """What the page needs of a figure; a peer that was left out has no `system`."""

    system: str = ""
    measure: str = ""
    rounds: list[float] = []
    headrace_is: float | None = None
    by_process: dict[str, float] = {}
    versions: dict[str, str] = {}


class Measured(Struct):
    """A figure of the JSON."""

    name: str
    measured: str
    yardstick: str
    detail: Detail
    value: float | None = None


class Run(Struct):
    """What one run of `just bench peers` has written."""

    machine: dict[str, Any]
    options: dict[str, Any]
    figures: list[Measured]

    @property
    def systems(self) -> list[str]:
        """The systems that were measured, Headrace first."""
        return list(dict.fromkeys(each.detail.system for each in self.figures if each.detail.system))

    def find(self, measure: str, system: str) -> Measured | None:
        """Return a figure of a system, if it was measured."""
        found = (each for each in self.figures if (each.detail.measure, each.detail.system) == (measure, system))
        return next(found, None)


def read(file: Path = MEASURED) -> Run:
    """Read what a run has written."""
    return msgspec.json.decode(file.read_bytes(), type=Run)


def page() -> str:
    """Return docs/benchmarks.md with the measured part made anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + measured_part(read()) + "\n" + END + after


def readme() -> str:
    """Return the README with the multiples of tasks that are finished, as the page has them."""
    return SAID.sub(_said, README.read_text())


def _said(found: re.Match[str]) -> str:
    figure = read().find("finished, burst", found["system"])
    if figure is None or figure.detail.headrace_is is None:
        raise ValueError(f"the README speaks of {found['system']}, which was not measured")
    return f"{figure.detail.headrace_is:.1f} times {found['words']} {found['system']}"


def measured_part(run: Run) -> str:
    """The tables, what they were measured on, and what each system is made of."""
    machine = run.machine
    rounds = max(len(each.detail.rounds) for each in run.figures)
    about = (
        f"{machine['date'][:10]}, {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_gb']:g} GB, {machine['system']}, load average at the start {machine['load_average']:g}; "
        f"{'`--quick`, ' if run.options['quick'] else ''}{rounds} rounds. In brackets: what Headrace has as a multiple of it."
    )
    lines = [about, "", *_table(("", *run.systems), _rates(run)), ""]
    lines += ["What a task of a burst costs, by process:", ""]
    lines += [*_table(("", "CPU µs", "system calls"), _costs(run)), ""]
    lines += [f"- {system}: {_versions(run, system)}" for system in run.systems]
    left_out = [each for each in run.figures if not each.detail.system]
    lines += [f"- {each.name}: left out, {each.yardstick}" for each in left_out]
    return "\n".join(lines) + "\n"


def _rates(run: Run) -> Iterable[tuple[str, ...]]:
    for measure in MEASURES:
        found = [run.find(measure.name, system) for system in run.systems]
        yield measure.name, *(_cell(each, measure.unit, measure.places) for each in found)


def _cell(figure: Measured | None, unit: str, places: int) -> str:
    if figure is None or figure.value is None:
        return ABSENT
    text = f"{figure.value:,.{places}f} {unit}"
    ratio = figure.detail.headrace_is
    return text if ratio is None or figure.detail.system == OWN else f"{text} ({ratio:.2f} x)"


def _costs(run: Run) -> Iterable[tuple[str, ...]]:
    for system in run.systems:
        cpu, calls = run.find(CPU, system), run.find(CALLS, system)
        yield (
            system,
            by_process(cpu.detail.by_process) if cpu else ABSENT,
            by_process(calls.detail.by_process, 1) if calls else ABSENT,
        )


def _versions(run: Run, system: str) -> str:
    figure = run.find(CPU, system)
    return ", ".join(f"{name} {number}" for name, number in figure.detail.versions.items()) if figure else ABSENT


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
