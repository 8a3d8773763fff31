"""A cluster for the tests of follow links."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from tests.cluster import Cluster, cluster_on
from tests.conftest import make_place
from tests.flow.follow_link_steps import NEW, OLD, OURS


@pytest.fixture(scope="module")
async def linked(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[Cluster]:
    """A cluster with follow links, saying all that it has to say."""
    environ = {
        "HEADRACE_API_FOLLOW_SECRETS": f"{NEW},{OLD}",
        "HEADRACE_API_FOLLOW_ORIGINS": f"{OURS},http://127.0.0.1:1",
        "HEADRACE_CONSUMERS": "tests.kinds.plain",
        "HEADRACE_LOG_LEVEL": "debug",
    }
    place = make_place()
    async with cluster_on(place, await make_database(), **environ) as cluster:
        await cluster.start("api", "worker", "projector")
        await cluster.knows_kinds()
        yield cluster
    shutil.rmtree(place)
