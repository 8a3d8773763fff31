"""The log that is followed goes away, is made anew, or loses its history: whoever follows has all of it, or is told."""

from __future__ import annotations

import asyncio

import pytest

from headrace.api.streaming.follower import Discontinued, Follower
from headrace.api.streaming.hub import Hub
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.replay import TRY_SECONDS
from headrace.log.streams import provision_streams
from headrace.log.subjects import task_events
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.faults.browsers import Browser, Wanted, all_given, any_event, browsers, port_of
from tests.faults.test_live_feed import EVENTS, watched
from tests.proxy import proxy_to
from tests.waiting import until, within

PATIENCE_SECONDS = 5.0
GONE = "events after the position have left the log"
ANEW = "the log was lost and made anew"
LINE = "hr.tasks.logged.echo.normal.u1.t1"


async def append(cluster: Cluster, count: int, subject: str = LINE) -> list[int]:
    return [(await cluster.log.appender.append(subject, EVENTS["logged"], {})).sequence for _ in range(count)]


async def read(follower: Follower, count: int) -> list[int]:
    seen: list[int] = []
    async with within(PATIENCE_SECONDS, f"{count} events", lambda: seen):
        while len(seen) < count:
            seen += [frame.sequence for frame in await follower.next()]
    return seen


def is_reachable(log: Log) -> bool:
    return log.is_connected and log.replayer._connection.is_connected


async def purge(cluster: Cluster, up_to: int) -> None:
    """Have everything up to a sequence leave the log, as its age would."""
    await cluster.log.jetstream.request("STREAM.PURGE.HEADRACE", {"seq": up_to + 1})


async def accepted(cluster: Cluster, kind: str = "noop") -> str | None:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": kind, "input": {}})
    assert answer.status_code in (202, 503), answer.text
    return answer.json()["id"] if answer.status_code == 202 else None


async def submit(cluster: Cluster, count: int, kind: str = "noop") -> list[str]:
    """Submit tasks, as a client that tries again does."""
    return [await until(lambda: accepted(cluster, kind), "a submission to be accepted") for _ in range(count)]


