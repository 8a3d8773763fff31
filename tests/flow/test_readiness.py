"""A process that cannot do its job is not ready, says why, and has nobody believe that the request was wrong."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from headrace.embedded import nats as embedded_nats
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.settings import DatabaseSettings
from headrace.store.migrate import migrate
from tests.accounts import make_administrator
from tests.cluster import Cluster
from tests.conftest import make_place
from tests.member import Member
from tests.waiting import until

SUBMISSION = {"kind": "echo", "input": {"text": "a"}}


@asynccontextmanager
async def processes_on(database_url: str) -> AsyncGenerator[tuple[Cluster, dict[str, str]]]:
    """An API, a worker and a projector on a NATS that nobody has prepared, and the address at which each is asked how it is."""
    place = make_place()
    try:
        async with EmbeddedNats(place / "nats") as nats:
            cluster = Cluster(place, nats, database_url, {})
            try:
                worker, projector = await cluster.spawn("worker"), await cluster.spawn("projector")
                await cluster.spawn("api")
                yield cluster, {"api": cluster.url, "worker": _address(worker), "projector": _address(projector)}
            finally:
                await cluster.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _address(member: Member) -> str:
    return f"http://{member.address}"


async def _knows_kinds(cluster: Cluster) -> bool:
    return "echo" in (await cluster.http.get("/api/v1/kinds")).text


async def checks_of(url: str, status: int) -> dict[str, str]:
    """Wait until a process is as ready as that, and return what it says."""

    async def answered() -> httpx.Response | None:
        try:
            answer = await client.get(f"{url}/health/ready")
        except httpx.TransportError:
            return None
        return answer if answer.status_code == status else None

    async with httpx.AsyncClient() as client:
        answer = await until(answered, f"{status} of {url}")
        return answer.json()["checks"]


@pytest.mark.slow
async def test_without_memory_for_streams_nothing_is_ready_and_each_process_says_what_to_set(
    make_database: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the official chart of NATS sets by default.
    monkeypatch.setattr(embedded_nats, "MAX_MEMORY_STORE_BYTES", 0)
    database_url = await make_database()
    await make_administrator(database_url)
    async with processes_on(database_url) as (cluster, addresses):
        for name in ("api", "projector"):
            said = " ".join((await checks_of(addresses[name], 503)).values())
            assert "max_memory_store: 256Mi" in said, (name, said)
        # A kind of the tests has a rate, which is counted in such a stream: without it, its worker does not go on.
        worker = cluster.members[0]
        assert await worker.exited() == 1
        assert "max_memory_store: 256Mi" in worker.last_lines()
        answer = await cluster.http.post("/api/v1/tasks", json=SUBMISSION)
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"] == "2"
        (api,) = (each for each in cluster.members if each.name == "api")
        assert len(api.logged("the log cannot be used yet; trying again")) == 1


@pytest.mark.slow
async def test_before_the_migrations_nothing_is_ready_and_after_them_everything_is(postgres: EmbeddedPostgres) -> None:
    database_url = await postgres.create("test_not_migrated")
    async with processes_on(database_url) as (cluster, addresses):
        for name, url in addresses.items():
            said = " ".join((await checks_of(url, 503)).values())
            assert name == "worker" or "run `headrace migrate`" in said, (name, said)
        await asyncio.to_thread(migrate, DatabaseSettings(url=database_url))
        await make_administrator(database_url)
        for url in addresses.values():
            await checks_of(url, 200)
        await until(lambda: _knows_kinds(cluster), "the catalog")
        assert (await cluster.http.post("/api/v1/tasks", json=SUBMISSION)).status_code == 202
