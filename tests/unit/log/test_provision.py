from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from headrace.contracts.tasks import Priority
from headrace.embedded.nats import EmbeddedNats, nats_server
from headrace.embedded.network import free_ports
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import open_connection
from headrace.log.provision import (
    ProvisionError,
    consumers,
    kind_consumers,
    pause_kind,
    paused_kinds,
    provision,
    provision_lanes,
    provision_projector,
    provision_rates,
    request,
    reset_consumer,
    stream_state,
)
from headrace.settings import Settings, StreamSettings
from tests.cluster import until


async def config_of(connection: Client, stream: str) -> dict[str, Any]:
    return (await request(connection, f"STREAM.INFO.{stream}"))["config"]


async def configs(connection: Client) -> list[dict[str, Any]]:
    return [await config_of(connection, stream) for stream in (subjects.STREAM, subjects.CATALOG_STREAM)]


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


async def test_an_empty_server_is_given_the_log_and_the_catalog(connection: Client) -> None:
    async with watching(connection) as actions:
        state = await provision(connection, StreamSettings(retention=3600, ack_wait=5))
        await until(lambda: len(actions.seen) >= 2, "the advisories")
    assert sorted(actions.seen) == ["create HEADRACE", "create KV_HEADRACE_KINDS"]
    assert (state.first_sequence, state.last_sequence, state.bytes) in ((0, 0, 0), (1, 0, 0))
    assert state == await stream_state(connection)

    config = await config_of(connection, "HEADRACE")
    assert config["subjects"] == ["hr.tasks.>", "hr.batches.>", "hr.schedules.>", "hr.timers.>", "hr.filler"]
    assert (config["storage"], config["retention"]) == ("file", "limits")
    assert config["max_age"] == 3600 * 1_000_000_000
    assert config["republish"]["src"] == "hr.tasks.>"
    assert config["republish"]["dest"] == "hr.live.tasks.>"
    for flag in ("allow_direct", "allow_atomic", "allow_msg_ttl", "allow_msg_schedules"):
        assert config[flag] is True, flag


async def test_the_epoch_is_when_the_log_was_created(connection: Client) -> None:
    first = await provision(connection, StreamSettings())
    created = (await request(connection, "STREAM.INFO.HEADRACE"))["created"]
    assert first.epoch == int(datetime.fromisoformat(created).timestamp() * 1000)
    await request(connection, "STREAM.DELETE.HEADRACE")
    second = await provision(connection, StreamSettings())
    assert second.epoch > first.epoch


async def test_doing_it_again_changes_nothing(connection: Client) -> None:
    await provision(connection, StreamSettings())
    before = await configs(connection)
    async with watching(connection) as actions:
        await provision(connection, StreamSettings())
        await request(connection, "STREAM.DELETE.KV_HEADRACE_KINDS")  # the next thing that does say something
        await until(lambda: actions.seen, "an advisory")
        assert actions.seen == ["delete KV_HEADRACE_KINDS"]
    await provision(connection, StreamSettings())
    assert await configs(connection) == before


async def test_a_changed_setting_is_applied_and_nothing_is_lost(connection: Client) -> None:
    before = await provision(connection, StreamSettings(retention=3600))
    await connection.jetstream().publish("hr.tasks.queued.echo.normal.u.1", b"{}")
    async with watching(connection) as actions:
        for retention in (7200, 60):
            after = await provision(connection, StreamSettings(retention=retention))
            assert (await config_of(connection, "HEADRACE"))["max_age"] == retention * 1_000_000_000
            assert (after.epoch, after.last_sequence) == (before.epoch, 1)
        await until(lambda: len(actions.seen) >= 2, "the advisories")
    assert actions.seen == ["modify HEADRACE"] * 2


async def test_what_somebody_changed_by_hand_is_put_right_and_what_we_do_not_set_is_left(connection: Client) -> None:
    await provision(connection, StreamSettings())
    config = await config_of(connection, "HEADRACE")
    changed = config | {"allow_msg_ttl": True, "republish": None, "max_msg_size": 4 << 20, "max_age": 0}
    await request(connection, "STREAM.UPDATE.HEADRACE", changed)
    await provision(connection, StreamSettings())
    found = await config_of(connection, "HEADRACE")
    assert found["republish"] == config["republish"]
    assert found["max_age"] == config["max_age"]
    assert found["max_msg_size"] == 4 << 20


