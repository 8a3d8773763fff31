"""Clusters that several files of this tour use."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster, ShareCluster
from tests.flow.batch_steps import knows
from tests.flow.follow_link_steps import NEW, OLD, OURS


@pytest.fixture
async def shared(cluster: Cluster) -> Cluster:
    """The cluster that most tests share, when it knows the kinds that batches are made of here."""
    await knows(cluster, "echo", "fail", "noop", "wait")
    return cluster


@pytest.fixture
async def cluster_without_worker(make_cluster: MakeCluster) -> Cluster:
    """A cluster that knows the kinds and has nobody to run them; its members are the API, the stopped worker, the projector."""
    return await start_without_worker(await make_cluster())


async def start_without_worker(cluster: Cluster) -> Cluster:
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await worker.stop()
    return cluster


@pytest.fixture(scope="module")
async def cluster_with_follow_links(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """A cluster with follow links, whose processes log all that they ever log."""
    environ = {
        "HEADRACE_API_FOLLOW_SECRETS": f"{NEW},{OLD}",
        "HEADRACE_API_FOLLOW_ORIGINS": f"{OURS},http://127.0.0.1:1",
        "HEADRACE_CONSUMERS": "tests.kinds.plain",
        "HEADRACE_LOG_LEVEL": "debug",
    }
    async with share_cluster("api", "worker", "projector", **environ) as cluster:
        yield cluster
