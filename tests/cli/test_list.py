"""Listing tasks, from Python and on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from headrace.cli import cli
from headrace.client import Client, UnusableRequest
from headrace.client.lists import FilterFields
from headrace.contracts.batches import BatchEntry
from headrace.contracts.filters import Filter
from headrace.contracts.tasks import FailureCode, State, TaskOrder
from tests.cli.canned import Server, problem, refused
from tests.cli.conftest import Up

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def page(*tasks: str, following: str | None = None) -> httpx.Response:
    row = {"kind": "shout", "priority": "normal", "owner": "me", "state": "queued", "attempt": 1, "position": "1-1"}
    rows = [row | {"id": each, "created_at": NOON.isoformat()} for each in tasks]
    return httpx.Response(200, json={"items": rows, "next_cursor": following, "position": "1-9"})


async def test_a_list_gives_the_tasks_of_every_page(at_once: None) -> None:
    server = Server(page("a", "b", following="next"), refused, page("c"))
    async with server.client() as client:
        assert [task.id async for task in client.list(page_size=2, at_least="1-7")] == ["a", "b", "c"]
    assert [dict(request.url.params) for request in server.requests] == [
        {"limit": "2", "at_least": "1-7"},
        *[{"limit": "2", "at_least": "1-7", "cursor": "next"}] * 2,
    ]


async def test_the_next_page_is_asked_for_only_when_it_is_wanted() -> None:
    server = Server(page("a", following="next"), problem(404, "gone"))
    async with server.client() as client:
        async for task in client.list():
            assert task.id == "a"
            break
    assert len(server.requests) == 1


async def test_every_field_of_the_filter_is_a_parameter_of_the_query() -> None:
    texts = {"batch": "b", "schedule": "s", "owner": "*", "fingerprint": "0" * 16, "q": "two words"}
    instants = dict.fromkeys(("created_from", "created_before", "finished_from", "finished_before"), NOON)
    given: dict[str, Any] = {"state": [State.FAILED, State.CANCELLED], "kind": ["shout"], "code": [FailureCode.TIMEOUT]}
    given |= texts | {"labels": {"b": "2", "a": "1"}} | instants | {"slower_than": 1.5, "waited_longer_than": 2.0}
    assert list(given) == list(FilterFields.__annotations__) == list(Filter.__struct_fields__)
    server = Server(page())
    async with server.client() as client:
        assert [each.position async for each in client.pages(sort=TaskOrder.LONGEST_RUN, **given)] == ["1-9"]
    params = server.requests[0].url.params
    assert params.get_list("state") == ["failed", "cancelled"]
    assert params.get_list("label") == ["a=1", "b=2"]
    assert params["created_from"] == "2026-03-01T12:00:00+00:00"
    assert set(params) == {*given, "label", "sort", "limit"} - {"labels"}


async def test_what_is_listed_is_what_the_filter_selects(up: Up, client: Client) -> None:
    batch = await client.batch(
        "narrate",
        entries=[
            BatchEntry(input={"text": "salmon leap"}, labels={"river": "Aare"}),
            {"input": {"text": "eels wait"}, "labels": {"river": "Rhein"}},
        ],
        labels={"list": "fish", "river": "?"},
    )
    await client.get_batch(batch.id, wait=10)
    later = await client.submit(
        "shout", {"text": "trout later"}, delay=timedelta(hours=1), labels={"list": "fish", "river": "Aare"}
    )
    await client.get(later.id, at_least=later.position)

    both = [task async for task in client.list(labels={"list": "fish", "river": "Aare"}, page_size=1)]
    assert [(task.title, task.state) for task in both] == [("trout later", "pending"), ("salmon leap", "succeeded")]
    found = [task.title async for task in client.list(q="eels", state=[State.SUCCEEDED], batch=batch.id)]
    assert found == ["eels wait"]

    table = await up.shell.call("list", "--label", "list=fish", "--label", "river=Aare")
    headings, _, first, second = table.out.splitlines()
    assert (table.code, table.err) == (0, "")
    assert headings.split() == ["task", "kind", "state", "submitted", "ran", "title"]
    assert first.split() == [later.id, "shout", "pending", first.split()[3], "trout", "later"]
    assert second.split()[1:3] == ["narrate", "succeeded"]
    assert second.split()[-3:] == ["ms", "salmon", "leap"]
    newest = await up.shell.call("list", "--label", "list=fish", "--limit", "1", "--owner", "*", "--json")
    assert [each["id"] for each in json.loads(newest.out)] == [later.id]
    assert newest.err == "there are more; --limit shows more than the newest 1\n"
    of_all = await up.shell.call(
        "list", "--search", "trout later", "--since", "1h", "--owner", "*", "--state", "pending"
    )
    assert of_all.out.splitlines()[-1].split()[:3] == [later.id, later.owner, "shout"]
    none = await up.shell.call("list", "--kind", "narrate", "--code", "timeout", "--until", "1s")
    assert (none.code, none.out, none.err) == (0, "", "no task matches\n")
    await client.cancel(later.id)


async def test_a_batch_has_either_inputs_or_entries() -> None:
    server = Server(page())
    async with server.client() as client:
        with pytest.raises(UnusableRequest, match="either inputs or entries"):
            await client.batch("shout", [{}], entries=[{}])
        with pytest.raises(UnusableRequest, match="either inputs or entries"):
            await client.batch("shout")
    assert server.requests == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("list --state over", "'over' is not one of"),
        ("list --owner a.b", "is not the id of an owner; '*' is all of them"),
        ("list --label customer", "is not a label like customer=42"),
        ("list --label a=1 --label a=2", "no task has two values of one label"),
        ("list --since tomorrow", "2h is two hours ago"),
        ("list --limit 0", "not in the range"),
        ("list --limit 10001", "not in the range"),
        ("list some", "unexpected extra argument"),
    ],
)
def test_wrong_usage_exits_with_2(args: str, said: str) -> None:
    done = CliRunner().invoke(cli, args.split())
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