@pytest.mark.invariant(6)
async def test_a_log_made_anew_behind_an_open_connection_is_followed_from_its_beginning(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    log, hub = cluster.log, Hub(cluster.log)
    old = await append(cluster, 20)
    follower = await hub.follow(task_events("u1"), Position(log.epoch, old[-1]))
    await log.jetstream.request("STREAM.DELETE.HEADRACE")
    await provision_streams(log.jetstream, log.settings)
    await log.refresh()  # as any request does; nobody has told the hub
    later = await hub.follow(task_events("u1"), Position(log.epoch, 0))
    assert await later.next(0) == []
    with pytest.raises(Discontinued, match=ANEW):
        await follower.next(0)
    follower.restart(Position(log.epoch, 0))
    assert await follower.next(0) == []
    new = await append(cluster, 5)
    assert await read(later, 5) == await read(follower, 5) == new


@pytest.mark.invariant(6)
async def test_a_follower_that_was_cut_off_while_history_left_the_log_is_reset(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    async with proxy_to(port_of(cluster.nats.url)) as proxy, watched(cluster, proxy.url) as those:
        far = those.hub._log
        beginning = Position(far.epoch, 0)
        has_all = await those.hub.follow(task_events("u1"), beginning)
        idle = await those.hub.follow(task_events("u2"), beginning)
        first = await append(cluster, 3)
        assert await read(has_all, 3) == first
        proxy.go_down()
        await until(lambda: not far.is_connected, "the connection to break")
        lost = await append(cluster, 3)
        await purge(cluster, lost[-1])
        await proxy.listen()
        await until(lambda: is_reachable(far), "the connection to come back")
        new = await append(cluster, 1)
        for follower in (has_all, idle):  # what left the log may have been of either
            with pytest.raises(Discontinued, match=GONE):
                await read(follower, 1)
        has_all.restart(Position(far.epoch, lost[-1]))
        assert await read(has_all, 1) == new


@pytest.mark.invariant(6)
async def test_an_event_that_arrives_during_a_reconnect_is_shown(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    log, hub = cluster.log, Hub(cluster.log)
    follower = await hub.follow(task_events("u1"), Position(log.epoch, 0))
    (feed,) = hub._feeds.values()
    feed.on_disconnect()
    lost = await append(cluster, 3)
    await purge(cluster, lost[-1])
    await log.refresh()
    new = await append(cluster, 1)
    await until(lambda: feed.newest == new[-1], "it to be heard")
    feed.catch_up()
    with pytest.raises(Discontinued, match=GONE):
        await follower.next(0)
    follower.restart(Position(log.epoch, lost[-1]))
    assert await read(follower, 1) == new


@pytest.mark.invariant(6)
async def test_a_page_of_history_lost_with_its_connection_is_asked_for_again(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    async with proxy_to(port_of(cluster.nats.url)) as proxy, watched(cluster, proxy.url) as those:
        follower = await those.hub.follow(task_events("u1"), Position(cluster.log.epoch, 0))
        assert await follower.next(0) == []
        (feed,) = those.hub._feeds.values()
        proxy.hold_answers()
        asked = asyncio.create_task(proxy.passed(b"$JS.API.DIRECT.GET"))
        new = await append(cluster, 1)
        feed.read_up_to(new[-1])
        await asked
        proxy.cut()
        async with within(sum(TRY_SECONDS) - 1, "the page to be asked for again"):
            assert await read(follower, 1) == new


@pytest.mark.invariant(6)
async def test_an_idle_client_stays_when_history_leaves_the_log_and_one_that_slept_is_reset(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    port = port_of(cluster.url)
    async with browsers([Browser(port, "/api/v1/events?kind=echo"), Browser(port, "/api/v1/events")]) as (
        idle,
        sleeper,
    ):
        await cluster.all_finished([(await cluster.submit("noop"))["id"]])
        await until(lambda: len(sleeper.seen) == 3, "a client to see it")
        await sleeper.close()
        await cluster.all_finished([(await cluster.submit("noop"))["id"] for _ in range(10)])
        await age_out(cluster)
        awake = Browser(port, "/api/v1/events", cursor=sleeper.cursor)
        await until(lambda: awake.resets, "the client to be told")
        last = (await cluster.log.refresh()).last_sequence
        assert awake.resets == [{"reason": GONE, "position": f"{cluster.log.epoch}-{last}"}]
        await cluster.all_finished([(await cluster.submit("echo", text="later"))["id"]])
        await all_given(cluster, {idle: any_event}, after=last)
        await all_given(cluster, {awake: any_event}, after=last, resets=1)
        assert (idle.connects, awake.connects) == (1, 1)
        await awake.close()


async def age_out(cluster: Cluster) -> None:
    """Let everything in the log come of age, and set its age back."""
    jetstream, name = cluster.log.jetstream, subjects.STREAM
    config = (await jetstream.request(f"STREAM.INFO.{name}"))["config"]
    second = 1_000_000_000
    await jetstream.request(f"STREAM.UPDATE.{name}", config | {"max_age": second, "duplicate_window": second})

    async def empty() -> bool:
        # What has reached its age counts as having left a little before it does, so the extent says it too early.
        return not (await cluster.log.replayer.page(">", start=1)).records

    await until(empty, "everything to leave the log")
    await jetstream.request(f"STREAM.UPDATE.{name}", config)


async def test_a_process_that_finds_the_log_gone_makes_it_anew(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    before = cluster.log.epoch
    await cluster.log.jetstream.request("STREAM.DELETE.HEADRACE")
    with pytest.raises(LogUnavailable):
        await cluster.log.refresh()
    await until(lambda: cluster.log.epoch != before, "the log to be made anew")
    assert await append(cluster, 2) == [1, 2]


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_a_log_deleted_while_nats_stays_is_made_anew_and_its_followers_are_reset(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    before = await submit(cluster, 1)
    await cluster.all_finished(before)
    running = (await cluster.submit("wait", name="gate"))["id"]
    await until(lambda: running in [task for task, _ in cluster.calls()], "the handler")
    last = (await cluster.log.refresh()).last_sequence
    projected = {"at_least": f"{cluster.log.epoch}-{last}"}
    assert (await cluster.http.get("/api/v1/tasks", params=projected)).status_code == 200
    port = port_of(cluster.url)
    made = [Browser(port, "/api/v1/events"), Browser(port, f"/api/v1/tasks/{running}/events")]
    async with browsers(made) as (everything, one):
        await cluster.log.jetstream.request("STREAM.DELETE.HEADRACE")
        (task,) = await submit(cluster, 1)
        await until(lambda: everything.resets and one.resets, "the clients to be told")
        assert (await cluster.outcome(task))["state"] == "succeeded"
        cluster.open_gate("gate")
        assert (await cluster.outcome(running))["state"] == "succeeded"
        assert {client.resets[0]["reason"] for client in (everything, one)} == {ANEW}
        start = Position.parse(everything.resets[0]["position"])
        assert start.epoch == (await cluster.log.refresh()).epoch
        await all_given(cluster, {everything: any_event}, after=start.sequence, resets=1)
        await until(lambda: one.over, "the stream of the task to end")
        assert set(one.tasks) <= {running}
        assert (await cluster.outcome(before[0]))["state"] == "succeeded"


async def follow_through_kills(cluster: Cluster, clients: int, kills: int) -> None:
    """Kill NATS while tasks are submitted and very many follow, each in one of several ways."""
    await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    port, last = port_of(cluster.url), (await cluster.log.refresh()).last_sequence
    first = await submit(cluster, 4)
    ways: list[tuple[str, Wanted]] = [
        ("/api/v1/events", any_event),
        ("/api/v1/events?kind=talk", lambda record: ".talk." in record.subject),
        (
            "/api/v1/events?event=finished&event=started",
            lambda record: record.subject.split(".")[2] in ("finished", "started"),
        ),
        *((f"/api/v1/events?task={task}", _is_of(task)) for task in first),
    ]
    start = f"{cluster.log.epoch}-{last}"
    chosen = [ways[n % len(ways)] for n in range(clients)]
    wanted = {Browser(port, path, start): wants for path, wants in chosen}
    async with browsers(wanted):
        for kind in ("noop", "talk", "noop")[:kills]:
            before = sum(len(browser.seen) for browser in wanted)
            submitting = asyncio.create_task(submit(cluster, 8, kind))
            await until(
                lambda before=before: sum(len(each.seen) for each in wanted) > before + clients, "some to be given"
            )
            await cluster.nats.kill()
            await cluster.nats.start()
            tasks = await submitting
            await until(lambda: is_reachable(cluster.log), "the log to be reachable from here")
            await cluster.all_finished(tasks)
        await all_given(cluster, wanted, after=last)


def _is_of(task: str) -> Wanted:
    return lambda record: record.subject.endswith(task)


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_nats_killed_while_some_follow_costs_none_of_them_an_event(make_cluster: MakeCluster) -> None:
    await follow_through_kills(await make_cluster(), clients=21, kills=1)


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_nats_killed_again_and_again_while_200_follow_costs_none_of_them_an_event(
    make_cluster: MakeCluster,
) -> None:
    await follow_through_kills(await make_cluster(), clients=200, kills=3)
