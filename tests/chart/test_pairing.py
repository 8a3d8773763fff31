"""The values for NATS and the Cluster of Postgres that docs/kubernetes.md pairs the chart with."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from headrace.embedded.network import free_ports
from headrace.identity.made_secrets import make_secret
from headrace.log.permissions import SYSTEM, USERS
from tests.chart.definitions import violations
from tests.chart.nats_chart import ACCOUNTS, ChartServers, chart_servers, environment, nats_values
from tests.chart.rendering import CHART, values_of
from tests.cli.conftest import Shell
from tests.conftest import make_place
from tests.forked import ForkedProcess
from tests.member import Member
from tests.waiting import WAIT_SECONDS, until

PASSWORDS = {user: secrets.token_hex(16) for user in (*USERS, SYSTEM)}
SECRETS = {"headrace-nats": PASSWORDS}
CLUSTER_DEFINITION = "cloudnative-pg/postgresql.cnpg.io_clusters.yaml"
PROCESSES = ("api", "worker", "projector")


class Installation:
    """Headrace on the servers, each process with its own user of NATS."""

    def __init__(self, servers: ChartServers, database_url: str, place: Path) -> None:
        self.servers = servers
        self.place = place
        (api,) = free_ports(1)
        self.url = f"http://127.0.0.1:{api}"
        self._environ = {
            "HEADRACE_ENV": "production",
            "HEADRACE_NATS_URL": servers.url,
            "HEADRACE_NATS_MONITOR": servers.monitor,
            "HEADRACE_NATS_SYNC": "always",
            "HEADRACE_DATABASE_URL": database_url,
            "HEADRACE_API_SECRETS": make_secret(),
            "HEADRACE_API_BIND": f"127.0.0.1:{api}",
            "HEADRACE_API_TRUSTED_PROXIES": "127.0.0.1",
            "HEADRACE_CONSUMERS": "tests.cli.kinds",
        }

    def environ_of(self, user: str) -> dict[str, str]:
        """Return the environment of a process."""
        return self._environ | {"HEADRACE_NATS_USER": user, "HEADRACE_NATS_PASSWORD": PASSWORDS[user]}

    def passwords(self) -> Path:
        """Lay out the passwords as a Secret is mounted."""
        directory = self.place / "passwords"
        directory.mkdir()
        for user, password in PASSWORDS.items():
            (directory / user).write_text(password)
        return directory

    async def start(self, name: str) -> Member:
        """Start a process and wait until it is ready."""
        (port,) = free_ports(1)
        environ = os.environ | self.environ_of(name) | {f"HEADRACE_{name.upper()}_OPS": f"127.0.0.1:{port}"}
        member = Member(
            name, await ForkedProcess.start(name, environ=environ, limit=1 << 20), f"http://127.0.0.1:{port}"
        )
        try:
            await until(lambda: _is_ready(member), f"{name} to be ready")
        except AssertionError as error:
            await member.kill()
            raise AssertionError(f"{error}; it said {member.last_lines()}") from error
        return member


async def _is_ready(member: Member) -> bool:
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{member.address}/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


@asynccontextmanager
async def installed(values: dict[str, Any], database_url: str, place: Path) -> AsyncGenerator[Installation]:
    """Headrace, provisioned and running, on servers with these values."""
    async with chart_servers(values, place, SECRETS) as servers:
        made = Installation(servers, database_url, place)
        members: list[Member] = []
        try:
            await until(lambda: _is_provisioned(made), "the streams")
            for name in PROCESSES:
                members.append(await made.start(name))
            yield made
        finally:
            await asyncio.gather(*(member.stop() for member in members))


async def _is_provisioned(made: Installation) -> bool:
    """Whether `headrace provision` succeeds, which it does when the servers have agreed on who leads."""
    return (await Shell(made.environ_of("provisioner")).call("provision")).code == 0


@pytest.fixture(scope="module")
async def installation(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[Installation]:
    async with installed(nats_values(), await make_database(), make_place()) as made:
        yield made


def test_the_servers_are_given_every_password_that_their_users_name() -> None:
    named = set(re.findall(r"\$(NATS_[A-Z_]+)", ACCOUNTS.read_text()))
    given = environment(nats_values(), SECRETS)
    assert named == {name for name in given if name.startswith("NATS_")}
    assert given["NATS_API_PASSWORD"] == PASSWORDS["api"]


async def test_a_cluster_with_these_values_is_all_that_check_wants(installation: Installation) -> None:
    shell = Shell(installation.environ_of("api"))
    done = await shell.call("check", "cluster", "--passwords", str(installation.passwords()))
    assert done.code == 0, done
    states = {line.split()[0] for line in done.out.splitlines()}
    assert states == {"ok"}, done.out
    for said in (
        "3 of NATS answered",
        "3 copies of each, all up to date",
        "every message, before it is acknowledged",
        "every server lets JetStream keep streams in memory",
        "NATS permits the work of api, worker, projector, provisioner",
        "1 api, 1 worker, 1 projector, all of version",
    ):
        assert said in done.out, (said, done.out)


async def test_work_is_done_there_by_processes_that_may_do_nothing_else(installation: Installation) -> None:
    signed = {"Authorization": f"Bearer {await first_administrator(installation)}"}
    async with httpx.AsyncClient(base_url=installation.url, headers=signed, timeout=WAIT_SECONDS) as http:
        await until(lambda: _knows(http, "shout"), "the kinds of the worker")
        answer = await http.post("/api/v1/tasks", json={"kind": "shout", "input": {"text": "a"}})
        task = answer.raise_for_status().json()
        done = (await http.get(f"/api/v1/tasks/{task['id']}", params={"wait": 20})).json()
    assert done["state"] == "succeeded", done


async def first_administrator(installation: Installation) -> str:
    """Make the first administrator as an operator does, and return the key."""
    who = {"HEADRACE_ADMIN_EMAIL": "ann@example.com", "HEADRACE_ADMIN_PASSWORD": "a sentence is good"}
    file = installation.place / "credentials.json"
    done = await Shell(installation.environ_of("api") | who).call("admin", "create", "--credentials", str(file))
    assert done.code == 0, done
    return json.loads(file.read_text())["api_key"]


async def _knows(http: httpx.AsyncClient, kind: str) -> bool:
    return any(each["name"] == kind for each in (await http.get("/api/v1/kinds")).json()["items"])


async def test_without_the_lines_that_differ_from_the_charts_defaults_check_says_what_is_missing(
    make_database: Callable[[], Awaitable[str]], tmp_path: Path
) -> None:
    values = nats_values()
    del values["config"]["jetstream"]["merge"], values["config"]["jetstream"]["memoryStore"]
    async with chart_servers(values, tmp_path, SECRETS) as servers:
        made = Installation(servers, await make_database(), tmp_path)
        done = await Shell(made.environ_of("api")).call("check", "cluster")
    assert done.code == 2
    for said in (
        "nats-0, nats-1, nats-2 acknowledges before it writes to its disk",
        "config.jetstream.merge",
        "JetStream of nats-0, nats-1, nats-2 keeps nothing in memory",
        "config.jetstream.memoryStore",
    ):
        assert said in done.out, (said, done.out)


def test_cloudnative_pg_takes_the_cluster_of_postgres() -> None:
    assert violations(CLUSTER_DEFINITION, postgres_cluster()) == []


def test_a_slip_in_the_cluster_of_postgres_is_found() -> None:
    cluster = postgres_cluster()
    cluster["spec"]["bootstrap"]["initdb"]["databse"] = "headrace"
    cluster["spec"]["instances"] = "two"
    assert {each.partition(":")[0] for each in violations(CLUSTER_DEFINITION, cluster)} == {
        "spec.bootstrap.initdb",
        "spec.instances",
    }


def test_the_operators_secrets_have_the_names_that_the_least_values_of_the_chart_read() -> None:
    name, least = postgres_cluster()["metadata"]["name"], values_of("minimal")
    assert least["database"]["existingSecret"] == f"{name}-app"
    assert least["database"]["tls"]["caSecret"] == f"{name}-ca"


def postgres_cluster() -> dict[str, Any]:
    """Return the Cluster that is documented."""
    return yaml.safe_load((CHART / "pairing/postgres-cluster.yaml").read_text())
