"""Events with values that nobody foresaw: the projector passes each of them, and every list still answers."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from headrace.contracts.batches import BatchState
from headrace.contracts.tasks import FailureCode, State
from headrace.identity.principals import LOCAL
from headrace.log import subjects
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.unit.projector.test_project import reach, tables

TEXTS = ["a\0b", "\ud800", "\udc00\ud800", "", "x" * 4000, "\u202e\u2028\x1b[2J", "{", "é😀", "0" * 400]
INSTANTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "2030-01-01T00:00:00",
    "2030-01-01T00:00:00.5+00:00",
    "tomorrow",
]
NUMBERS = [0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, 1.5]
VALUES = [None, True, [], {}, {"a\0": "b\0"}, [[[]]], *TEXTS, *INSTANTS, *NUMBERS]
IDS = ["t1", "t2", "t3", "é", "x" * 64, "x" * 65, "x" * 3000]

ERROR = {"code": "raised", "message": "a\0b", "traceback": None}
DEFINITION = {"kind": "echo", "input": {}, "every": 60}
QUEUED = {"attempt": 1, "fence": 0, "input": {"a\0": "b"}, "max_attempts": 3, "expires_at": None, "due_at": None}
EVENTS: dict[str, dict[str, Any]] = {
    "tasks.queued": QUEUED,
    "tasks.deferred": {**QUEUED, "due_at": "2030-01-01T00:00:00Z", "error": ERROR},
    "tasks.started": {"attempt": 1, "worker": "w", "delivered": 1},
    "tasks.progressed": {"attempt": 1, "fraction": 0.5, "message": "m"},
    "tasks.logged": {"attempt": 1, "level": "info", "message": "m"},
    "tasks.emitted": {"attempt": 1, "chunks": []},
    "tasks.stored": {"attempt": 1, "file": "f", "key": "k", "name": "n", "size": 1, "media_type": "m", "checksum": "c"},
    "tasks.finished": {
        "attempt": 1,
        "outcome": "failed",
        "result": None,
        "error": ERROR,
        "by": None,
        "worker": None,
        "withdrawn": {"sequence": 1, "at": "2030-01-01T00:00:00Z", "queued": {"event": "queued", **QUEUED}},
        "restored": None,
    },
    "batches.created": {"kind": "echo", "total": 1, "priority": "low", "name": "n"},
    "batches.cancelled": {"by": "u"},
    "batches.settled": {"counts": {"succeeded": 1}},
    "schedules.saved": {"definition": DEFINITION, "created_at": None, "updated_at": None},
    "schedules.deleted": {},
}
DEFINITIONS: list[dict[str, Any]] = [
    DEFINITION | changed
    for changed in (
        {"cron": "x", "every": None},
        {"cron": "0 0 0 31 2 *", "every": None},
        {"cron": "* * * * * *", "every": None, "time_zone": "Nowhere/\0"},
        {"cron": "0 0 0 1 1 *", "every": None, "start_at": "9999-12-31T23:59:59Z"},
        {"every": 31_622_400, "start_at": "9999-12-31T23:59:59Z"},
        {"every": 1, "start_at": "0001-01-01T00:00:00+14:00"},
        {"every": None, "name": "a\0b"},
    )
]


def odd(of: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same event with one odd value, in each of its fields and in those inside."""
    for name, value in of.items():
        for other in VALUES:
            yield {**of, name: other}
        if isinstance(value, dict):
            yield from ({**of, name: inside} for inside in odd(value))


def odd_events(seed: int, count: int) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Subjects, events and headers: each field of each event once with each odd value, a sample of them."""
    chance = random.Random(seed)
    every = [(what, each) for what, usual in EVENTS.items() for each in (usual, *odd(usual))]
    every += [("schedules.saved", {"definition": each}) for each in DEFINITIONS] * 3
    for what, fields in [*chance.sample(every, count), *every[-len(DEFINITIONS) :]]:
        of, _, name = what.partition(".")
        kind = ".echo.normal" if of == "tasks" else ""
        headers = {header: chance.choice([*TEXTS, *IDS]) for header in subjects.CARRIED if chance.random() < 0.3}
        yield f"hr.{of}.{name}{kind}.{LOCAL}.{chance.choice(IDS)}", {"event": name, **fields}, headers


async def append_odd(cluster: Cluster, seed: int, count: int) -> int:
    """Append odd events, those that can be sent; the sequence of the last."""
    sequence = 0
    for subject, event, headers in odd_events(seed, count):
        payload = json.dumps(event).encode()
        usable = {name: value for name, value in headers.items() if value.isprintable() and value.isascii()}
        with suppress(UnicodeEncodeError, ValueError):
            sequence = (await cluster.log.appender.append(subject, payload, usable)).sequence
    return sequence


async def check_lists(cluster: Cluster) -> None:
    """Every list, every detail and every selection answers."""
    listed: list[tuple[str, str]] = []
    for of, states in (("tasks", (None, *State)), ("batches", (None, *BatchState)), ("schedules", (None,))):
        for state in states:
            answer = await cluster.http.get(f"/api/v1/{of}", params={"state": state} if state else {})
            assert answer.status_code == 200, answer.text
            listed += [(of, item["id"]) for item in answer.json()["items"]]
    assert len(listed) > 6
    for (of, each), below in itertools.product(set(listed), ("", "/timeline")):
        if not below or of == "tasks":
            answer = await cluster.http.get(f"/api/v1/{of}/{each}{below}")
            assert answer.status_code in (200, 404), (of, each, answer.text)
    for code in FailureCode:
        for what in ("runs", "cancellations"):
            body = {"select": {"code": [code]}, "dry_run": True}
            answer = await cluster.http.post(f"/api/v1/{what}", json=body)
            assert answer.status_code == 200, answer.text


@pytest.mark.invariant(7)
async def test_no_event_stops_the_projector_or_a_list(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    api, projector = await cluster.start("api", "projector")
    last = await append_odd(cluster, seed=1, count=150)
    sound = await cluster.log.appender.append(
        f"hr.tasks.queued.echo.normal.{LOCAL}.sound", json.dumps({"event": "queued", **QUEUED}).encode(), {}
    )
    await reach(cluster, max(last, sound.sequence))
    assert len(projector.logged("projecting")) == 1, projector.last_lines()
    await check_lists(cluster)
    assert api.logged("unexpected error") == []

    before = await tables(cluster)
    assert await projector.stop() == 0
    await cluster.execute("TRUNCATE tasks, task_events, batches, schedules, projection")
    await cluster.start("projector")
    await reach(cluster, sound.sequence)
    assert await tables(cluster) == before
