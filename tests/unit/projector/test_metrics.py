from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.contracts.tasks import Priority
from headrace.errors import LogUnavailable
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.consumers import provision_projector
from headrace.log.copies import LogCopies
from headrace.log.deliveries import Delivery
from headrace.log.lane_states import LaneState
from headrace.log.lanes import provision_lanes
from headrace.log.subjects import TaskSubject
from headrace.metrics.series import KINDS_MAX
from headrace.projector import cluster_figures
from headrace.projector.cluster_figures import ClusterFigures, Figures
from headrace.projector.metrics import RUN_LOST, ProjectorMetrics, show
from headrace.store.tables import TaskRow
from tests.unit.metrics.samples import samples_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BYTES_MAX = 8 << 30


class Shown:
    """A projector with these counters."""

    def __init__(self, metrics: ProjectorMetrics, **role: bool) -> None:
        self.metrics = metrics
        self.role = {"is_leading": True, "lacks_migration": False, **role}

    def collect(self) -> Any:
        return show(self.metrics, **self.role)


def row(state: str, seconds: float, fence: int = 0) -> TaskRow:
    ended = NOW + timedelta(seconds=seconds) if state in ("succeeded", "failed", "cancelled") else None
    made = SimpleNamespace(kind="resize", state=state, created_at=NOW, finished_at=ended, fence=fence)
    return cast("TaskRow", made)


def test_a_page_is_recorded_with_its_size_its_time_and_the_age_of_its_oldest_event() -> None:
    metrics = ProjectorMetrics()
    ages = [clock.now() - timedelta(seconds=20), clock.now()]
    metrics.record_page([cast("Delivery", SimpleNamespace(at=at)) for at in ages], 0.02)
    metrics.requeued.add((RUN_LOST,), 2)
    metrics.firings["skipped"] += 1
    found = samples_of(Shown(metrics), buckets=True)
    assert found["headrace_projected_events_total"] == 2
    assert found["headrace_projection_page_seconds_bucket:0.025"] == 1
    assert found["headrace_projection_page_seconds_bucket:0.01"] == 0
    assert (
        found["headrace_projection_delay_seconds_bucket:10.0"],
        found["headrace_projection_delay_seconds_count"],
    ) == (
        0,
        1,
    )
    assert found["headrace_requeued_total:run_lost"] == 2
    assert (found["headrace_schedule_firings_total:skipped"], found["headrace_schedule_firings_total:failed"]) == (1, 0)


def test_a_task_that_has_ended_is_recorded_from_its_acceptance_on_unless_it_was_run_again() -> None:
    metrics = ProjectorMetrics()
    metrics.record_ends(
        [row("succeeded", 3.0), row("failed", 4.0), row("running", 0.0), row("succeeded", 9e5, fence=7)]
    )
    found = samples_of(Shown(metrics))
    totals = {name: value for name, value in found.items() if name.startswith("headrace_task_total_seconds_sum")}
    assert totals == {
        "headrace_task_total_seconds_sum:resize:succeeded": 3.0,
        "headrace_task_total_seconds_sum:resize:failed": 4.0,
    }


@pytest.mark.parametrize(("is_leading", "lacks_migration"), [(True, False), (False, True)])
def test_a_projector_says_whether_it_leads_and_whether_it_can(is_leading: bool, lacks_migration: bool) -> None:
    found = samples_of(Shown(ProjectorMetrics(), is_leading=is_leading, lacks_migration=lacks_migration))
    assert (found["headrace_projector_leading"], found["headrace_migration_pending"]) == (is_leading, lacks_migration)


async def test_the_leader_shows_every_queue_and_the_log(log: Log) -> None:
    await provision_lanes(log, "resize", None)
    await provision_lanes(log, "mail", 2)
    await provision_projector(log)
    await log.appender.append(str(TaskSubject("queued", "resize", Priority.HIGH, "u1", "t1")), b"{}", {})
    await log.appender.append(subjects.catalog_entry("resize"), b"{}", {})
    figures = ClusterFigures(log, BYTES_MAX, lambda: True)
    await figures.refresh()
    found = samples_of(figures)
    assert (found["headrace_kind_queued:resize:high"], found["headrace_kind_queued:resize:low"]) == (1, 0)
    assert 0 <= found["headrace_kind_oldest_queued_seconds:resize:high"] < 60
    assert (found["headrace_kind_running_limit:mail:all"], found["headrace_kind_pulls:mail:all"]) == (2, 0)
    assert (found["headrace_kind_paused:mail"], found["headrace_kind_running:mail:all"]) == (0, 0)
    assert abs(found["headrace_kind_announced_timestamp_seconds:resize"] - clock.now().timestamp()) < 60
    assert (found["headrace_deferred_tasks"], found["headrace_projection_behind_events"]) == (0, 1)
    assert 0 <= found["headrace_projection_behind_seconds"] < 60
    assert 0 < found["headrace_log_bytes"] < found["headrace_log_bytes_limit"] == BYTES_MAX
    assert (found["headrace_log_replicas"], found["headrace_log_replicas_current"]) == (1, 1)


async def test_who_does_not_lead_shows_nothing_of_the_cluster_and_who_leads_asks_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leading, asked = True, 0

    async def read_figures(_log: Log) -> Figures:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise LogUnavailable("no answer")
        return figures_of([])

    monkeypatch.setattr(cluster_figures, "read_figures", read_figures)
    figures = ClusterFigures(cast("Log", None), BYTES_MAX, lambda: leading)
    await figures.refresh()
    await figures.refresh()
    assert asked == 1
    assert "headrace_log_bytes" in samples_of(figures)
    leading = False
    await figures.refresh()
    assert samples_of(figures) == {}
    leading = True
    await figures.refresh()
    assert (asked, samples_of(figures)) == (2, {}), "they could not be read, and old ones would mislead"


async def test_kinds_beyond_the_bound_are_shown_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_figures(_log: Log) -> Figures:
        return figures_of([queue(f"kind{number:04}", queued=1) for number in range(KINDS_MAX + 3)])

    monkeypatch.setattr(cluster_figures, "read_figures", read_figures)
    figures = ClusterFigures(cast("Log", None), BYTES_MAX, lambda: True)
    await figures.refresh()
    found = samples_of(figures)
    queued = {name: value for name, value in found.items() if name.startswith("headrace_kind_queued:")}
    assert (len(queued), queued["headrace_kind_queued:other:high"]) == (KINDS_MAX + 1, 3)
    assert found["headrace_kind_oldest_queued_seconds:other:high"] == 60


def queue(kind: str, *, queued: int) -> LaneState:
    return LaneState(
        durable=f"run-{kind}-high",
        kind=kind,
        priority="high",
        queued=queued,
        running=0,
        running_max=50_000,
        redelivered=0,
        pulls=0,
        paused=False,
        oldest_at=NOW - timedelta(minutes=1),
        ack_wait=30.0,
        idle_seconds=None,
        asked_at=NOW,
    )


def figures_of(queues: list[LaneState]) -> Figures:
    return Figures(
        at=NOW,
        lanes=queues,
        announced={},
        deferred=0,
        copies=LogCopies(bytes=1, wanted=1, current=1, behind=[], has_leader=True),
        behind=0,
        behind_since=None,
    )
