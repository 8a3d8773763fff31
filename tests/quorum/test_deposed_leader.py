"""A server that was the leader, was cut off from the others, and does not know yet that it leads no more."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, TypeVar, cast

import pytest

from headrace.api.streaming.feed import Feed
from headrace.api.streaming.metrics import StreamMetrics
from headrace.api.streaming.opening import open_stream, read_state
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Task
from headrace.errors import LogUnavailable
from headrace.lifecycle.cancel import Cancelled, cancel_task
from headrace.lifecycle.confirmed_state import read_ended_task
from headrace.lifecycle.deletion import append_deletion, deletable, erase_events
from headrace.lifecycle.queueing import WaitingTask, submit_task
from headrace.lifecycle.reopen import Gone, NotFinished, Reopened, reopen_task
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.prune import erase
from headrace.log.subjects import TaskSubject
from headrace.worker.execution import Execution
from headrace.worker.left_log import has_left
from tests.nats_cluster import SERVERS, NatsServer
from tests.quorum.network import Network, why_not
from tests.quorum.servers import Quorum
from tests.unit.lifecycle.steps import new_task, succeed
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no network of our own: {why_not()}"),
]

SOON = {"HEADRACE_STREAM_APPEND_TIMEOUT": "2"}
ELECTED_SECONDS_MAX = 30.0

Answer = TypeVar("Answer")


class Cut(NamedTuple):
    """Three servers whose leader can be cut off from the others.

    Attributes:
        quorum: The servers.
        leader: The one that leads while all reach each other.
        at_leader: The log, as who is connected to the leader has it.
        at_others: The log, as who is connected to another server has it.
    """

    quorum: Quorum
    leader: NatsServer
    at_leader: Log
    at_others: Log

    async def cut_off(self) -> None:
        """Part the leader from the others, and wait until these have another one."""
        for other in self.quorum.others(self.leader):
            self.quorum.network.part(self.quorum.host(self.leader), self.quorum.host(other))

        async def is_elected() -> bool:
            return await leader_by(self.at_others) not in ("", self.leader.name)

        await answered(is_elected, "the others to elect a leader")


@asynccontextmanager
async def three_servers(place: Path) -> AsyncGenerator[Cut]:
    with Network(SERVERS) as network:
        async with Quorum(place / "nats", network) as quorum, open_log(quorum.settings(), "test") as log:
            name = await leader_by(log)
            leader = next(server for server in quorum.servers if server.name == name)
            at_leader = quorum.settings(quorum.servers.index(leader), **SOON)
            at_others = quorum.settings(quorum.servers.index(quorum.others(leader)[0]))
            async with open_log(at_leader, "before") as before, open_log(at_others, "after") as after:
                yield Cut(quorum, leader, before, after)


async def leader_by(log: Log) -> str:
    info = await log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}")
    return info["cluster"].get("leader", "")


async def answered(ask: Callable[[], Awaitable[Answer | None]], what: str) -> Answer:
    """Ask until the log answers, and what it says is neither None nor False."""

    async def unless_unavailable() -> Answer | None:
        try:
            return await ask()
        except LogUnavailable:
            return None

    return await until(unless_unavailable, what, ELECTED_SECONDS_MAX)


async def reopen(log: Log, task: WaitingTask) -> Reopened | NotFinished | Gone:
    async def find_submitted(_: TaskState | None) -> Task:
        raise AssertionError("the log has it")

    owner, id_ = task.subject.owner, task.subject.task
    return await reopen_task(log, owner, id_, find_submitted=find_submitted, reserve=lambda _: None)


@pytest.mark.invariant(1)
async def test_what_was_accepted_is_not_denied_by_a_leader_that_was_replaced(tmp_path: Path) -> None:
    missing, ended, run_again = new_task(), new_task(), new_task()
    async with three_servers(tmp_path) as cut:
        await submit_task(cut.at_leader, ended)
        await submit_task(cut.at_leader, run_again)
        await cancel_task(cut.at_leader, run_again.subject.owner, run_again.subject.task)
        await cut.cut_off()
        await submit_task(cut.at_others, missing)
        await succeed(cut.at_others, ended.subject)
        assert isinstance(await reopen(cut.at_others, run_again), Reopened)

        # Each was done, as a majority knows, and the leader that was replaced has heard of none.
        denials = await asyncio.gather(
            read_task_state(cut.at_leader, missing.subject.owner, missing.subject.task),
            reopen(cut.at_leader, ended),
            cancel_task(cut.at_leader, run_again.subject.owner, run_again.subject.task),
            return_exceptions=True,
        )
        assert [type(each) for each in denials] == [LogUnavailable] * 3

        cut.quorum.network.heal()
        known = await answered(
            lambda: read_task_state(cut.at_leader, missing.subject.owner, missing.subject.task), "the task to be known"
        )
        assert known.subject.task == missing.subject.task
        over = await answered(
            lambda: read_ended_task(cut.at_leader, ended.subject.owner, ended.subject.task), "the end to be known"
        )
        assert over.is_over
        cancelling = answered(
            lambda: cancel_task(cut.at_leader, run_again.subject.owner, run_again.subject.task), "the run to be known"
        )
        assert isinstance(await cancelling, Cancelled)
        state = await read_task_state(cut.at_others, run_again.subject.owner, run_again.subject.task)
        assert state is not None
        assert state.is_over


@pytest.mark.invariant(6)
async def test_a_position_is_not_ahead_of_the_log_because_a_leader_that_was_replaced_has_not_reached_it(
    tmp_path: Path,
) -> None:
    async with three_servers(tmp_path) as cut:
        await cut.cut_off()
        task = new_task()
        given = Position(cut.at_others.epoch, (await submit_task(cut.at_others, task)).sequence)
        with pytest.raises(LogUnavailable):
            await read_state(cut.at_leader, given)
        cut.quorum.network.heal()
        state = await answered(lambda: read_state(cut.at_leader, given), "the position to be known")
        assert not open_stream(cut.at_leader, StreamMetrics(), state, given, given).is_reset


@pytest.mark.invariant(6)
async def test_a_stream_does_not_take_what_a_leader_that_was_replaced_has_for_all_there_is(tmp_path: Path) -> None:
    async with three_servers(tmp_path) as cut:
        await cut.cut_off()
        # Of the two connections of a process, the one that reads may have found the server that is alone.
        log = copy(cut.at_others)
        log.replayer = cut.at_leader.replayer
        owner = uuid.uuid4().hex
        before = Position(log.epoch, (await log.refresh()).last_sequence)
        task = new_task(subject=TaskSubject("", "echo", "normal", owner, str(uuid.uuid4())))
        expected = [(await submit_task(cut.at_others, task)).sequence]
        expected.append((await succeed(cut.at_others, task.subject)).sequence)
        metrics = StreamMetrics()
        feed = Feed(log, subjects.task_events(owner), metrics, before)
        try:
            await feed.opened
            feed.catch_up()
            await until(lambda: metrics.replays > 2, "the stream to have read what the server has that is alone")
            assert feed.buffer.complete_through < expected[0]

            cut.quorum.network.heal()
            await until(
                lambda: feed.buffer.complete_through >= expected[-1],
                "the stream to have everything",
                ELECTED_SECONDS_MAX,
            )
            assert [frame.sequence for frame in feed.buffer.all_after(before.sequence)] == expected
        finally:
            await feed.close()


@pytest.mark.invariant(1)
async def test_a_task_has_not_left_the_log_because_a_leader_that_was_replaced_does_not_have_it(tmp_path: Path) -> None:
    async with three_servers(tmp_path) as cut:
        await cut.cut_off()
        task = new_task()
        sequence = (await submit_task(cut.at_others, task)).sequence
        delivery = SimpleNamespace(sequence=sequence, at=datetime.now(UTC))
        execution = cast("Execution", SimpleNamespace(delivery=delivery))
        with pytest.raises(LogUnavailable, match="behind the others"):
            await has_left(cut.at_leader, execution)
        assert not await has_left(cut.at_others, execution)

        cut.quorum.network.heal()
        left = await answered(lambda: _not_none(has_left(cut.at_leader, execution)), "the task to be known")
        assert left == (False,)
        await erase(cut.at_others, sequence)
        assert await answered(lambda: has_left(cut.at_others, execution), "the task to have left")


async def _not_none(asking: Awaitable[bool]) -> tuple[bool]:
    """Wrap an answer, so that ``False`` is one."""
    return (await asking,)


async def test_a_deletion_erases_also_what_a_leader_that_was_replaced_does_not_have(tmp_path: Path) -> None:
    task = new_task()
    owner, id_ = task.subject.owner, task.subject.task
    async with three_servers(tmp_path) as cut:
        await submit_task(cut.at_leader, task)
        await cut.cut_off()
        await succeed(cut.at_others, task.subject)
        # While one of them is cut off, the servers lose questions.
        state = await answered(lambda: read_task_state(cut.at_others, owner, id_), "the task to be known")
        deleting = deletable(state, owner)
        assert deleting is not None
        deleted_at = await append_deletion(cut.at_others, deleting)
        assert deleted_at is not None
        log = copy(cut.at_others)
        log.replayer = cut.at_leader.replayer
        with pytest.raises(LogUnavailable):
            await erase_events(log, owner, id_, deleted_at)
        cut.quorum.network.heal()

        async def is_erased() -> bool:
            await erase_events(log, owner, id_, deleted_at)
            return True

        assert await answered(is_erased, "the events to be erased")
        left = (await cut.at_others.replayer.page(subjects.task_events(owner, id_))).records
        assert [record.sequence for record in left] == [deleted_at]
