"""A stream cut anywhere and resumed shows exactly the log: no gap, no repeat (invariant 6)."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.faults.browsers import Browser, Wanted, all_given, any_event, browsers, port_of
from tests.proxy import Break, proxy_to
from tests.sse import Seen, follow
from tests.waiting import within

CUTS = 200  # over all examples
EXAMPLES = 20
BREAKS_AFTER_BYTES_MAX = 3000  # some ten events
SILENCE_SECONDS = 0.3  # less than a heartbeat takes: an idle stream is given up and resumed as well


@pytest.mark.invariant(6)
async def test_a_stream_cut_at_random_points_shows_exactly_the_log(cluster: Cluster) -> None:
    async def check(lengths: list[int], tasks: int) -> None:
        before = await cluster.log.refresh()
        start = f"{before.epoch}-{before.last_sequence}"
        submitting = asyncio.gather(
            *(cluster.submit("talk" if n % 5 == 0 else "echo", **_input(n)) for n in range(tasks))
        )
        reading = asyncio.create_task(read_until_finished(start, lengths, tasks))
        ids = {task["id"] for task in await submitting}
        async with within(30, f"the stream to give the end of {tasks} tasks"):
            seen = await reading
        records = [r for r in await cluster.events() if before.last_sequence < r.sequence <= seen[-1].sequence]
        assert [each.sequence for each in seen] == [record.sequence for record in records]
        assert {each.data["task"] for each in seen} == ids

    async def read_until_finished(start: str, lengths: list[int], tasks: int) -> list[Seen]:
        seen: list[Seen] = []
        cursor = start
        lengths = list(lengths)
        while True:
            length = lengths.pop(0) if lengths else 1 << 30
            async with follow(cluster.http, "/api/v1/events", after=cursor) as stream:
                taken = 0
                while taken < length:
                    if sum(each.event == "finished" for each in seen) == tasks:
                        return seen
                    each = await stream.next()
                    cursor = each.id
                    if each.event:
                        seen.append(each)
                        taken += 1

    loop = asyncio.get_running_loop()

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(st.integers(0, 4), min_size=CUTS // EXAMPLES, max_size=CUTS // EXAMPLES), st.integers(8, 20))
    def cut(lengths: list[int], tasks: int) -> None:
        asyncio.run_coroutine_threadsafe(check(lengths, tasks), loop).result(60)

    await asyncio.to_thread(cut)


def _input(number: int) -> dict[str, str]:
    return {} if number % 5 == 0 else {"text": str(number)}


@pytest.mark.invariant(6)
@pytest.mark.parametrize("seed", range(3))
async def test_streams_over_a_network_that_breaks_in_every_way_show_exactly_the_log(
    cluster: Cluster, seed: int
) -> None:
    before = await cluster.log.refresh()
    start = f"{before.epoch}-{before.last_sequence}"
    tasks = [(await cluster.submit("talk"))["id"] for _ in range(2)]
    async with proxy_to(port_of(cluster.url)) as proxy:
        proxy.break_at_random(random.Random(seed), BREAKS_AFTER_BYTES_MAX)

        def follow_it(path: str) -> Browser:
            return Browser(proxy.port, f"/api/v1/{path}", start, silence=SILENCE_SECONDS)

        ways: dict[Browser, Wanted] = {follow_it("events"): any_event for _ in range(4)}
        ways |= {follow_it(f"tasks/{task}/events"): lambda record, task=task: task in record.subject for task in tasks}
        ways |= {follow_it("events?kind=talk&event=emitted"): lambda record: ".emitted.talk." in record.subject}
        async with browsers(ways):
            tasks += [(await cluster.submit("talk"))["id"] for _ in range(6)]
            await cluster.all_finished(tasks)
            await all_given(cluster, ways, after=before.last_sequence, patience=30.0)
        print("BREAKS", proxy.breaks.total(), dict(proxy.breaks))
        assert set(proxy.breaks) == set(Break)
        assert proxy.breaks.total() > 15


@pytest.mark.invariant(6)
async def test_a_single_tasks_stream_cut_after_every_event_shows_exactly_its_events(cluster: Cluster) -> None:
    task = await cluster.submit("talk")
    await cluster.outcome(task["id"])
    path = f"/api/v1/tasks/{task['id']}/events"
    seen: list[Seen] = []
    cursor = None
    while not seen or seen[-1].event != "finished":
        async with follow(cluster.http, path, after=cursor) as stream:
            opening = await stream.next()
            assert opening.event == ""
            assert cursor in (None, opening.id)
            seen += await stream.take(1)
            cursor = seen[-1].id
    records = await cluster.events(f"hr.tasks.*.*.*.*.{task['id']}")
    assert [each.sequence for each in seen] == [record.sequence for record in records]


@pytest.mark.invariant(6)
async def test_a_stream_resumed_at_a_position_of_another_log_is_reset_with_the_reason(cluster: Cluster) -> None:
    async with follow(cluster.http, "/api/v1/events", after=f"{cluster.log.epoch - 1}-5") as stream:
        (reset,) = await stream.take(1)
        assert reset.event == "reset"
        assert "made anew" in reset.data["reason"]
        assert reset.data["position"] == reset.id
        task = await cluster.submit("echo", text="after the reset")
        assert {each.data["task"] for each in await stream.take(3)} == {task["id"]}


@pytest.mark.invariant(6)
async def test_a_stream_resumed_at_a_position_ahead_of_the_log_is_reset(cluster: Cluster) -> None:
    async with follow(cluster.http, "/api/v1/events", after=f"{cluster.log.epoch}-99999999") as stream:
        (reset,) = await stream.take(1)
    assert "ahead" in reset.data["reason"]


@pytest.mark.invariant(6)
async def test_a_stream_resumed_at_a_position_whose_events_have_left_the_log_is_reset(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    tasks = [await cluster.submit("noop") for _ in range(3)]
    await cluster.all_finished([task["id"] for task in tasks])
    last = (await cluster.log.refresh()).last_sequence
    await cluster.log._connection.request("$JS.API.STREAM.PURGE.HEADRACE", b'{"seq":%d}' % last)
    async with follow(cluster.http, "/api/v1/events", after=tasks[0]["position"]) as stream:
        (reset,) = await stream.take(1)
    assert "left the log" in reset.data["reason"]
