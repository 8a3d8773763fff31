"""Following a part of everything: filters of `/events` narrow what is shown, live and from history alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headrace.api.streaming.event_filter import TASKS_MAX, VALUES_MAX
from headrace.contracts.events import EventName, Queued, encode
from headrace.contracts.tasks import NULL
from headrace.log.subjects import TaskSubject
from tests.cluster import Cluster
from tests.flow.batch_steps import settled
from tests.flow.batch_steps import submit as submit_batch
from tests.flow.life_steps import read
from tests.flow.problems import check_problem
from tests.sse import Seen, follow

PATIENCE_SECONDS = 10.0

Params = list[tuple[str, str]]


class Happened:
    """Some tasks and a batch, everything that the log has of them, and where it stood before."""

    def __init__(self, before: str, tasks: dict[str, str], batch: str, events: list[Seen]) -> None:
        self.before = before
        self.tasks = tasks
        self.batch = batch
        self.events = events

    @property
    def last(self) -> Seen:
        return self.events[-1]


async def now(cluster: Cluster) -> str:
    state = await cluster.log.refresh()
    return f"{state.epoch}-{state.last_sequence}"


async def happen(cluster: Cluster) -> Happened:
    """Have some things happen."""
    before = await now(cluster)
    tasks = {kind: (await cluster.submit(kind, **given))["id"] for kind, given in GIVEN.items()}
    batch = (await submit_batch(cluster, "echo", [{"text": "one"}, {"text": "two"}]))["id"]
    for task in tasks.values():
        await cluster.outcome(task)
    await settled(cluster, batch)
    async with follow(cluster.http, "/api/v1/events", after=before) as stream:
        events: list[Seen] = []
        while sum(each.event == "finished" for each in events) < len(tasks) + 2:
            events += await stream.take(1)
    return Happened(before, tasks, batch, events)


GIVEN: dict[str, dict[str, Any]] = {"noop": {}, "echo": {"text": "hello"}, "talk": {}, "fail": {}}


async def shown(cluster: Cluster, params: Params, after: str, last: Seen) -> list[Seen]:
    """What a filter shows after a position, up to an event: from history, and then live until it gets there."""
    query = "&".join(f"{name}={value}" for name, value in params)
    found: list[Seen] = []
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        follow(cluster.http, f"/api/v1/events?{query}", after=after) as stream,
    ):
        while not found or found[-1].sequence < last.sequence:
            found += await stream.take(1)
    return found


@pytest.mark.invariant(6)
@pytest.mark.parametrize(
    ("filter_", "wants"),
    [
        (lambda of: [("task", of.tasks["talk"])], lambda of, e: e.data["task"] == of.tasks["talk"]),
        (
            lambda of: [("task", of.tasks["talk"]), ("task", of.tasks["noop"])],
            lambda of, e: e.data["task"] in (of.tasks["talk"], of.tasks["noop"]),
        ),
        (lambda of: [("batch", of.batch)], lambda of, e: e.data["batch"] == of.batch),
        (lambda _: [("kind", "echo")], lambda _, e: e.data["kind"] == "echo"),
        (lambda _: [("kind", "echo"), ("kind", "fail")], lambda _, e: e.data["kind"] in ("echo", "fail")),
        (lambda _: [("event", "finished")], lambda _, e: e.event == "finished"),
        (lambda _: [("event", "queued"), ("event", "emitted")], lambda _, e: e.event in ("queued", "emitted")),
        (
            lambda of: [("batch", of.batch), ("event", "finished")],
            lambda of, e: e.data["batch"] == of.batch and e.event == "finished",
        ),
        (
            lambda of: [("kind", "echo"), ("kind", "talk"), ("event", "started"), ("event", "finished")],
            lambda _, e: e.data["kind"] in ("echo", "talk") and e.event in ("started", "finished"),
        ),
        (
            lambda of: [("task", of.tasks["echo"]), ("kind", "echo"), ("event", "queued")],
            lambda of, e: e.data["task"] == of.tasks["echo"] and e.event == "queued",
        ),
    ],
    ids=[
        "task",
        "tasks",
        "batch",
        "kind",
        "kinds",
        "event",
        "events",
        "batch-event",
        "kinds-events",
        "task-kind-event",
    ],
)
async def test_a_stream_filter_shows_what_it_names_live_and_from_history_alike(
    cluster: Cluster, filter_: Callable[[Happened], Params], wants: Callable[[Happened, Seen], bool]
) -> None:
    happened = await happen(cluster)
    params = filter_(happened)
    wanted = [each for each in happened.events if wants(happened, each)]
    assert 0 < len(wanted) < len(happened.events)
    assert await shown(cluster, params, happened.before, wanted[-1]) == wanted
    for resumed in range(1, len(wanted), 5):
        assert await shown(cluster, params, wanted[resumed - 1].id, wanted[-1]) == wanted[resumed:]


@pytest.mark.invariant(6)
async def test_a_stream_filter_shows_live_what_it_then_shows_from_history(cluster: Cluster) -> None:
    params = [("kind", "talk"), ("kind", "noop"), ("event", "started"), ("event", "emitted"), ("event", "finished")]
    query = "&".join(f"{name}={value}" for name, value in params)
    before = await now(cluster)
    async with follow(cluster.http, f"/api/v1/events?{query}") as stream:
        live: list[Seen] = []
        for kind in GIVEN:
            await cluster.submit(kind, **GIVEN[kind])
        while sum(each.event == "finished" for each in live) < 2:
            live += await stream.take(1)
    assert {each.data["kind"] for each in live} == {"talk", "noop"}
    assert {each.event for each in live} == {"started", "emitted", "finished"}
    assert await shown(cluster, params, before, live[-1]) == live


async def test_a_stream_may_be_filtered_by_many_tasks(cluster: Cluster) -> None:
    task = await cluster.submit("noop")
    params = [("task", task["id"]), *(("task", f"unknown-{n}") for n in range(TASKS_MAX - 1))]
    seen = await shown(cluster, params, await before_of(task), await finish_of(cluster, task["id"]))
    assert [each.event for each in seen] == ["queued", "started", "finished"]


@pytest.mark.invariant(8)
async def test_a_stream_filter_never_shows_what_belongs_to_somebody_else(cluster: Cluster) -> None:
    before = await now(cluster)
    theirs = str(TaskSubject(EventName.QUEUED, "noop", "normal", "somebody", "theirs"))
    await cluster.log.appender.append(theirs, encode(Queued(attempt=1, fence=0, input=NULL)), {})
    mine = (await cluster.submit("noop"))["id"]
    last = await finish_of(cluster, mine)
    for params in (
        [("task", "theirs"), ("task", mine)],
        [("kind", "noop")],
        [("event", "queued"), ("event", "finished")],
    ):
        seen = await shown(cluster, params, before, last)
        assert {each.data["task"] for each in seen} == {mine}


@pytest.mark.invariant(6)
@pytest.mark.parametrize("path", ["?task={task}", "?kind=noop", "?event=finished", "?task={task}&event=finished"])
async def test_a_filtered_stream_opens_with_the_position_it_begins_at(cluster: Cluster, path: str) -> None:
    task = (await cluster.submit("noop"))["id"]
    position = (await cluster.outcome(task))["position"]
    path = f"/api/v1/events{path.format(task=task)}"
    async with follow(cluster.http, path, after=position) as stream:
        opened = await stream.next()
    assert (opened.id, opened.event) == (position, "")


@pytest.mark.parametrize(
    ("query", "path", "words"),
    [
        ("kind=nope", "query kind", "no worker ever announced a kind 'nope'"),
        ("kind=noop&kind=nope", "query kind", "'nope'"),
        ("kind=", "query kind", "''"),
        ("kind=*", "query kind", "'*'"),
        ("kind=no.op", "query kind", "'no.op'"),
        ("event=done", "query event", "finished"),
        ("event=FINISHED", "query event", "'FINISHED'"),
        ("event=*", "query event", "'*'"),
        ("event=>", "query event", "'>'"),
        ("event=", "query event", "''"),
        ("task=*", "query task", "'*' is not an id"),
        ("task=", "query task", "is not an id"),
        ("task=a.b", "query task", "is not an id"),
        ("task=a%0A", "query task", "is not an id"),
        ("task=%00", "query task", "is not an id"),
        ("task=" + "x" * 65, "query task", "is not an id"),
        ("batch=>", "query batch", "is not an id"),
        ("batch=a%20b", "query batch", "is not an id"),
        ("batch=%F0%9F%98%80", "query batch", "is not an id"),
        ("tasks=a", "query tasks", "there are after, task, batch, kind, event"),
        ("task=a&state=failed", "query state", "there is no parameter 'state'"),
        ("Kind=noop", "query Kind", "there is no parameter"),
        ("kind[]=noop", "query kind[]", "there is no parameter"),
        ("token=x", "query token", "there is no parameter"),
        ("&".join(f"task=t{n}" for n in range(TASKS_MAX + 1)), "query task", f"{TASKS_MAX} at most"),
        ("&".join(f"batch=b{n}" for n in range(VALUES_MAX + 1)), "query batch", f"{VALUES_MAX} at most"),
        ("&".join(f"kind=k{n}" for n in range(VALUES_MAX + 1)), "query kind", f"{VALUES_MAX} at most"),
        ("&".join(f"event=e{n}" for n in range(VALUES_MAX + 1)), "query event", f"{VALUES_MAX} at most"),
    ],
    ids=lambda each: each[:24],
)
async def test_a_stream_filter_that_nothing_could_pass_is_refused_by_its_name(
    cluster: Cluster, query: str, path: str, words: str
) -> None:
    problem = check_problem(await cluster.http.get(f"/api/v1/events?{query}"), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == [path]
    assert words in problem["message"]
    assert len(problem["message"]) < 400


@pytest.mark.parametrize(
    "cursor", ["now", "1", "-", "1-", "-1", "1-x", "1 - 2", "1-2-3", "٣-٣", "1-99999999999999999999"]
)
async def test_a_malformed_stream_cursor_is_refused_with_any_filter(cluster: Cluster, cursor: str) -> None:
    for query in ({}, {"kind": "noop"}):
        answer = await cluster.http.get("/api/v1/events", params={"after": cursor, **query})
        check_problem(answer, 400, "invalid_position")
        if cursor.isascii():
            answer = await cluster.http.get("/api/v1/events", params=query, headers={"Last-Event-ID": cursor})
            check_problem(answer, 400, "invalid_position")


async def test_an_overlong_stream_cursor_is_refused_by_its_name(cluster: Cluster) -> None:
    answer = await cluster.http.get("/api/v1/events", params={"after": "1-" + "0" * 40})
    problem = check_problem(answer, 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == ["query after"]
    answer = await cluster.http.get("/api/v1/events", headers={"Last-Event-ID": "1-" + "0" * 40})
    problem = check_problem(answer, 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == ["header Last-Event-ID"]


async def before_of(task: dict[str, Any]) -> str:
    """The position before a task's first event."""
    epoch, _, sequence = task["position"].partition("-")
    return f"{epoch}-{int(sequence) - 1}"


async def finish_of(cluster: Cluster, task: str) -> Seen:
    """A task's last event, once it is there."""
    await cluster.outcome(task)
    position = (await read(cluster, task))["position"]
    return Seen(position, "finished", {})
