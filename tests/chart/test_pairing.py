"""The values for NATS and the Cluster of Postgres that docs/kubernetes.md pairs the chart with."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.chart.definitions import violations
from tests.chart.installation import PASSWORDS, SECRETS, Installation
from tests.chart.nats_chart import ACCOUNTS, chart_servers, environment, nats_values
from tests.chart.rendering import CHART, values_of
from tests.cli.conftest import Shell
from tests.waiting import WAIT_SECONDS, until

CLUSTER_DEFINITION = "cloudnative-pg/postgresql.cnpg.io_clusters.yaml"


def test_the_servers_are_given_every_password_that_their_users_name() -> None:
    named = set(re.findall(r"\$(NATS_[A-Z_]+)", ACCOUNTS.read_text()))
    given = environment(nats_values(), SECRETS)
    assert named == {name for name in given if name.startswith("NATS_")}
    assert given["NATS_API_PASSWORD"] == PASSWORDS["api"]


@pytest.mark.slow
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


@pytest.mark.slow
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
