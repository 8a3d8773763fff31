"""docs/benchmarks.md is whole: each system has each figure, the multiples are those of the rounds, and the README agrees."""

from __future__ import annotations

import statistics

import pytest

from tests.bench.peers.queues.compare import CALLS, CPU, MEASURES, PEERS
from tests.bench.peers.queues.page import (
    ABSENT,
    BEGIN,
    END,
    OWN,
    PAGE,
    README,
    SAID,
    Detail,
    Measured,
    Run,
    measured_part,
    page,
    read,
    readme,
)

RUN = read()
NAMES = [measure.name for measure in MEASURES]
ROUNDS_MIN = 3  # of fewer, a median says nothing


def test_the_page_shows_what_the_bench_has_written() -> None:
    assert PAGE.read_text() == page()
    assert PAGE.read_text().count(BEGIN) == PAGE.read_text().count(END) == 1


def test_all_peers_were_measured_beside_headrace() -> None:
    assert RUN.systems[0] == OWN
    assert len(RUN.systems) == 1 + len(PEERS)


@pytest.mark.parametrize("measure", NAMES)
def test_every_system_has_every_figure_with_as_many_rounds(measure: str) -> None:
    figures = [RUN.find(measure, system) for system in RUN.systems]
    rounds = [figure.detail.rounds if figure else [] for figure in figures]
    assert len(set(map(len, rounds))) == 1
    assert len(rounds[0]) >= ROUNDS_MIN
    assert all(value > 0 for values in rounds for value in values)


@pytest.mark.parametrize("measure", NAMES)
@pytest.mark.parametrize("system", RUN.systems)
def test_a_figure_and_its_multiple_are_the_medians_of_its_rounds(measure: str, system: str) -> None:
    figure, own = RUN.find(measure, system), RUN.find(measure, OWN)
    assert figure
    assert own
    ratios = [ours / theirs for ours, theirs in zip(own.detail.rounds, figure.detail.rounds, strict=True)]
    assert figure.value == pytest.approx(statistics.median(figure.detail.rounds))
    assert figure.detail.headrace_is == pytest.approx(statistics.median(ratios))


@pytest.mark.parametrize("system", RUN.systems)
def test_the_parts_of_a_task_by_process_are_its_cpu(system: str) -> None:
    parts, whole = RUN.find(CPU, system), RUN.find("CPU of a task, burst", system)
    assert parts
    assert whole
    assert whole.value is not None
    # A sum of medians is not the median of the sums.
    assert sum(parts.detail.by_process.values()) == pytest.approx(whole.value, rel=0.2)
    assert {"api", "worker"} <= parts.detail.by_process.keys()
    calls = RUN.find(CALLS, system)
    assert calls
    assert calls.detail.by_process.keys() == parts.detail.by_process.keys()


def test_the_readme_says_the_multiples_of_the_page() -> None:
    text = README.read_text()
    assert text == readme()
    assert [found["system"] for found in SAID.finditer(text)] == RUN.systems[1:]


def test_a_peer_that_was_left_out_is_said_with_the_reason() -> None:
    figures = [each for each in RUN.figures if each.detail.system != "FastAPI + Celery"]
    figures.append(Measured("celery", "left out", "uv was not found", Detail()))
    shown = measured_part(Run(RUN.machine, RUN.options, figures))
    assert "- celery: left out, uv was not found" in shown
    assert "FastAPI + Celery" not in shown
    assert "Litestar + SAQ" in shown


def test_without_perf_the_page_has_no_system_calls() -> None:
    figures = [each for each in RUN.figures if each.detail.measure != CALLS]
    shown = measured_part(Run(RUN.machine, RUN.options, figures))
    rows = [line for line in shown.splitlines() if line.startswith(tuple(f"| {each} |" for each in RUN.systems))]
    assert len(rows) == len(RUN.systems)
    assert all(row.endswith(f"| {ABSENT} |") for row in rows)
