from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NoKeysError

from headrace.embedded.nats import nats_server
from headrace.embedded.network import free_ports
from headrace.errors import LogUnavailable
from headrace.log import bucket_names, subjects
from headrace.log.client import open_client
from headrace.log.jetstream import JetStream, ProvisionError
from headrace.log.streams import provision_streams, read_stream_state
from headrace.settings import Settings, StreamSettings
from tests.waiting import until

STREAMS = (subjects.STREAM, subjects.CATALOG_STREAM, bucket_names.IDENTITY_STREAM, bucket_names.SETTINGS_STREAM)


async def config_of(connection: Client, stream: str) -> dict[str, Any]:
    return (await JetStream(connection).request(f"STREAM.INFO.{stream}"))["config"]


async def configs(connection: Client) -> list[dict[str, Any]]:
    return [await config_of(connection, stream) for stream in STREAMS]


class Actions:
    """What the server says was done to its streams and consumers."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def note(self, message: Msg) -> None:
        action = json.loads(message.data).get("action")
        if action:
            self.seen.append(f"{action} {message.subject.split('.')[5]}")


@asynccontextmanager
async def watching(connection: Client) -> AsyncGenerator[Actions]:
    actions = Actions()
    subscription = await connection.subscribe("$JS.EVENT.ADVISORY.STREAM.*.*", cb=actions.note)
    await connection.flush()
    yield actions
    await subscription.unsubscribe()


async def test_subjects_that_a_newer_version_has_added_stay_and_its_processes_do_not_fight_over_them(
    connection: Client,
) -> None:
    jetstream = JetStream(connection)
    await provision_streams(jetstream, StreamSettings())
    config = await config_of(connection, subjects.STREAM)
    newer = ["hr.newer.>", *(each for each in config["subjects"] if each != subjects.PROBE)]
    await jetstream.request(f"STREAM.UPDATE.{subjects.STREAM}", config | {"subjects": newer})
    await provision_streams(jetstream, StreamSettings())
    assert (await config_of(connection, subjects.STREAM))["subjects"] == [*newer, subjects.PROBE]
    async with watching(connection) as actions:
        await provision_streams(jetstream, StreamSettings(), by_provisioner=True)
        await connection.flush()
    assert actions.seen == []


async def test_an_empty_server_is_given_the_log_and_the_buckets(connection: Client) -> None:
    async with watching(connection) as actions:
        state = await provision_streams(JetStream(connection), StreamSettings(retention=3600, ack_wait=5))
        await until(lambda: len(actions.seen) >= 4, "the advisories")
    assert sorted(actions.seen) == [
        "create HEADRACE",
        *("create KV_HEADRACE_IDENTITY", "create KV_HEADRACE_KINDS", "create KV_HEADRACE_SETTINGS"),
    ]
    assert (state.first_sequence, state.last_sequence, state.bytes) in ((0, 0, 0), (1, 0, 0))
    assert state == await read_stream_state(JetStream(connection))

    config = await config_of(connection, "HEADRACE")
    assert config["subjects"] == [
        "hr.tasks.>",
        "hr.batches.>",
        "hr.schedules.>",
        "hr.timers.>",
        "hr.filler",
        "hr.probe",
        "hr.dropped.*",
    ]
    assert (config["storage"], config["retention"]) == ("file", "limits")
    assert config["max_age"] == 3600 * 1_000_000_000
    assert config["republish"]["src"] == "hr.tasks.>"
    assert config["republish"]["dest"] == "hr.live.tasks.>"
    for flag in ("allow_direct", "allow_atomic", "allow_msg_ttl", "allow_msg_schedules"):
        assert config[flag] is True, flag


async def test_the_epoch_is_when_the_log_was_created(connection: Client) -> None:
    first = await provision_streams(JetStream(connection), StreamSettings())
    created = (await JetStream(connection).request("STREAM.INFO.HEADRACE"))["created"]
    assert first.epoch == int(datetime.fromisoformat(created).timestamp() * 1000)
    await JetStream(connection).request("STREAM.DELETE.HEADRACE")
    second = await provision_streams(JetStream(connection), StreamSettings())
    assert second.epoch > first.epoch


async def test_the_marks_of_what_has_left_the_log_come_with_its_extent(connection: Client) -> None:
    state = await provision_streams(JetStream(connection), StreamSettings())
    assert (state.marks, state.has_dropped, state.complete_from) == ((), False, state.first_sequence)
    for mark in (12, 9):
        await connection.request(subjects.dropped(mark), b"")
    state = await read_stream_state(JetStream(connection))
    assert (state.marks, state.has_dropped) == ((9, 12), True)
    assert (state.first_sequence, state.complete_from) == (1, 13)


async def test_doing_it_again_changes_nothing(connection: Client) -> None:
    await provision_streams(JetStream(connection), StreamSettings())
    before = await configs(connection)
    async with watching(connection) as actions:
        await provision_streams(JetStream(connection), StreamSettings())
        await JetStream(connection).request("STREAM.DELETE.KV_HEADRACE_KINDS")  # the next thing that does say something
        await until(lambda: actions.seen, "an advisory")
        assert actions.seen == ["delete KV_HEADRACE_KINDS"]
    await provision_streams(JetStream(connection), StreamSettings())
    assert await configs(connection) == before


async def test_a_changed_setting_is_applied_and_nothing_is_lost(connection: Client) -> None:
    before = await provision_streams(JetStream(connection), StreamSettings(retention=3600))
    await connection.jetstream().publish("hr.tasks.queued.echo.normal.u.1", b"{}")
    async with watching(connection) as actions:
        for retention in (7200, 60):
            after = await provision_streams(JetStream(connection), StreamSettings(retention=retention))
            assert (await config_of(connection, "HEADRACE"))["max_age"] == retention * 1_000_000_000
            assert (after.epoch, after.last_sequence) == (before.epoch, 1)
        await until(lambda: len(actions.seen) >= 2, "the advisories")
    assert actions.seen == ["modify HEADRACE"] * 2


async def test_what_somebody_changed_by_hand_is_put_right_and_what_we_do_not_set_is_left(connection: Client) -> None:
    await provision_streams(JetStream(connection), StreamSettings())
    config = await config_of(connection, "HEADRACE")
    changed = config | {"allow_msg_ttl": True, "republish": None, "max_msg_size": 4 << 20, "max_age": 0}
    await JetStream(connection).request("STREAM.UPDATE.HEADRACE", changed)
    await provision_streams(JetStream(connection), StreamSettings())
    found = await config_of(connection, "HEADRACE")
    assert found["republish"] == config["republish"]
    assert found["max_age"] == config["max_age"]
    assert found["max_msg_size"] == 4 << 20


async def test_a_change_that_the_server_cannot_make_is_named(connection: Client) -> None:
    made = {"name": "HEADRACE", "subjects": ["hr.tasks.>"], "storage": "memory", "num_replicas": 1}
    await JetStream(connection).request("STREAM.CREATE.HEADRACE", made)
    with pytest.raises(ProvisionError, match=r"stream HEADRACE: cannot change .*storage from 'memory' to 'file'"):
        await provision_streams(JetStream(connection), StreamSettings())
    assert (await config_of(connection, "HEADRACE"))["storage"] == "memory"


async def test_a_stream_of_somebody_else_over_our_subjects_is_named(connection: Client) -> None:
    await JetStream(connection).request("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["hr.tasks.queued.>"]})
    with pytest.raises(ProvisionError, match=r"stream HEADRACE: cannot create it: .*overlap"):
        await provision_streams(JetStream(connection), StreamSettings())


async def test_more_replicas_than_servers_are_refused(connection: Client) -> None:
    with pytest.raises(ProvisionError, match=r"stream HEADRACE: cannot create it: .*replicas"):
        await provision_streams(JetStream(connection), StreamSettings(replicas=3))
    await provision_streams(JetStream(connection), StreamSettings())
    with pytest.raises(ProvisionError, match="cannot change num_replicas from 1 to 3"):
        await provision_streams(JetStream(connection), StreamSettings(replicas=3))


async def test_a_server_without_jetstream_is_told_apart(place: Any) -> None:
    port = free_ports(1)[0]
    server = await asyncio.create_subprocess_exec(
        *(nats_server(), "-a", "127.0.0.1", "-p", str(port)), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        settings = Settings.read({"HEADRACE_NATS_URL": f"nats://127.0.0.1:{port}"})
        async with open_client(settings.nats, "test") as connection:
            with pytest.raises(LogUnavailable, match="without JetStream; start it with -js"):
                await provision_streams(JetStream(connection), settings.stream)
            with pytest.raises(LogUnavailable, match="without JetStream"):
                await read_stream_state(JetStream(connection))
    finally:
        server.terminate()
        await server.wait()


async def test_a_server_that_is_too_old_is_told_to_be_upgraded() -> None:
    old = SimpleNamespace(connected_server_version=SimpleNamespace(major=2, minor=10))
    with pytest.raises(ProvisionError, match=r"NATS 2\.\d+ or newer is needed, the server is 2\.10; upgrade it"):
        await provision_streams(JetStream(cast("Client", old)), StreamSettings())


async def test_the_state_of_a_log_that_is_not_there_is_unavailable(connection: Client) -> None:
    with pytest.raises(LogUnavailable, match=r"STREAM\.INFO\.HEADRACE: stream not found"):
        await read_stream_state(JetStream(connection))


async def test_the_catalog_is_a_bucket_that_any_nats_client_reads_and_watches(connection: Client) -> None:
    await provision_streams(JetStream(connection), StreamSettings())
    bucket = await connection.jetstream().key_value(subjects.CATALOG_BUCKET)
    await connection.jetstream().publish(subjects.catalog_entry("echo"), b"first")
    await connection.jetstream().publish(subjects.catalog_entry("echo"), b"second")
    await bucket.put("talk", b"third")
    assert (await bucket.get("echo")).value == b"second"

    async def lists_both() -> bool:
        # nats-py takes a server that is slow to deliver for an empty bucket.
        with suppress(NoKeysError):
            return sorted(await bucket.keys()) == ["echo", "talk"]
        return False

    await until(lists_both, "the keys")
    assert (await bucket.status()).values == 2


async def test_a_revocation_is_kept_for_a_day_and_a_setting_for_ever(connection: Client) -> None:
    await provision_streams(JetStream(connection), StreamSettings())
    identity, settings = [
        await config_of(connection, s) for s in (bucket_names.IDENTITY_STREAM, bucket_names.SETTINGS_STREAM)
    ]
    assert (identity["max_age"], identity["discard"]) == (86_400 * 1_000_000_000, "old")
    assert (settings["max_age"], settings["discard"]) == (0, "new")
