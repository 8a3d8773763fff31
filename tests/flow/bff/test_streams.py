"""The streams of the web application: brief, with hints, each role its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from headrace.contracts.hints import HintName
from tests.cluster import Cluster
from tests.flow.identity.account_steps import decide, find_waiting, new_person, register
from tests.flow.problems import check_problem
from tests.sse import Seen, Stream, follow

PATIENCE_SECONDS = 10.0
HINTS = frozenset(HintName)
MEMBER, ADMIN = "/bff/v1/member/events", "/bff/v1/admin/events"


async def find(stream: Stream, wanted: Callable[[Seen], bool]) -> Seen:
    """The next event or hint of a sort; every hint on the way has no id."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            seen = await stream.next(hints=True)
            assert (seen.event in HINTS) == (not seen.id)
            if seen.event and wanted(seen):
                return seen


def is_hint(event: str, /, **fields: Any) -> Callable[[Seen], bool]:
    return lambda seen: seen.event == event and fields.items() <= seen.data.items()


async def echo(http: httpx.AsyncClient, text: str = "On roads") -> str:
    answer = await http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": text}})
    assert answer.status_code == 202
    return answer.json()["id"]


@pytest.mark.invariant(6)
async def test_a_brief_stream_shows_live_what_it_then_shows_from_history_and_opens_with_the_counts(
    cluster: Cluster,
) -> None:
    ada = await cluster.make_user()
    http = cluster.http_as(ada.key)
    live: list[Seen] = []
    async with follow(http, MEMBER) as stream:
        opened, first = await stream.next(), await stream.next()
        assert (opened.event, first.event) == ("", "beat")
        assert opened.id == first.id == first.data["position"]
        counts = await find(stream, is_hint("counts"))
        assert counts.data == {"counts": dict.fromkeys(counts.data["counts"], 0), "kinds": {}}
        for kind in ("talk", "echo", "fail"):
            given = {"text": "On roads"} if kind == "echo" else {}
            assert (await http.post("/api/v1/tasks", json={"kind": kind, "input": given})).status_code == 202
        while sum(each.event == "finished" for each in live) < 3:
            live += await stream.take(1)
        done = await find(stream, lambda seen: seen.event == "counts" and seen.data["counts"]["succeeded"] == 2)
        assert done.data["kinds"]["talk"]["succeeded"] == 1
    assert not {"logged", "emitted"} & {each.event for each in live}
    assert all(each.data.get("priority") == (None if each.event == "finished" else "normal") for each in live)
    assert not any("owner" in each.data for each in live)
    assert not any({"result", "input"} & each.data.keys() for each in live)
    (failed,) = (each for each in live if each.data.get("outcome") == "failed")
    assert failed.data["error"].keys() == {"code", "message"}
    for path in (MEMBER, "/api/v1/events?form=brief"):
        async with follow(http, path, after=opened.id) as stream:
            assert await stream.take(len(live)) == live


@pytest.mark.invariant(8)
async def test_a_member_hears_of_its_own_and_an_administrator_of_everybody_and_everything(cluster: Cluster) -> None:
    ada, boss = await cluster.make_user(), await cluster.make_user(role="admin")
    of_ada, of_boss = cluster.http_as(ada.key), cluster.http_as(boss.key)
    check_problem(await of_ada.get(ADMIN), 403, "forbidden")
    async with follow(of_boss, ADMIN) as everybody, follow(of_boss, MEMBER) as own, follow(of_ada, MEMBER) as member:
        counts = await find(everybody, is_hint("counts"))
        assert sum(counts.data["counts"].values()) == sum(sum(each.values()) for each in counts.data["kinds"].values())
        gauges = await find(everybody, is_hint("gauges"))
        assert gauges.data["log_bytes"] > 0
        assert {lane["kind"] for lane in gauges.data["lanes"]} >= {"echo"}
        await find(member, is_hint("counts"))
        task = await echo(of_ada)
        seen = await find(everybody, lambda seen: seen.event == "finished" and seen.data["task"] == task)
        assert seen.data["owner"] == ada.id
        seen = await find(member, lambda seen: seen.event == "finished")
        assert (seen.data["task"], "owner" in seen.data) == (task, False)
        mine = await echo(of_boss)
        assert (await find(own, lambda seen: seen.event == "queued")).data["task"] == mine