async def test_a_change_that_the_server_cannot_make_is_named(connection: Client) -> None:
    made = {"name": "HEADRACE", "subjects": ["hr.tasks.>"], "storage": "memory", "num_replicas": 1}
    await request(connection, "STREAM.CREATE.HEADRACE", made)
    with pytest.raises(ProvisionError, match=r"stream HEADRACE: cannot change .*storage from 'memory' to 'file'"):
        await provision(connection, StreamSettings())
    assert (await config_of(connection, "HEADRACE"))["storage"] == "memory"


async def test_a_stream_of_somebody_else_over_our_subjects_is_named(connection: Client) -> None:
    await request(connection, "STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["hr.tasks.queued.>"]})
    with pytest.raises(ProvisionError, match=r"stream HEADRACE: cannot create it: .*overlap"):
        await provision(connection, StreamSettings())


async def test_more_replicas_than_servers_are_refused(connection: Client) -> None:
    with pytest.raises(ProvisionError, match=r"stream HEADRACE: cannot create it: .*replicas"):
        await provision(connection, StreamSettings(replicas=3))
    await provision(connection, StreamSettings())
    with pytest.raises(ProvisionError, match="cannot change num_replicas from 1 to 3"):
        await provision(connection, StreamSettings(replicas=3))


async def test_many_processes_may_provision_at_once(settings: Settings) -> None:
    async def start() -> int:
        async with open_connection(settings, "test") as own:
            state = await provision(own, settings.stream)
            await provision_lanes(own, settings.stream, "echo", None)
            await provision_projector(own)
            return state.epoch

    epochs = await asyncio.gather(*(start() for _ in range(6)))
    assert len(set(epochs)) == 1


async def test_a_server_without_jetstream_is_told_apart(place: Any) -> None:
    port = free_ports(1)[0]
    server = await asyncio.create_subprocess_exec(
        *(nats_server(), "-a", "127.0.0.1", "-p", str(port)), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        settings = Settings.read({"HEADRACE_NATS_URL": f"nats://127.0.0.1:{port}"})
        async with open_connection(settings, "test") as connection:
            with pytest.raises(LogUnavailable, match="without JetStream; start it with -js"):
                await provision(connection, settings.stream)
            with pytest.raises(LogUnavailable, match="without JetStream"):
                await stream_state(connection)
    finally:
        server.terminate()
        await server.wait()


async def test_a_server_that_is_too_old_is_told_to_be_upgraded() -> None:
    old = SimpleNamespace(connected_server_version=SimpleNamespace(major=2, minor=10))
    with pytest.raises(ProvisionError, match=r"NATS 2\.\d+ or newer is needed, the server is 2\.10; upgrade it"):
        await provision(cast("Client", old), StreamSettings())


async def test_the_state_of_a_log_that_is_not_there_is_unavailable(connection: Client) -> None:
    with pytest.raises(LogUnavailable, match=r"STREAM\.INFO\.HEADRACE: stream not found"):
        await stream_state(connection)


async def test_the_catalog_is_a_bucket_that_any_nats_client_reads_and_watches(connection: Client) -> None:
    await provision(connection, StreamSettings())
    bucket = await connection.jetstream().key_value(subjects.CATALOG_BUCKET)
    await connection.jetstream().publish(subjects.catalog_entry("echo"), b"first")
    await connection.jetstream().publish(subjects.catalog_entry("echo"), b"second")
    await bucket.put("talk", b"third")
    assert (await bucket.get("echo")).value == b"second"
    assert sorted(await bucket.keys()) == ["echo", "talk"]
    assert (await bucket.status()).values == 2


async def test_a_lane_is_made_once_and_follows_its_settings(connection: Client) -> None:
    await provision(connection, StreamSettings())
    (made, *_) = await provision_lanes(connection, StreamSettings(ack_wait=5), "echo", None)
    await connection.jetstream().publish("hr.tasks.queued.echo.high.u.1", b"{}")
    await connection.jetstream().publish("hr.tasks.queued.echo.low.u.2", b"{}")
    (again, *_) = await provision_lanes(connection, StreamSettings(ack_wait=7), "echo", None)
    assert (made.waiting, again.waiting) == (0, 1)
    assert again.created == made.created
    found = (await kind_consumers(connection, "echo"))["run-echo-high"]
    assert found["config"]["filter_subject"] == "hr.tasks.queued.echo.high.>"
    assert found["config"]["ack_wait"] == 7 * 1_000_000_000
    assert found["config"]["ack_policy"] == "explicit"


async def queue(connection: Client, *priorities: Priority) -> None:
    for number, priority in enumerate(priorities):
        await connection.jetstream().publish(f"hr.tasks.queued.echo.{priority}.u.{number}", b"{}")


async def take(connection: Client, durable: str, count: int) -> list[int]:
    """Have records delivered, and acknowledge them; the sequences."""
    pulling = await connection.jetstream().pull_subscribe_bind(durable=durable, stream="HEADRACE")
    messages = await pulling.fetch(count)
    for message in messages:
        await message.ack_sync()
    await pulling.unsubscribe()
    return [message.metadata.sequence.stream for message in messages]


async def test_a_kind_with_a_limit_has_one_lane_that_lets_no_more_out(connection: Client) -> None:
    await provision(connection, StreamSettings())
    await queue(connection, Priority.LOW, Priority.HIGH)
    (lane,) = await provision_lanes(connection, StreamSettings(), "echo", 3)
    assert (lane.durable, lane.priority, lane.waiting) == ("run-echo", None, 2)
    (again,) = await provision_lanes(connection, StreamSettings(), "echo", 7)
    assert again == lane
    (found,) = await consumers(connection)
    assert found["config"]["filter_subject"] == "hr.tasks.queued.echo.>"
    assert found["config"]["max_ack_pending"] == 7


async def test_a_kind_without_a_limit_has_a_lane_for_each_priority(connection: Client) -> None:
    await provision(connection, StreamSettings())
    lanes = await provision_lanes(connection, StreamSettings(), "echo", None)
    assert [(lane.durable, lane.priority) for lane in lanes] == [(f"run-echo-{each}", each) for each in Priority]


@pytest.mark.invariant(1)
async def test_lanes_of_the_other_form_are_taken_away_and_the_new_begin_where_they_were(connection: Client) -> None:
    await provision(connection, StreamSettings())
    made = await provision_lanes(connection, StreamSettings(), "echo", None)
    await provision_lanes(connection, StreamSettings(), "echo_too", None)
    await queue(connection, Priority.HIGH, Priority.NORMAL, Priority.NORMAL)
    assert await take(connection, "run-echo-high", 1) == [1]
    assert await take(connection, "run-echo-normal", 1) == [2]

    (limited,) = await provision_lanes(connection, StreamSettings(), "echo", 2)
    assert limited.waiting == 1
    assert limited.created > max(lane.created for lane in made)
    names = {each["name"] for each in await consumers(connection)}
    assert names == {"run-echo", *(f"run-echo_too-{priority}" for priority in Priority)}
    await provision_lanes(connection, StreamSettings(), "echo", 4)
    await queue(connection, Priority.LOW)
    assert await take(connection, "run-echo", 1) == [3]

    back = await provision_lanes(connection, StreamSettings(), "echo", None)
    assert [lane.waiting for lane in back] == [0, 0, 1]
    assert await take(connection, "run-echo-low", 1) == [4]


async def test_many_processes_may_change_the_form_at_once(settings: Settings) -> None:
    async def change(concurrency: int | None) -> None:
        async with open_connection(settings, "test") as own:
            await provision_lanes(own, settings.stream, "echo", concurrency)

    async with open_connection(settings, "test") as connection:
        await provision(connection, settings.stream)
        await provision_lanes(connection, settings.stream, "echo", None)
        await queue(connection, *Priority)
        await asyncio.gather(*(change(2) for _ in range(6)))
        assert [each["name"] for each in await consumers(connection)] == ["run-echo"]
        await asyncio.gather(*(change(None) for _ in range(6)))
        found = {each["name"]: each["num_pending"] for each in await consumers(connection)}
        assert found == {f"run-echo-{priority}": 1 for priority in Priority}


@pytest.mark.invariant(1)
async def test_a_kind_is_paused_whatever_becomes_of_its_lanes_until_it_is_resumed(connection: Client) -> None:
    await provision(connection, StreamSettings())
    assert not await pause_kind(connection, "echo", paused=True)
    for concurrency in (None, 2):
        await provision_lanes(connection, StreamSettings(), "echo", concurrency)
        await provision_lanes(connection, StreamSettings(), "talk", None)
        assert await pause_kind(connection, "echo", paused=True)
        assert await paused_kinds(connection) == {"echo"}
        await provision_lanes(connection, StreamSettings(ack_wait=7), "echo", concurrency)
        assert await paused_kinds(connection) == {"echo"}
        await provision_lanes(connection, StreamSettings(), "echo", 2 if concurrency is None else None)
        assert all(info["paused"] for info in (await kind_consumers(connection, "echo")).values())
        await provision_lanes(connection, StreamSettings(), "echo", concurrency)
        assert await paused_kinds(connection) == {"echo"}
        assert await pause_kind(connection, "echo", paused=False)
        assert await paused_kinds(connection) == set()
    await pause_kind(connection, "talk", paused=True)
    await request(connection, "CONSUMER.DELETE.HEADRACE.run-talk-high")
    await provision_lanes(connection, StreamSettings(), "talk", None)
    assert (await kind_consumers(connection, "talk"))["run-talk-high"]["paused"]


async def test_who_waits_for_records_of_a_paused_kind_has_them_as_soon_as_it_is_resumed(connection: Client) -> None:
    await provision(connection, StreamSettings())
    await provision_lanes(connection, StreamSettings(), "echo", 1)
    await pause_kind(connection, "echo", paused=True)
    pulling = await connection.jetstream().pull_subscribe_bind(durable="run-echo", stream="HEADRACE")
    taking = asyncio.create_task(pulling.fetch(1, timeout=20))
    await queue(connection, Priority.HIGH)

    async def waits() -> bool:
        info = (await kind_consumers(connection, "echo"))["run-echo"]
        return info["num_waiting"] == info["num_pending"] == 1

    await until(waits, "the pull")
    await pause_kind(connection, "echo", paused=False)
    async with asyncio.timeout(2):
        (message,) = await taking
    assert message.metadata.sequence.stream == 1


async def test_starts_are_remembered_for_the_longest_window_of_any_kind(connection: Client) -> None:
    for window, remembered in ((1.0, 300), (3600.0, 7200), (10.0, 7200)):
        await provision_rates(connection, 1, window)
        assert (await config_of(connection, "HEADRACE_RATES"))["max_age"] == remembered * 1_000_000_000
    counter = subjects.rate_counter("echo", 1)
    acks = [await connection.request(counter, b"", headers={subjects.INCREMENT: "1"}) for _ in range(3)]
    assert [json.loads(ack.data)["val"] for ack in acks] == ["1", "2", "3"]


async def test_a_lane_that_cannot_be_made_is_named(connection: Client) -> None:
    await provision(connection, StreamSettings())
    consumer = {"durable_name": "run-echo-high", "filter_subject": "hr.tasks.>", "ack_policy": "none"}
    await request(
        connection,
        "CONSUMER.DURABLE.CREATE.HEADRACE.run-echo-high",
        {"stream_name": "HEADRACE", "config": consumer},
    )
    with pytest.raises(ProvisionError, match="consumer run-echo-high: cannot create or change it: "):
        await provision_lanes(connection, StreamSettings(), "echo", None)


async def test_every_consumer_is_listed_however_many(connection: Client, nats: EmbeddedNats) -> None:
    await provision(connection, StreamSettings())
    wanted = {f"kind_{number}" for number in range(90)}
    await asyncio.gather(*(provision_lanes(connection, StreamSettings(), kind, None) for kind in wanted))
    found = [each["name"] for each in await consumers(connection)]
    assert sorted(found) == sorted(f"run-{kind}-{priority}" for kind in wanted for priority in Priority)
    await nats.kill()  # so many take seconds to be stopped one by one


async def test_a_consumer_can_be_set_back(connection: Client) -> None:
    await provision(connection, StreamSettings())
    await provision_projector(connection)
    for number in range(5):
        await connection.jetstream().publish(f"hr.tasks.queued.echo.normal.u.{number}", b"{}")
    pulling = await connection.jetstream().pull_subscribe_bind(durable="projector", stream="HEADRACE")
    first = [message.metadata.sequence for message in await pulling.fetch(5)]
    assert [(each.stream, each.consumer) for each in first] == [(n, n) for n in range(1, 6)]

    await reset_consumer(connection, "projector", 3)
    again = [message.metadata for message in await pulling.fetch(3)]
    assert [(each.sequence.stream, each.sequence.consumer) for each in again] == [(3, 1), (4, 2), (5, 3)]
    assert {each.num_delivered for each in again} == {1}
