"""Revocations reach every API process through NATS; nothing of this needs Postgres."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from headrace.api.auth.revocations import Revocations
from headrace.contracts.identity import Role, UserState
from headrace.embedded.nats import EmbeddedNats
from headrace.identity.principals import Principal
from headrace.identity.revocations import Change
from headrace.log import bucket_names
from headrace.log.connection import Log
from headrace.log.opening import open_log
from tests.proxy import proxy_to
from tests.unit.conftest import settings_for
from tests.waiting import until

WITHIN_SECONDS = 2.0


def principal(user: str = "u1", credential: str = "key:k1", role: Role = Role.MEMBER) -> Principal:
    return Principal(id=user, role=role, scopes=frozenset(), credential=credential)


@asynccontextmanager
async def process_on(nats: EmbeddedNats, **environ: str) -> AsyncGenerator[Revocations]:
    """The revocations of an API process."""
    async with open_log(settings_for(nats, **environ), "api") as opened:
        revocations = Revocations(opened)
        await revocations.open()
        try:
            yield revocations
        finally:
            revocations.close()


async def test_what_one_process_revokes_ends_in_another_within_two_seconds(nats: EmbeddedNats) -> None:
    async with process_on(nats) as one, process_on(nats) as other:
        seen: list[Change] = []
        other.on_change(seen.append)
        begin = time.monotonic()
        await one.note_key_revoked("k1")
        await one.note_session_revoked("s1", "s2")
        await one.note_user_changed("u2", Role.MEMBER, UserState.DISABLED)
        ended = [principal(), *(principal(credential=f"session:s{n}") for n in (1, 2)), principal("u2", "key:k2")]
        assert not any(map(one.is_good, ended))
        await until(lambda: not any(map(other.is_good, ended)), "the other process to know")
        assert time.monotonic() - begin < WITHIN_SECONDS
        assert other.is_good(principal(credential="key:k3"))
        assert [change.ends(of) for change, of in zip(seen, ended, strict=True)] == [True] * 4


async def test_each_change_is_told_once_to_whoever_wants_to_know(nats: EmbeddedNats) -> None:
    async with process_on(nats) as one, process_on(nats) as other:
        here: list[Change] = []
        there: list[Change] = []
        take_back = one.on_change(here.append)
        other.on_change(there.append)
        for _ in range(2):
            await one.note_key_revoked("k1")
        await until(lambda: there, "the other process to know")
        take_back()
        await one.note_key_revoked("k2")
        await until(lambda: len(there) == 2, "the other process to know")
    assert here == [Change(credential="key:k1")]
    assert there == [Change(credential="key:k1"), Change(credential="key:k2")]


async def test_a_process_that_starts_knows_what_was_revoked_before(nats: EmbeddedNats) -> None:
    async with process_on(nats) as one:
        # More than a page of them.
        await one.note_session_revoked(*(f"s{n}" for n in range(300)))
        await one.note_user_changed("u1", Role.MEMBER, UserState.DISABLED)
        await one.note_user_changed("u1", Role.ADMIN, UserState.ACTIVE)
    async with process_on(nats) as later:
        assert not any(later.is_good(principal("u9", f"session:s{n}")) for n in range(300))
        assert not later.is_good(principal())
        assert later.is_good(principal(role=Role.ADMIN))


async def test_a_process_that_was_cut_off_is_told_when_it_is_back(nats: EmbeddedNats) -> None:
    async with (
        proxy_to(nats.port) as proxy,
        process_on(nats) as one,
        process_on(nats, HEADRACE_NATS_URL=proxy.url) as other,
    ):
        proxy.go_down()
        await one.note_key_revoked("k1")
        with capture_logs():
            await other.note_key_revoked("k2")
        assert not other.is_good(principal(credential="key:k2"))
        await proxy.listen()
        await until(lambda: not other.is_good(principal()), "the process that was cut off to know")
        await until(lambda: not one.is_good(principal(credential="key:k2")), "what it had to tell")


async def test_an_entry_that_cannot_be_read_is_told_and_left_out(nats: EmbeddedNats, log: Log) -> None:
    async with process_on(nats) as one:
        with capture_logs() as lines:
            for subject in (
                bucket_names.changed_user("u1"),
                bucket_names.IDENTITY_ENTRIES.replace(">", "of.later.version"),
            ):
                await log.appender.append(subject, b"{}", {})
            await log.appender.append(bucket_names.revoked("key", "k1"), b"of another version", {})
            await until(lambda: not one.is_good(principal()), "the next entry")
    assert [line["log_level"] for line in lines if "entry about identity" in line["event"]] == ["error"] * 2
    assert one.is_good(principal(credential="key:k9"))
