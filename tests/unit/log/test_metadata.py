from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest
from nats.aio.client import Client

from headrace.contracts.tasks import Priority
from headrace.log.connection import Log
from headrace.log.consumers import kind_consumers, provision_projector
from headrace.log.jetstream import JetStream
from headrace.log.lanes import provision_lanes
from headrace.log.metadata import drift, of_log, with_metadata
from headrace.log.streams import provision_streams
from headrace.settings import StreamSettings
from tests.unit.log.test_streams import watching
from tests.waiting import until

OURS = version("headrace")


async def metadata_of(jetstream: JetStream, operation: str) -> dict[str, str]:
    """The metadata without what the server has added."""
    found = (await jetstream.request(operation))["config"]["metadata"]
    return {key: value for key, value in found.items() if not key.startswith("_nats.")}


@pytest.fixture
async def jetstream(connection: Client) -> JetStream:
    return JetStream(connection)


async def test_the_log_says_at_which_size_it_refuses_work_and_which_version_made_it(jetstream: JetStream) -> None:
    await provision_streams(jetstream, StreamSettings(max_bytes=1 << 30))
    assert await metadata_of(jetstream, "STREAM.INFO.HEADRACE") == {
        "headrace_max_bytes": str(1 << 30),
        "headrace_version": OURS,
    }
    assert await metadata_of(jetstream, "STREAM.INFO.KV_HEADRACE_KINDS") == {"headrace_version": OURS}


async def test_only_the_provisioner_changes_the_size_of_a_log_that_has_one(jetstream: JetStream) -> None:
    await provision_streams(jetstream, StreamSettings(max_bytes=1 << 30))
    await provision_streams(jetstream, StreamSettings(max_bytes=2 << 30))
    assert (await metadata_of(jetstream, "STREAM.INFO.HEADRACE"))["headrace_max_bytes"] == str(1 << 30)
    await provision_streams(jetstream, StreamSettings(max_bytes=2 << 30), by_provisioner=True)
    assert (await metadata_of(jetstream, "STREAM.INFO.HEADRACE"))["headrace_max_bytes"] == str(2 << 30)


async def test_two_versions_do_not_rewrite_each_others(connection: Client, jetstream: JetStream) -> None:
    await provision_streams(jetstream, StreamSettings())
    made = (await jetstream.request("STREAM.INFO.HEADRACE"))["config"]
    older = made | {"metadata": made["metadata"] | {"headrace_version": "0.0.1", "team": "blue"}}
    await jetstream.request("STREAM.UPDATE.HEADRACE", older)
    async with watching(connection) as actions:
        await provision_streams(jetstream, StreamSettings(), by_provisioner=True)
        await jetstream.request("STREAM.DELETE.KV_HEADRACE_KINDS")
        await until(lambda: actions.seen, "an advisory")
    assert actions.seen == ["delete KV_HEADRACE_KINDS"], "the version alone changes nothing"
    await provision_streams(jetstream, StreamSettings(retention=3600))
    changed = await metadata_of(jetstream, "STREAM.INFO.HEADRACE")
    assert (changed["headrace_version"], changed["team"]) == (OURS, "blue")


async def test_a_lane_says_which_tasks_it_hands_out_and_keeps_its_version_until_it_changes(log: Log) -> None:
    await provision_lanes(log, "echo", None)
    high = (await kind_consumers(log, "echo"))["run-echo-high"]["config"]
    assert (
        high["metadata"].items()
        >= {
            "headrace_kind": "echo",
            "headrace_priority": "high",
            "headrace_version": OURS,
            "io.nats.monitor.unprocessed-critical": "1000",
        }.items()
    )
    await provision_lanes(log, "limited", 3)
    (one,) = (await kind_consumers(log, "limited")).values()
    assert one["config"]["metadata"]["headrace_kind"] == "limited"
    assert "headrace_priority" not in one["config"]["metadata"]

    older = high | {"metadata": high["metadata"] | {"headrace_version": "0.0.1"}}
    body = {"stream_name": "HEADRACE", "config": older}
    await log.jetstream.request(f"CONSUMER.CREATE.HEADRACE.run-echo-high.{high['filter_subject']}", body)
    await provision_lanes(log, "echo", None)
    assert await version_of(log, Priority.HIGH) == "0.0.1"
    log.settings = StreamSettings(ack_wait=7)
    await provision_lanes(log, "echo", None)
    assert await version_of(log, Priority.HIGH) == OURS


async def version_of(log: Log, priority: Priority) -> str:
    found = (await kind_consumers(log, "echo"))[f"run-echo-{priority}"]
    return found["config"]["metadata"]["headrace_version"]


async def test_a_consumer_of_an_older_version_loses_the_limit_that_was_none(log: Log) -> None:
    await provision_projector(log)
    path = "CONSUMER.INFO.HEADRACE.projector"
    config: dict[str, Any] = (await log.jetstream.request(path))["config"]
    config["metadata"] = {"io.nats.monitor.waiting-critical": "0"}
    body = {"stream_name": "HEADRACE", "config": config}
    await log.jetstream.request("CONSUMER.CREATE.HEADRACE.projector", body)
    await provision_projector(log)
    now = await metadata_of(log.jetstream, path)
    assert "io.nats.monitor.waiting-critical" not in now
    assert now["headrace_version"] == OURS


def test_the_log_expects_copies_only_where_it_has_several() -> None:
    assert of_log(1, 1) == {"headrace_max_bytes": "1"}
    three = of_log(1, 3)
    assert three["io.nats.monitor.peer-expect"] == "3"
    found = {"metadata": {**three, "_nats.level": "3"}, "num_replicas": 3}
    assert drift({"metadata": three}, found) == {}
    one = {"metadata": of_log(1, 1), "num_replicas": 1}
    assert drift(one, found)["metadata"].keys() == {
        f"io.nats.monitor.peer-{what}" for what in ("expect", "lag-critical", "seen-critical")
    }
    assert with_metadata(one, found)["metadata"].keys() == {
        *("headrace_max_bytes", "headrace_version", "io.nats.monitor.enabled", "_nats.level")
    }
