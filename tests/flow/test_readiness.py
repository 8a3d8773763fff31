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
from headrace.embedded.network import free_ports
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


async def checks_of(url: str, status: int, says: str = "") -> dict[str, str]:
    """Wait until a process is as ready as that and says this, and return its checks."""

    async def answered() -> httpx.Response | None:
        try:
            answer = await client.get(f"{url}/health/ready")
        except httpx.TransportError:
            return None
        assert ("Retry-After" in answer.headers) is (answer.status_code == 503)
        return answer if answer.status_code == status and says in answer.text else None

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

        async def is_accepted() -> bool:
            answer = await cluster.http.post("/api/v1/tasks", json=SUBMISSION)
            assert answer.status_code in (202, 503), answer.text
            return answer.status_code == 202

        # Nobody is told that the kind is unknown before its worker could announce it.
        await until(is_accepted, "a task to be accepted")
        for url in addresses.values():
            await checks_of(url, 200)


@pytest.mark.slow
async def test_a_process_whose_user_nats_does_not_permit_its_work_is_not_ready_or_ends_and_says_what_to_permit(
    cluster: Cluster,
) -> None:
    said = "NATS does not permit the user 'worker' to "
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    api = await cluster.spawn("api", HEADRACE_NATS_USER="worker", HEADRACE_API_BIND=bind)
    worker = await cluster.spawn("worker", HEADRACE_NATS_USER="projector")
    projector = await cluster.spawn("projector", HEADRACE_NATS_USER="worker")
    assert said in (await checks_of(_address(projector), 503, said))["permissions"]
    await projector.until_logged("firings cannot be read yet")
    assert said in (await checks_of(_address(projector), 503))["firings"]
    assert len(projector.logged("firings cannot be read yet")) == 1, "it is said once, and then counted"
    for member, user in ((api, "worker"), (worker, "projector")):
        assert await member.exited() == 1
        (line,) = member.logged("cannot go on")
        assert f"NATS does not permit the user '{user}' to " in line["error"]
    await projector.kill()
    for member in (api, worker, projector):
        cluster.members.remove(member)


async def test_a_process_binds_its_operations_port_before_it_reaches_for_anything_and_lives_from_then_on(
    cluster: Cluster,
) -> None:
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    environ = {"HEADRACE_NATS_URL": f"nats://{nowhere}", "HEADRACE_API_BIND": f"127.0.0.1:{free_ports(1)[0]}"}
    members = [await cluster.spawn(name, **environ) for name in ("api", "worker", "projector")]
    async with httpx.AsyncClient() as http:

        async def statuses(member: Member) -> list[int]:
            asked = [await http.get(f"{_address(member)}/health/{each}") for each in ("live", "startup", "ready")]
            return [answer.status_code for answer in asked]

        for member in members:
            await member.until_logged("NATS client error")
            assert await statuses(member) == [200, 503, 503]
            variable = f"HEADRACE_{member.name.upper()}_OPS"
            environ["HEADRACE_API_BIND"] = f"127.0.0.1:{free_ports(1)[0]}"
            second = await cluster.spawn(member.name, **environ | {variable: member.address})
            assert await second.exited() == 1
            (line,) = second.logged("cannot go on")
            assert f"Address already in use; choose another address with {variable}" in line["error"]
            assert second.logged("NATS client error") == [], "it has announced nothing"
            cluster.members.remove(second)
    for member in members:
        await member.kill()
        cluster.members.remove(member)
