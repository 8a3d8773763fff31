from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from headrace import awaited_kinds
from headrace import catalog as catalog_module
from headrace.awaited_kinds import AwaitedKinds
from headrace.catalog import WORKERS_GONE_SECONDS, Catalog
from headrace.contracts.kinds import AnnouncedKind, KindDescription
from headrace.embedded.nats import EmbeddedNats
from headrace.errors import InvalidInput, LogUnavailable, UnknownKind
from headrace.inputs import ERRORS_MAX
from headrace.log import clock
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.subjects import FOLLOWING, catalog_entry
from headrace.worker.announce import announce
from tests.proxy import proxy_to
from tests.unit.conftest import settings_for
from tests.waiting import until

_numbers = itertools.count(1)


def kind(name: str = "echo", **schema: Any) -> KindDescription:
    return KindDescription(
        name=name,
        description="Say it again.",
        input_schema={"type": "object", **schema},
        result_schema={},
        timeout=60,
        max_attempts=1,
    )


TEXT = {"properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False}


def validate(catalog: Catalog, kind: str, given: dict[str, Any]) -> KindDescription:
    return catalog.validate(kind, given, msgspec.json.encode(given))


@asynccontextmanager
async def catalog_of(nats: EmbeddedNats) -> AsyncGenerator[Catalog]:
    """The catalog of another process."""
    async with open_log(settings_for(nats), f"catalog-{next(_numbers)}") as log:
        catalog = Catalog(log)
        await catalog.open()
        yield catalog


async def test_what_a_worker_announces_every_catalog_knows(log: Log, nats: EmbeddedNats) -> None:
    await announce(log, [kind("echo"), kind("talk")])
    async with catalog_of(nats) as before, catalog_of(nats) as other:
        await announce(log, [kind("wait")])
        for catalog in (before, other):
            await until(lambda catalog=catalog: len(catalog.entries()) == 3, "the third")
            assert [entry.name for entry in catalog.entries()] == ["echo", "talk", "wait"]
            assert all(entry.has_workers for entry in catalog.entries())
            assert catalog.describe("talk") == kind("talk")


async def test_a_changed_schema_replaces_the_one_before(log: Log, nats: EmbeddedNats) -> None:
    await announce(log, [kind("echo", **TEXT)])
    async with catalog_of(nats) as catalog:
        with pytest.raises(InvalidInput):
            validate(catalog, "echo", {"words": 1})
        await announce(log, [kind("echo")])
        await until(lambda: catalog.describe("echo") == kind("echo"), "the change")
        assert validate(catalog, "echo", {"words": 1}) == kind("echo")
        await announce(log, [kind("echo", **TEXT)])
        await until(lambda: catalog.describe("echo") == kind("echo", **TEXT), "the change back")
        with pytest.raises(InvalidInput):
            validate(catalog, "echo", {"words": 1})


async def test_announcing_again_is_a_sign_of_life_and_nothing_more(log: Log) -> None:
    catalog = Catalog(log)
    await catalog.open()
    await announce(log, [kind("echo")])
    await until(catalog.entries, "the first")
    (first,) = catalog.entries()
    check = catalog._known["echo"].check
    await announce(log, [kind("echo")])
    await until(lambda: catalog.entries()[0].announced_at > first.announced_at, "the second")
    assert catalog._known["echo"].check is check


async def test_a_kind_that_nobody_announced_for_two_minutes_has_no_workers_and_still_accepts(log: Log) -> None:
    catalog = Catalog(log)
    now = datetime.now(UTC)
    for name, age in (("alive", WORKERS_GONE_SECONDS - 30), ("gone", WORKERS_GONE_SECONDS + 1)):
        catalog._learn(msgspec.json.encode(kind(name)), now - timedelta(seconds=age))
    assert {entry.name: entry.has_workers for entry in catalog.entries()} == {"alive": True, "gone": False}
    assert validate(catalog, "gone", {}) == kind("gone")

    catalog._learn(msgspec.json.encode(kind("gone")), now)
    assert {entry.name: entry.has_workers for entry in catalog.entries()} == {"alive": True, "gone": True}


async def test_an_old_word_about_a_kind_does_not_make_it_older(log: Log) -> None:
    catalog = Catalog(log)
    now = datetime.now(UTC)
    catalog._learn(msgspec.json.encode(kind()), now)
    catalog._learn(msgspec.json.encode(kind()), now - timedelta(hours=1))
    assert catalog.entries()[0].announced_at == now


@pytest.mark.parametrize(
    ("schema", "given", "paths"),
    [
        (TEXT, {}, {"/input"}),
        (TEXT, {"text": 1}, {"/input/text"}),
        (TEXT, {"text": "x", "more": 1}, {"/input"}),
        ({"properties": {"a/b": {"type": "string"}}}, {"a/b": 1}, {"/input/a~1b"}),
        ({"properties": {"a~b": {"type": "string"}}}, {"a~b": 1}, {"/input/a~0b"}),
        ({"properties": {"~1": {"type": "string"}}}, {"~1": 1}, {"/input/~01"}),
        (
            {"properties": {"of": {"items": {"properties": {"n": {"minimum": 3}}}}, "x": {"type": "null"}}},
            {"of": [{"n": 3}, {"n": 1}, {"n": 2}], "x": 0},
            {"/input/of/1/n", "/input/of/2/n", "/input/x"},
        ),
    ],
)
async def test_an_input_that_does_not_match_is_refused_with_each_offending_path(
    shared_log: Log, schema: dict[str, Any], given: dict[str, Any], paths: set[str]
) -> None:
    catalog = Catalog(shared_log)
    catalog._learn(msgspec.json.encode(kind("echo", **schema)), datetime.now(UTC))
    with pytest.raises(InvalidInput, match="does not match the schema of kind 'echo'; see errors") as caught:
        validate(catalog, "echo", given)
    assert {error.path for error in caught.value.errors} == paths
    assert all(error.message for error in caught.value.errors)
    of_batch = catalog.find_errors("echo", given, msgspec.json.encode(given), "/inputs/7")
    assert {error.path for error in of_batch} == {path.replace("/input", "/inputs/7", 1) for path in paths}


async def test_an_input_that_is_wrong_all_over_is_not_answered_with_a_book(shared_log: Log) -> None:
    catalog = Catalog(shared_log)
    schema = {"additionalProperties": {"type": "integer"}}
    catalog._learn(msgspec.json.encode(kind("echo", **schema)), datetime.now(UTC))
    with pytest.raises(InvalidInput) as caught:
        validate(catalog, "echo", {str(n): "x" * 400 for n in range(30)})
    assert len(caught.value.errors) == ERRORS_MAX
    assert all(len(error.message) < 400 for error in caught.value.errors)


async def test_a_kind_that_nobody_announced_is_refused_with_those_that_are_known_once_workers_could_announce_it(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog(shared_log)
    assert shared_log.current_since is not None
    monkeypatch.setattr(catalog_module, "monotonic", lambda: shared_log.current_since)
    with pytest.raises(LogUnavailable, match=r"which kinds there are is not known until .*; try again in a moment"):
        catalog.describe("nope")
    assert catalog.problem == catalog_module._INCOMPLETE
    monkeypatch.undo()
    monkeypatch.setattr(catalog_module, "FIRST_ANNOUNCEMENT_SECONDS", 0.0)
    assert catalog.problem == "no worker has announced one; start a worker"
    for ask in (catalog.describe, lambda name: validate(catalog, name, {})):
        with pytest.raises(UnknownKind, match="there is no kind 'nope'; known kinds: none yet; start a worker"):
            ask("nope")
    for name in ("talk", "echo"):
        catalog._learn(msgspec.json.encode(kind(name)), datetime.now(UTC))
    with pytest.raises(UnknownKind, match="known kinds: echo, talk") as caught:
        validate(catalog, "nope", {})
    assert [error.path for error in caught.value.errors] == ["/kind"]
    assert catalog.problem is None


@pytest.mark.parametrize(
    "announcement",
    [
        b"",
        b"nonsense",
        b"{}",
        b'{"name":"Not A Name","description":"","input_schema":{},"result_schema":{},"timeout":1,"max_attempts":1}',
        b'{"name":"odd","description":"","input_schema":{"type":"nonsense"},"result_schema":{},"timeout":1,"max_attempts":1}',
        b'{"name":"odd","description":"","input_schema":{"$ref":"#/$defs/X"},"result_schema":{},"timeout":1,"max_attempts":1}',
        b'{"name":"odd","description":"","input_schema":{},"result_schema":{},"timeout":0,"max_attempts":1}',
    ],
)
async def test_an_announcement_that_cannot_be_read_is_passed_over_with_a_log_line(
    log: Log, nats: EmbeddedNats, announcement: bytes
) -> None:
    await log.appender.append(catalog_entry("before"), announcement, {})
    await announce(log, [kind("echo")])
    with capture_logs() as said:
        async with catalog_of(nats) as catalog:
            await log.appender.append(catalog_entry("after"), announcement, {})
            await announce(log, [kind("talk")])
            await until(lambda: len(catalog.entries()) == 2, "the one that can be read")
            assert [entry.name for entry in catalog.entries()] == ["echo", "talk"]
    lines = [line for line in said if line["event"] == "a worker announced a kind that cannot be read"]
    assert len(lines) == 2
    assert {line["log_level"] for line in lines} == {"error"}
    assert all(line["error"] for line in lines)


async def test_what_was_announced_during_an_interruption_is_known_after_it(log: Log, nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(settings_for(nats, HEADRACE_NATS_URL=proxy.url), "far") as far,
    ):
        catalog = Catalog(far)
        await catalog.open()
        proxy.go_down()
        await until(lambda: not far.is_connected, "the connection to break")
        await announce(log, [kind("echo")])
        await proxy.listen()
        await until(catalog.entries, "the catalog to be loaded again")


async def test_a_kind_that_its_worker_has_named_and_not_announced_yet_is_waited_for_and_no_other_is(
    log: Log, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with catalog_of(nats) as before:
        # What a worker has written that was interrupted between its first kind and the others.
        named = {FOLLOWING: "talk,wait"}
        await log.appender.append(catalog_entry("echo"), msgspec.json.encode(kind("echo")), named)
        await until(before.entries, "the first")
        async with catalog_of(nats) as later:
            for catalog in (before, later):
                assert validate(catalog, "echo", {}) == kind("echo")
                with pytest.raises(LogUnavailable, match="kind 'talk' is being announced by its worker; try") as caught:
                    validate(catalog, "talk", {})
                assert caught.value.retry_after
                with pytest.raises(UnknownKind, match="there is no kind 'nope'; known kinds: echo"):
                    validate(catalog, "nope", {})
        await announce(log, [kind("talk")])
        await until(lambda: len(before.entries()) == 2, "the second")
        assert validate(before, "talk", {}) == kind("talk")
        monkeypatch.setattr(awaited_kinds, "AWAITED_SECONDS", 0.0)
        async with catalog_of(nats) as after:
            with pytest.raises(UnknownKind, match="there is no kind 'wait'; known kinds: echo, talk"):
                validate(after, "wait", {})


async def test_a_bounded_number_of_kinds_is_waited_for_and_those_that_never_came_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(awaited_kinds, "AWAITED_MAX", 3)
    awaited, now = AwaitedKinds(), clock.now()
    awaited.add("abcd", now)
    assert [each in awaited for each in "abcd"] == [True, True, True, False]
    awaited.discard("a")
    later = now + timedelta(seconds=awaited_kinds.AWAITED_SECONDS + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    awaited.add("xyz", later)
    assert [each in awaited for each in "abcxyz"] == [False, False, False, True, True, True]
    awaited.add("x", now)
    assert "x" in awaited, "an older word about it does not end the wait"


async def test_a_catalog_may_hold_more_than_a_thousand_kinds(log: Log, nats: EmbeddedNats) -> None:
    await announce(log, [kind(f"kind_{n}") for n in range(1100)])
    async with catalog_of(nats) as catalog:
        assert len(catalog.entries()) == 1100


async def test_a_kind_announced_by_an_older_worker_has_no_limits(shared_log: Log) -> None:
    catalog = Catalog(shared_log)
    older = b'{"name":"echo","description":"","input_schema":{},"result_schema":{},"timeout":1,"max_attempts":1}'
    catalog._learn(older, datetime.now(UTC))
    (found,) = catalog.entries({"echo"})
    assert (found.concurrency, found.rate, found.process, found.paused) == (None, None, False, True)
    assert not catalog.entry("echo").paused


async def test_a_kind_whose_schema_cannot_be_used_is_refused_with_the_reason_until_it_can(shared_log: Log) -> None:
    catalog, now = Catalog(shared_log), datetime.now(UTC)
    with capture_logs():
        catalog._learn(msgspec.json.encode(kind("odd", properties={"text": {"type": "nonsense"}})), now)
    with pytest.raises(
        UnknownKind,
        match="kind 'odd' cannot be used: what its worker announced is not understood: /properties/text/type",
    ):
        validate(catalog, "odd", {})
    catalog._learn(msgspec.json.encode(kind("odd")), now)
    assert validate(catalog, "odd", {}) == kind("odd")


async def test_a_type_of_a_later_version_is_passed_over_and_the_schema_decides(shared_log: Log) -> None:
    catalog = Catalog(shared_log)
    later = AnnouncedKind(**msgspec.structs.asdict(kind("echo", **TEXT)), input_type=msgspec.Raw(b'{"of":"tomorrow"}'))
    with capture_logs() as said:
        catalog._learn(msgspec.json.encode(later), datetime.now(UTC))
    assert [line["log_level"] for line in said] == ["warning"]
    assert validate(catalog, "echo", {"text": "x"}) == kind("echo", **TEXT)
    with pytest.raises(InvalidInput):
        validate(catalog, "echo", {"text": 1})
