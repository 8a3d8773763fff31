"""An append that another publisher is making as well: the copies of the log cannot say yet how it will end."""

from __future__ import annotations

import time

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from headrace.embedded.nats import EmbeddedNats
from headrace.log.acknowledgement import Appended, InProcess
from headrace.log.opening import open_log
from tests.unit.conftest import settings_for

SUBJECT = "answered.by.the.test"  # is in no stream, so that what is answered can be chosen
IN_PROCESS = b'{"error":{"code":400,"err_code":10158,"description":"duplicate message id is in process"}}'
TIMEOUT = 0.5


async def test_an_append_is_repeated_until_the_copies_have_agreed_on_that_of_somebody_else(
    nats: EmbeddedNats, connection: Client
) -> None:
    answers = [IN_PROCESS, IN_PROCESS, b'{"stream":"HEADRACE","seq":7,"duplicate":true}']

    async def answer(message: Msg) -> None:
        await message.respond(answers.pop(0))

    await connection.subscribe(SUBJECT, cb=answer)
    await connection.flush()
    async with open_log(settings_for(nats), "test") as log:
        assert await log.appender.append(SUBJECT, b"x", {}) == Appended(7, duplicate=True)
    assert answers == []


async def test_an_append_that_the_copies_do_not_agree_on_is_given_up_within_one_timeout(
    nats: EmbeddedNats, connection: Client
) -> None:
    asked: list[Msg] = []

    async def answer(message: Msg) -> None:
        asked.append(message)
        if time.monotonic() - began < TIMEOUT / 2:
            await message.respond(IN_PROCESS)

    await connection.subscribe(SUBJECT, cb=answer)
    await connection.flush()
    async with open_log(settings_for(nats, HEADRACE_STREAM_APPEND_TIMEOUT=f"{TIMEOUT:g}"), "test") as log:
        began = time.monotonic()
        with pytest.raises(InProcess, match="still taking in the same append"):
            await log.appender.append(SUBJECT, b"x", {})
        # The last one is not answered, and waits no longer than the first would have.
        assert time.monotonic() - began < 1.4 * TIMEOUT
        assert len(asked) > 1
        assert (await log.appender.append("hr.tasks.queued.echo.normal.u.1", b"next", {})).sequence == 1
