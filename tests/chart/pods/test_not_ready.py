"""The rendered chart where something is missing: no pod is ready, and each says why."""

from __future__ import annotations

import copy
import re

import pytest

from headrace.embedded import nats as embedded_nats
from headrace.embedded.postgres import EmbeddedPostgres
from tests.accounts import make_administrator
from tests.chart.pods.installation import API, PROJECTOR, WORKER, Installation, installation_on
from tests.chart.pods.release import HookFailedError
from tests.chart.rendering import render

pytestmark = pytest.mark.slow


async def test_before_migrations_no_pod_is_ready_and_afterwards_all_are_without_a_restart(
    installation: Installation,
) -> None:
    node = installation.node
    (job,) = [each for each in render(installation.values(migrations={"mode": "job"})) if each["kind"] == "Job"]
    spec = job["spec"]["template"]["spec"]
    provision, migrate = copy.deepcopy(job["spec"]["template"]), copy.deepcopy(job["spec"]["template"])
    provision["spec"] |= {"initContainers": [], "containers": spec["initContainers"]}
    migrate["spec"] |= {"initContainers": []}

    assert await node.make_pod("provision", provision).ended() == "Succeeded"
    await installation.release.install(installation.values(migrations={"mode": "none"}))
    pods = [*node.pods[1:]]
    for pod in pods:
        await node.until(lambda pod=pod: "headrace migrate" in pod.containers[0].said, f"the reason of {pod.name}")
    assert [pod.name for pod in pods if pod.is_ready] == []

    assert await node.make_pod("migrate", migrate).ended() == "Succeeded"
    await make_administrator(installation.database_url)
    await node.rolled_out()
    assert [(pod.name, pod.restarts) for pod in pods] == [(pod.name, 0) for pod in pods]


async def test_a_failed_migration_stops_the_installation_and_is_tried_again_as_often_as_the_manifest_says(
    installation: Installation,
) -> None:
    installation.node.objects.put_secret("database", uri="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(HookFailedError, match=re.escape("127.0.0.1")):
        await installation.release.install(installation.values(migrations={"backoffLimit": 1}))
    assert len(installation.node.jobs["headrace-migrate"].pods) == 2
    assert installation.node.deployments == {}


async def test_without_memory_for_streams_no_pod_is_ready_and_each_says_what_to_set(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the official chart of NATS sets by default.
    monkeypatch.setattr(embedded_nats, "MAX_MEMORY_STORE_BYTES", 0)
    async with installation_on(postgres, "chart_without_memory") as installation:
        node = installation.node
        with pytest.raises(HookFailedError, match="max_memory_store: 256Mi"):
            await installation.release.install(installation.values(migrations={"backoffLimit": 0}))
        await installation.release.install(installation.values(migrations={"provision": False}))
        for name in (API, PROJECTOR, WORKER):
            deployment = node.deployments[name]
            await node.until(
                lambda made=deployment: made.pods and "max_memory_store: 256Mi" in made.pods[0].describe(),
                f"the reason of {name}",
            )
        assert [pod.name for pod in node.pods if pod.is_ready] == []
