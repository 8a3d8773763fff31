"""What compose.yaml says, run: its services as processes of the image, with its environment, in its order."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from headrace.embedded.network import free_ports
from headrace.embedded.postgres import EmbeddedPostgres
from tests.accounts import KEY, SECRET, SIGNED, make_administrator
from tests.conftest import make_place
from tests.flow.files.conftest import S3, s3
from tests.image.compose import make_variables, read_compose
from tests.image.conftest import Image
from tests.image.containers import USER, Containers
from tests.image.servers import nats_of, postgres_of
from tests.image.stages import ROOT
from tests.member import Member
from tests.waiting import WAIT_SECONDS, until

__all__ = ["s3"]
pytestmark = pytest.mark.slow

KINDS = {file.stem for file in (ROOT / "consumers").glob("*.py") if not file.stem.startswith("_")}


# Where everybody may write, which the root of a container is not.
SHARED = ("/tmp", "/var/tmp", "/dev/shm")
# As compose.yaml has it; each look starts a program of its own.
START_SECONDS = 60.0
ONE_SHOT = ("provision", "migrate")
PROCESSES = ("api", "worker", "projector")


class Running(NamedTuple):
    """The services that run: what compose.yaml says of them, the environment of each, and the three processes."""

    services: dict[str, Any]
    environments: dict[str, dict[str, str]]
    containers: Containers
    members: dict[str, Member]

    @property
    def url(self) -> str:
        """Where browsers find the API."""
        return f"http://localhost{self.environments['api']['HEADRACE_API_BIND']}"

    def operations(self, name: str) -> str:
        """Return where a process says how it is."""
        return f"http://127.0.0.1{self.environments[name][f'HEADRACE_{name.upper()}_OPS']}"


def here(environment: dict[str, str], servers: dict[str, str]) -> dict[str, str]:
    """Put servers and ports of this machine in the places of those of containers; ports stay open on every address."""
    ports = {name: f":{free_ports(1)[0]}" for name in environment if name.endswith(("_BIND", "_OPS"))}
    moved = {name: value for name, value in servers.items() if name in environment}
    if "HEADRACE_DATABASE_HOST" in environment:
        moved["HEADRACE_DATABASE_PORT"] = servers["HEADRACE_DATABASE_PORT"]
    return environment | ports | moved


@pytest.fixture(scope="module")
async def running(image: Image, postgres: EmbeddedPostgres, s3: S3) -> AsyncGenerator[Running]:
    place = make_place()
    (place / "nats").mkdir()
    compose = read_compose(make_variables(place) | {"API_SECRETS": SECRET})
    services, containers = compose["services"], Containers(image, place / "tmp")
    async with nats_of(compose, place / "nats") as nats, postgres_of(compose, postgres) as port:
        servers = s3.environ | {
            "HEADRACE_NATS_URL": nats,
            "HEADRACE_DATABASE_HOST": "127.0.0.1",
            "HEADRACE_DATABASE_PORT": str(port),
            "HEADRACE_OBJECTS_PUBLIC_ENDPOINT": s3.environ["HEADRACE_OBJECTS_ENDPOINT"],
        }
        environments = {name: here(services[name]["environment"], servers) for name in (*ONE_SHOT, *PROCESSES)}
        try:
            for name in ONE_SHOT:
                code, said = await containers.run(*services[name]["command"], environ=environments[name])
                assert code == 0, said
            await make_administrator(f"postgresql://headrace@127.0.0.1:{port}/headrace")
            members = {
                name: await containers.start(name, *services[name]["command"], environ=environments[name])
                for name in PROCESSES
            }
            yield Running(services, environments, containers, members)
        finally:
            await containers.close()
            shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
async def http(running: Running) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=running.url, headers=SIGNED, timeout=WAIT_SECONDS + 10) as client:
        await until_healthy(running)
        yield client


async def until_healthy(running: Running) -> None:
    """Wait as Compose does, with the command of each health check."""
    for name in PROCESSES:
        _, *command = running.services[name]["healthcheck"]["test"]
        assert command[0] == "headrace"
        there = [running.operations(name) if each == "http://127.0.0.1:9090" else each for each in command[1:]]
        said = ""

        async def is_healthy(name: str = name, there: list[str] = there) -> bool:
            nonlocal said
            assert running.members[name].process.returncode is None, running.members[name].last_lines()
            code, said = await running.containers.run(*there, environ={})
            return code == 0

        await until(is_healthy, f"{name}; {running.members[name].last_lines()}", START_SECONDS)
        assert said.startswith("READY OK") or "OK" in said


async def test_every_kind_of_the_image_is_announced_and_tasks_run_with_what_they_need(
    http: httpx.AsyncClient,
) -> None:
    async def announced() -> set[str]:
        return {item["name"] for item in (await http.get("/api/v1/kinds")).json()["items"]}

    await until(lambda: _contains(announced, KINDS), "the kinds")
    table = {"csv": "name,amount\none,1\ntwo,2\n", "name": "Two rows"}
    submitted = {
        "demo_steps": {"steps": 1, "seconds": 0},
        "table_profile": table,
        "text_feedback": {"text": "This sentense is short."},
    }
    for kind, given in submitted.items():
        accepted = await http.post("/api/v1/tasks", json={"kind": kind, "input": given})
        assert accepted.status_code == 202, accepted.text
        found = (await http.get(f"/api/v1/tasks/{accepted.json()['id']}", params={"wait": WAIT_SECONDS})).json()
        assert found["state"] == "succeeded", found
    listed = (await http.get("/api/v1/tasks")).json()["items"]
    assert {task["kind"] for task in listed} >= submitted.keys()


async def test_the_web_app_and_the_documents_of_the_api_are_served_over_both_families_of_addresses(
    running: Running, http: httpx.AsyncClient
) -> None:
    port = running.environments["api"]["HEADRACE_API_BIND"]
    for host in ("127.0.0.1", "[::1]"):
        page = await http.get(f"http://{host}{port}/", headers={"Accept": "text/html"})
        assert page.status_code == 200
        (script,) = re.findall(r'src="(/assets/index-[^"]+\.js)"', page.text)
        assert (await http.get(f"http://{host}{port}{script}")).status_code == 200
    document = (await http.get("/api/docs/openapi.json")).json()
    assert "/api/v1/tasks" in document["paths"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start programs as the user of the image")
async def test_nothing_was_written_but_temporary_files(running: Running, image: Image, http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/kinds")).status_code == 200
    assert written_in(image.build.root / "app", "**/*") == []
    shared = [entry for place in SHARED for entry in written_in(Path(place), "*")]
    assert shared == []


def written_in(place: Path, pattern: str) -> list[Path]:
    """What belongs to the user of the image."""
    return [entry for entry in place.glob(pattern) if entry.lstat().st_uid == USER]


async def test_every_command_works_for_a_user_without_name_and_home(running: Running, http: httpx.AsyncClient) -> None:
    run, environment = running.containers.run, running.environments
    for command in (["--help"], ["secret"], ["check", "settings"]):
        assert (await run(*command, environ={}))[0] == 0, command
    asks = {"HEADRACE_URL": running.url, "HEADRACE_API_KEY": KEY}
    code, said = await run("kinds", environ=asks)
    assert (code, "demo_steps" in said) == (0, True), said
    code, said = await run("submit", "demo_steps", "--input", '{"steps": 1, "seconds": 0}', "--wait", environ=asks)
    assert code == 0, said
    code, said = await run("check", "api", "--connect", environ=environment["api"])
    assert code == 0, said


async def test_a_process_ends_well_within_the_time_that_it_has(running: Running, http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/ready")).status_code == 200
    for member in running.members.values():
        assert await member.stop() == 0, member.last_lines()


async def _contains(find: Callable[[], Awaitable[set[str]]], wanted: set[str]) -> bool:
    return wanted <= await find()