@pytest.mark.invariant(8)
async def test_an_administrator_follows_one_owner_beside_all_and_each_look_is_in_the_audit_once_a_minute(
    cluster: Cluster,
) -> None:
    ada, bob, boss = await cluster.make_user(), await cluster.make_user(), await cluster.make_user(role="admin")
    of_ada, of_bob, of_boss = (cluster.http_as(each.key) for each in (ada, bob, boss))
    async with follow(of_boss, f"{ADMIN}?owner={ada.id}") as stream:
        counts = await find(stream, is_hint("counts"))
        assert sum(counts.data["counts"].values()) == 0
        await find(stream, is_hint("gauges"))
        await echo(of_bob)
        task = await echo(of_ada)
        seen: list[Seen] = []
        while not any(each.event == "finished" for each in seen):
            seen += await stream.take(1)
        assert {(each.data["task"], each.data["owner"]) for each in seen} == {(task, ada.id)}
        await find(stream, is_hint("counts", counts={**counts.data["counts"], "succeeded": 1}))
    for query in ("", "?owner=*", f"?owner={boss.id}", f"?owner={ada.id}"):
        async with follow(of_boss, f"{ADMIN}{query}") as stream:
            assert (await stream.next()).id
    looks = (await of_boss.get("/api/v1/audit", params={"actor": boss.id})).json()["items"]
    assert [each["subject"] for each in looks] == ["*", ada.id]
    assert {(each["action"], each["data"]["route"]) for each in looks} == {("user.viewed", ADMIN)}
    # Elsewhere all owners together are no owner.
    for path in ("/api/v1/events", MEMBER):
        check_problem(await of_boss.get(path, params={"owner": "*"}), 400, "malformed_request")
    check_problem(await of_ada.get(ADMIN, params={"owner": ada.id}), 403, "forbidden")


async def test_batches_schedules_kinds_and_accounts_are_hinted_at(cluster: Cluster) -> None:
    ada, boss = await cluster.make_user(), await cluster.make_user(role="admin")
    of_ada, of_boss = cluster.http_as(ada.key), cluster.http_as(boss.key)
    async with follow(of_boss, ADMIN) as everybody, follow(of_ada, MEMBER) as member:
        for stream in (everybody, member):
            # The sources work by now: they were there before the first counts were read.
            await find(stream, is_hint("counts"))
        batch = {"kind": "echo", "inputs": [{"text": "one"}, {"text": "two"}], "name": "a pair"}
        made = (await of_ada.post("/api/v1/batches", json=batch)).json()
        settled = await find(member, is_hint("settled", id=made["id"], name="a pair", state="settled"))
        assert settled.data["counts"]["succeeded"] == 2
        schedule = {"kind": "echo", "input": {"text": "x"}, "every": 86_400}
        saved = (await of_ada.post("/api/v1/schedules", json=schedule)).json()["id"]
        await find(member, is_hint("schedule", schedule=saved, change="saved"))
        assert (await of_ada.delete(f"/api/v1/schedules/{saved}")).status_code == 204
        deleted = await find(member, is_hint("schedule", schedule=saved, change="deleted"))
        listed = await of_ada.get("/api/v1/schedules", params={"at_least": deleted.data["position"]})
        assert listed.json()["items"] == []
        assert (await of_boss.put("/api/v1/kinds/noop/pause")).status_code == 200
        try:
            await find(member, is_hint("kind", kind="noop", change="paused", paused=True, has_workers=True))
        finally:
            assert (await of_boss.delete("/api/v1/kinds/noop/pause")).status_code == 200
        await find(member, is_hint("kind", kind="noop", change="resumed", paused=False))


async def test_a_registration_and_the_decision_are_told_to_administrators(cluster: Cluster) -> None:
    boss = await cluster.make_user(role="admin")
    async with follow(cluster.http_as(boss.key), f"{ADMIN}?event=users&event=gauges") as stream:
        await find(stream, is_hint("gauges"))
        person = new_person("Ada")
        assert (await register(cluster, person)).status_code == 202
        told = await find(stream, is_hint("users", change="registered"))
        waiting = await find_waiting(cluster, person)
        assert told.data == {"user": waiting["id"], "change": "registered", "state": "pending"}
        await decide(cluster, waiting["id"], "approved")
        await find(stream, is_hint("users", change="decided", user=waiting["id"], state="active"))


async def test_a_filter_by_labels_shows_the_tasks_that_have_all_of_them(cluster: Cluster) -> None:
    ada = await cluster.make_user()
    http = cluster.http_as(ada.key)
    async with follow(http, f"{MEMBER}?label=customer=42&label=run=b&event=finished") as stream:
        for labels in ({}, {"customer": "42"}, {"customer": "42", "run": "b"}):
            asked = {"kind": "noop", "input": {}, "labels": labels}
            assert (await http.post("/api/v1/tasks", json=asked)).status_code == 202
        (seen,) = await stream.take(1)
    assert seen.data["labels"] == {"customer": "42", "run": "b"}
