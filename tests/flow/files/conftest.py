"""A cluster that keeps files in a directory."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.cluster import Cluster
from tests.conftest import ShareCluster, make_place


@pytest.fixture(scope="session")
async def with_files(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """Everything running, with a place for files."""
    objects, scratch = make_place(), make_place()
    url = f"file://{objects}"
    async with share_cluster(
        "api", "worker", "projector", HEADRACE_OBJECTS_URL=url, HEADRACE_WORKER_SCRATCH=str(scratch)
    ) as cluster:
        yield cluster
