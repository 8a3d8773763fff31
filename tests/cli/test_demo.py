"""The demo, and the work that it makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import pytest

from consumers.demo_steps import demo_steps
from consumers.table_profile import table_profile
from consumers.text_feedback import text_feedback
from headrace.cli.terminal.demo.work import KINDS, SCHEDULE_SECONDS, STEPS, batch_inputs, pieces, schedule
from headrace.testing import RecordingSyncContext
from tests.accounts import KEY
from tests.cli.conftest import Shell, Up
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.waiting import until

HANDLERS: dict[str, Any] = {kind.name: kind for kind in (text_feedback, table_profile, demo_steps)}


@pytest.fixture(scope="module")
async def shipped(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """An installation with the kinds that come with Headrace."""
    async with share_cluster("api", "worker", "projector", HEADRACE_CONSUMERS="consumers") as cluster:
        yield cluster


def run(kind: str, given: Any) -> None:
    handler = HANDLERS[kind]
    decoded = handler.decode_input(msgspec.json.encode(given))
    if kind != STEPS:
        handler(decoded, RecordingSyncContext())


def test_every_piece_has_a_title_and_does_what_it_says() -> None:
    made = list(islice(pieces(), 60))
    reasons: set[str] = set()
    for piece in made:
        assert piece.input.get("heading") or piece.input.get("name")
        if piece.fails:
            with pytest.raises(ValueError, match="line") as failed:
                run(piece.kind, piece.input)
            reasons.add(str(failed.value))
        else:
            run(piece.kind, piece.input)
    assert len(reasons) == 2
    assert Counter(piece.kind for piece in made).keys() == set(KINDS)
    assert {piece.priority for piece in made} == {"high", "normal", "low"}
    assert sum(piece.delay is not None for piece in made) == 6
    assert any(piece.input.get("lost") for piece in made)


def test_the_longer_ones_take_ten_to_twenty_seconds() -> None:
    longer = [piece.input for piece in islice(pieces(), 400) if piece.kind == STEPS]
    assert {each["seconds"] * each["steps"] for each in longer} <= set(range(10, 21))


def test_a_few_of_a_batch_fail_and_its_schedule_ends_by_itself() -> None:
    failed = 0
    for given in batch_inputs(60):
        try:
            run("table_profile", given)
        except ValueError:
            failed += 1
    assert failed == 4
    until_ = datetime.now(UTC) + timedelta(minutes=1)
    definition = schedule(until_)
    assert (definition.end_at, definition.every) == (until_, SCHEDULE_SECONDS)
    run(definition.kind, definition.input)


async def test_where_its_kinds_are_not_it_says_how_to_have_them(up: Up) -> None:
    done = await up.shell.call("demo", "--seconds", "1")
    assert done.code == 2
    assert "no worker runs text_feedback, table_profile, demo_steps, which are among the samples" in done.err
    assert "HEADRACE_CONSUMERS=headrace.samples" in done.err


@pytest.mark.slow
async def test_it_makes_mixed_work_says_what_it_has_made_and_leaves_no_schedule(shipped: Cluster) -> None:
    shell = Shell({"HEADRACE_URL": shipped.url, "HEADRACE_API_KEY": KEY})
    done = await shell.call("demo", "--seconds", "3", "--rate", "10")
    assert done.code == 0, done.err
    assert f"look at {shipped.url}/" in done.err
    first, *_ = done.out.splitlines()
    assert first.startswith("made ")
    assert "and a batch of 60" in first
    await until(lambda: _has_schedules(shipped, 0), "the end of the schedule")
    made = int(first.split()[1])
    assert 20 <= made <= 31

    async def failed() -> list[str]:
        answer = await shipped.http.get("/api/v1/tasks", params={"state": "failed", "label": "from=headrace demo"})
        return sorted({each["error"]["message"] for each in answer.json()["items"]})

    await until(lambda: _has_two(failed), "tasks that failed for two reasons")


async def _has_schedules(cluster: Cluster, count: int) -> bool:
    return len((await cluster.http.get("/api/v1/schedules")).json()["items"]) == count


async def _has_two(failed: Any) -> bool:
    return len(await failed()) == 2


@pytest.mark.slow
async def test_after_ctrl_c_its_schedule_is_removed_too(shipped: Cluster) -> None:
    shell = Shell({"HEADRACE_URL": shipped.url, "HEADRACE_API_KEY": KEY})
    command = await shell.start("demo", "--seconds", "60")
    await command.says("a batch of 60")
    await until(lambda: _has_schedules(shipped, 1), "the schedule")
    command.interrupt()
    assert (await command.done()).code == 130
    await until(lambda: _has_schedules(shipped, 0), "the end of the schedule")


@pytest.mark.parametrize("words", [("--seconds", "0"), ("--rate", "1000"), ("--seconds", "100000")])
async def test_it_is_bounded(words: tuple[str, str]) -> None:
    assert (await Shell({}).call("demo", *words)).code == 2
