"""The peers of `just bench peers` run what they are sent, and one that cannot be had is said and fails nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.bench.peers.queues.compare import PEERS, start_peers
from tests.bench.peers.queues.rounds import burst
from tests.bench.report import Report

TASKS = 20
EVERY = frozenset(PEERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
async def test_a_peer_runs_every_task_and_stores_its_result(name: str) -> None:
    report = Report("peers", {}, {})
    async with AsyncExitStack() as stack:
        started = await start_peers(stack, report, frozenset({name}))
        if not started:
            pytest.skip(report.figures[0].yardstick)
        # It ends when the result of each was read.
        measured = await burst(started[0], TASKS)
    assert measured.finished > 0
    assert measured.cpu_microseconds.keys() == {"api", "worker", "redis"}
    # A server that starts a job or two in a tick of the clock has used none of it.
    assert sum(measured.cpu_microseconds.values()) > 0


async def test_without_uv_and_npm_every_peer_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UV", raising=False)
    report = Report("peers", {}, {})
    async with AsyncExitStack() as stack:
        assert await start_peers(stack, report, EVERY) == []
    assert [each.name for each in report.figures] == list(PEERS)
    assert {each.measured for each in report.figures} == {"left out"}
    reasons = [each.yardstick for each in report.figures]
    assert "install Node" in reasons[0]
    assert all("uv" in reason for reason in reasons[1:])
