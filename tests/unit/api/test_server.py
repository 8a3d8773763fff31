from __future__ import annotations

import signal
import time

import httpx

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.waiting import until


async def test_a_process_that_is_told_to_stop_while_nats_is_away_stops_at_once(cluster: Cluster) -> None:
    nowhere, address = (f"127.0.0.1:{port}" for port in free_ports(2))
    away = {"HEADRACE_NATS_URL": f"nats://{nowhere}", "HEADRACE_API_BIND": address}
    members = [await cluster.spawn(name, **away) for name in ("api", "worker", "projector")]
    for member in members:
        await member.until_logged("NATS client error")
        member.signal(signal.SIGTERM)
        told = time.monotonic()
        assert await member.exited() == 0, member.name
        assert time.monotonic() - told < 5, member.name
        assert member.logged("stopped before it was open"), member.name
        cluster.members.remove(member)


async def test_an_api_that_is_told_to_stop_says_so_and_goes_on_serving_until_the_delay_is_over(
    cluster: Cluster,
) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    api = await cluster.spawn("api", HEADRACE_API_BIND=address, HEADRACE_API_DRAIN="60")
    async with httpx.AsyncClient(headers=cluster.http.headers) as http:

        async def is_ready(expected: int) -> bool:
            try:
                asked = [await http.get(f"http://{each}/health/ready") for each in (address, api.address)]
            except httpx.TransportError:
                return False
            return {answer.status_code for answer in asked} == {expected}

        await until(lambda: is_ready(200), "the api")
        api.signal(signal.SIGTERM)
        await until(lambda: is_ready(503), "the api to say that it stops")
        accepted = await http.post(
            f"http://{address}/api/v1/tasks", json={"kind": "noop", "input": {}}, headers={"Connection": "close"}
        )
        assert accepted.status_code == 202, "load balancers send requests until they have noticed"
        assert (await http.get(f"http://{api.address}/health/live")).status_code == 200
        # Somebody who does not want to wait says it again.
        api.signal(signal.SIGTERM)
        assert await api.exited() == 0
    cluster.members.remove(api)
