"""Credentials while Postgres is away: known ones go on, unknown ones wait, and a revocation reaches every process all the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headrace.api.auth.revocations import Revocations
from headrace.contracts.identity import Role, UserState
from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.bff.outage_steps import check_without_nats, check_without_postgres, read_screens
from tests.flow.problems import check_problem
from tests.screens import show, show_in_time
from tests.waiting import until

TOLD_SECONDS = 2.0


async def second_api(cluster: Cluster, key: str) -> httpx.AsyncClient:
    """Start another API of the same cluster; what it answers a key."""
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    member = await cluster.spawn("api", HEADRACE_API_BIND=bind)
    await until(lambda: cluster.is_ready(member, f"http://{bind}"), "the second api")
    http = cluster.http_as(key)
    http.base_url = httpx.URL(f"http://{bind}")
    return http


async def check_stale_screens(http: httpx.AsyncClient, account: dict[str, Any], schedules: dict[str, Any]) -> None:
    """Screens are as they were, and say so; what does not come from Postgres is there, and what nobody knows is null."""
    now = await show_in_time(http, "member/account")
    assert {each["part"]: each["since"] for each in now["stale"]} == dict.fromkeys(
        ("user", "sessions", "keys", "usage", "preferences"), account["at"]
    )
    assert {each["error_code"] for each in now["stale"]} == {"identity_unavailable"}
    assert (now["user"], now["keys"]) == (account["user"], account["keys"])
    assert now["usage"]["streams"] == account["usage"]["streams"]
    # This one may have been kept for a second.
    await until(lambda: is_stale(http), "the schedules are said to be stale")
    now = await show_in_time(http, "member/schedules")
    assert (now["items"], now["position"]) == (schedules["items"], schedules["position"])
    never_read = await show_in_time(http, "member/schedules", limit=7)
    assert (never_read["items"], never_read["position"], never_read["stale"][0]["since"]) == (None, None, None)


async def is_stale(http: httpx.AsyncClient) -> bool:
    shown = (await http.get("/bff/v1/member/schedules")).json()
    return [each["error_code"] for each in shown["stale"]] == ["read_model_unavailable"]


@pytest.mark.slow
@pytest.mark.invariant(8)
async def test_without_postgres_known_keys_go_on_unknown_ones_wait_and_revoked_ones_are_refused_by_every_process(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    ada, bob, eve = [await cluster.make_user(name) for name in ("ada", "bob", "eve")]
    apis = {user: (cluster.http_as(user.key), await second_api(cluster, user.key)) for user in (ada, bob)}
    for http in (http for pair in apis.values() for http in pair):
        assert (await http.get("/api/v1/tasks")).status_code == 200
    revocations = Revocations(cluster.log)
    screens = apis[bob][0]
    known = [await show(screens, f"member/{each}") for each in ("account", "schedules")]
    shown = await read_screens(cluster.http)
    async with cluster.without_postgres():
        await check_stale_screens(screens, *known)
        await check_without_postgres(cluster.http, shown)
        for http in apis[ada]:
            answer = await http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})
            assert (answer.status_code, answer.json()["owner"]) == (202, "ada")
        unknown = check_problem(await cluster.http_as(eve.key).get("/api/v1/kinds"), 503, "identity_unavailable")
        assert "try again" in unknown["message"]
        # What has not even the form of a key needs no look into Postgres.
        check_problem(await cluster.http_as(eve.key[:-1] + "_").get("/api/v1/kinds"), 401, "not_authenticated")

        async def is_refused(http: httpx.AsyncClient) -> bool:
            return (await http.get("/api/v1/kinds")).status_code != 200

        await revocations.note_key_revoked(ada.key_id)
        await revocations.note_user_changed(bob.id, Role.MEMBER, UserState.DISABLED)
        for user in (ada, bob):
            for http in apis[user]:
                await until(lambda http=http: is_refused(http), "the revocation to be known", TOLD_SECONDS)
    revocations.close()

    async def is_let_in() -> bool:
        return (await cluster.http_as(eve.key).get("/api/v1/kinds")).status_code == 200

    await until(is_let_in, "Postgres to be back")
    for http in apis[ada]:
        # Postgres knows nothing of it here, and the process does.
        check_problem(await http.get("/api/v1/kinds"), 401, "not_authenticated")
    await read_screens(cluster.http)
    await cluster.nats.stop()
    await check_without_nats(cluster.http, shown)
