"""A server that was the leader, was cut off from the others, and does not know yet that it leads no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import LogUnavailable
from headrace.lifecycle.task_state import read_task_state
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.opening import open_log
from tests.nats_cluster import SERVERS
from tests.quorum.network import Network, why_not
from tests.quorum.servers import Quorum
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no network of our own: {why_not()}"),
]

SUBJECT = "hr.tasks.queued.echo.normal.someone.a-task"
SOON = {"HEADRACE_STREAM_APPEND_TIMEOUT": "2"}
ELECTED_SECONDS_MAX = 30.0


async def _is_appended(log: Log) -> bool:
    try:
        await log.appender.append(SUBJECT, b"{}", {subjects.MSG_ID: "once"})
    except LogUnavailable:
        return False
    return True


@pytest.mark.invariant(1)
async def test_a_task_that_was_accepted_is_not_said_to_be_missing_by_a_leader_that_was_replaced(tmp_path: Path) -> None:
    with Network(SERVERS) as network:
        async with Quorum(tmp_path / "nats", network) as quorum, open_log(quorum.settings(), "test") as log:
            info = await log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}")
            leader = next(server for server in quorum.servers if server.name == info["cluster"]["leader"])
            others = quorum.others(leader)
            at_leader = quorum.settings(quorum.servers.index(leader), **SOON)
            at_others = quorum.settings(quorum.servers.index(others[0]), **SOON)
            async with open_log(at_leader, "before") as before, open_log(at_others, "after") as after:
                assert await read_task_state(before, "someone", "a-task") is None
                for other in others:
                    network.part(quorum.host(leader), quorum.host(other))
                await until(lambda: _is_appended(after), "the others to elect a leader", ELECTED_SECONDS_MAX)

                with pytest.raises(LogUnavailable):
                    await read_task_state(before, "someone", "a-task")

                network.heal()

                async def is_known() -> bool:
                    try:
                        return await read_task_state(before, "someone", "a-task") is not None
                    except LogUnavailable:
                        return False

                await until(is_known, "the leader that was replaced to have the task", ELECTED_SECONDS_MAX)
