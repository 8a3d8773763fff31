from __future__ import annotations

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import LogUnavailable
from headrace.log.announcements import read_announcements
from headrace.log.connection import Log
from headrace.log.copies import LogCopies, copies_in
from headrace.log.deferred import read_deferred
from headrace.log.extent import read_extent
from headrace.log.lane_states import Flow, read_flow, read_lanes
from headrace.log.lanes import provision_lanes
from headrace.log.opening import open_log
from headrace.log.subjects import catalog_entry, task_timer
from headrace.log.timers import timer_headers
from tests.nats_cluster import NatsCluster
from tests.waiting import until

QUEUED = "hr.tasks.queued.echo"


async def test_the_log_tells_its_size_and_what_it_may_take(log: Log) -> None:
    await log.appender.append(f"{QUEUED}.high.u.1", b"{}", {})
    extent = await read_extent(log)
    assert (extent.records, extent.bytes_max, extent.replicas, extent.replicas_current) == (1, 8 << 30, 1, 1)
    assert (extent.has_leader, extent.behind, extent.retention) == (True, [], 7 * 86_400)
    assert extent.first_at is not None
    assert extent.disk is not None
    assert extent.bytes > 0


@pytest.mark.parametrize(
    ("cluster", "current", "behind", "has_leader"),
    [
        (None, 1, [], True),
        ({"leader": "n0"}, 1, [], True),
        ({"name": "c", "leader": "n0", "replicas": [{"name": "n1", "current": True}]}, 2, [], True),
        ({"name": "c", "leader": "n0", "replicas": [{"name": "n1", "current": False}]}, 1, ["n1"], True),
        (
            {"name": "c", "leader": "n0", "replicas": [{"name": "n1", "current": True, "offline": True}]},
            1,
            ["n1"],
            True,
        ),
        ({"name": "c", "replicas": [{"name": "n1", "current": True}, {"name": "n2"}]}, 1, ["n2"], False),
    ],
)
def test_the_copies_of_the_log_are_counted_with_the_leaders_if_there_is_one(
    cluster: dict[str, Any] | None, current: int, behind: list[str], has_leader: bool
) -> None:
    info = {"config": {"num_replicas": 3}, "state": {"bytes": 5}, "cluster": cluster}
    assert copies_in(info) == LogCopies(bytes=5, wanted=3, current=current, behind=behind, has_leader=has_leader)


@pytest.mark.slow
async def test_a_copy_that_is_away_is_named(place: Path) -> None:
    async with NatsCluster(place) as nats, open_log(nats.settings(), "test") as log:
        expected = {"io.nats.monitor.peer-expect": "3", "io.nats.monitor.peer-seen-critical": "10s"}
        info = await log.jetstream.request("STREAM.INFO.HEADRACE")
        assert info["config"]["metadata"].items() >= expected.items()
        assert (await read_extent(log)).replicas_current == 3
        follower = next(server for server in nats.servers if server.name == info["cluster"]["replicas"][0]["name"])
        if client := shutil.which("nats"):
            where = ("--server", nats.url, "--token", nats.token)
            check = (client, *where, "server", "check", "stream", "--stream", "HEADRACE")
            done = await asyncio.to_thread(subprocess.run, check, check=True, capture_output=True)
            assert done.stdout.startswith(b"OK")
        await follower.stop()

        async def is_behind() -> bool:
            try:
                return (await read_extent(log)).behind == [follower.name]
            except LogUnavailable:
                # It may have led the cluster, and nobody answers until another server does.
                return False

        await until(is_behind, "the copy to be missed")
        assert (await read_extent(log)).replicas_current == 2


async def test_the_oldest_record_that_was_not_delivered_counts(log: Log) -> None:
    await provision_lanes(log, "echo", None)
    for number in range(3):
        await log.appender.append(f"{QUEUED}.high.u.{number}", b"{}", {})
    pulling = await log._connection.jetstream().pull_subscribe_bind(durable="run-echo-high", stream="HEADRACE")
    (first,) = await pulling.fetch(1)
    second = (await log.replayer.page(f"{QUEUED}.>", start=first.metadata.sequence.stream + 1, records=1)).records[0]
    high, low, _ = await read_lanes(log)
    assert (high.priority, high.queued, high.running, high.oldest_at) == ("high", 2, 1, second.at)
    assert high.oldest_seconds == (high.asked_at - second.at).total_seconds()
    assert (low.priority, low.oldest_seconds) == ("low", None)
    assert await read_flow(log, "echo", high.asked_at, 60) == Flow(seconds=60, queued=3, started=0)
    assert await read_flow(log, "echo", high.asked_at + timedelta(days=1), 60) == Flow(seconds=60, queued=0, started=0)


async def test_deferred_tasks_are_counted_by_kind_and_priority(log: Log) -> None:
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    for number, priority in enumerate(("high", "high", "low")):
        headers = timer_headers(due + timedelta(minutes=number), f"{QUEUED}.{priority}.u.{number}", {})
        await log.appender.append(task_timer("u", str(number)), b"{}", headers)
    found = await read_deferred(log)
    assert found.is_complete
    assert {lane: each.count for lane, each in found.by_lane.items()} == {("echo", "high"): 2, ("echo", "low"): 1}
    assert found.by_lane["echo", "high"].next_due_at == due


async def test_the_last_announcement_of_each_kind_is_read_whatever_it_says(log: Log) -> None:
    await log.appender.append(catalog_entry("echo"), b'{"name":"echo","concurrency":3,"rate":0.5}', {})
    await log.appender.append(catalog_entry("broken"), b"no JSON", {})
    found = await read_announcements(log)
    assert (found["echo"].concurrency, found["echo"].rate) == (3, 0.5)
    assert found["broken"].concurrency is None
    assert abs(found["broken"].at - datetime.now(UTC)) < timedelta(minutes=1)
