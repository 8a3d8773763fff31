"""Appending to a log of three copies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from headrace.errors import LogUnavailable
from headrace.log import continuity
from headrace.log.acknowledgement import Appended, InProcess
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.subjects import EXPECTED_LAST_SUBJECT_SEQUENCE, MSG_ID
from tests.nats_cluster import NatsCluster

SUBJECT = "hr.tasks.queued.echo.normal.u.1"


@pytest.fixture
async def log(place: Path) -> AsyncGenerator[Log]:
    async with NatsCluster(place) as nats, open_log(nats.settings(), "test") as opened:
        yield opened


@pytest.mark.invariant(4)
async def test_of_many_appends_at_once_under_one_message_id_one_is_new_and_all_have_its_place(log: Log) -> None:
    for condition in ({}, {EXPECTED_LAST_SUBJECT_SEQUENCE: "0"}):
        subject = f"{SUBJECT}{len(condition)}"
        headers = {MSG_ID: subject, **condition}
        found = await asyncio.gather(*(log.appender.append(subject, b"x", headers) for _ in range(50)))
        assert len({each.sequence for each in found}) == 1
        assert sorted(each.duplicate for each in found) == [False, *[True] * 49]
        assert len((await log.replayer.page(subject)).records) == 1


async def test_an_append_that_stays_in_process_is_unavailable_when_its_time_is_over(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_process(*_: object) -> Appended:
        raise InProcess("the same append is still taken in")

    monkeypatch.setattr(log.appender, "_append_once", in_process)
    monkeypatch.setattr(log.appender, "_timeout", 0.1)
    with pytest.raises(LogUnavailable, match="still taken in"):
        await log.appender.append(SUBJECT, b"x", {MSG_ID: "1"})


async def test_the_end_of_the_log_is_what_a_majority_has_and_nothing_without_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuity, "ACK_SECONDS", 2.0)
    async with NatsCluster(place) as nats, open_log(nats.settings(0), "test") as log:
        appended = await log.appender.append(SUBJECT, b"x", {})
        assert await log.continuity.confirm_end() == appended.sequence
        # What confirms it is no event, but takes a position.
        assert await log.continuity.confirm_end() == appended.sequence + 1
        for server in nats.servers[1:]:
            await server.kill()
        with pytest.raises(LogUnavailable):
            await log.continuity.confirm_end()
