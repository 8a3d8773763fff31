from __future__ import annotations

import signal
import time

from headrace.embedded.network import free_ports
from tests.cluster import Cluster


async def test_an_api_that_is_told_to_stop_while_nats_is_away_stops_at_once(cluster: Cluster) -> None:
    nowhere, address = (f"127.0.0.1:{port}" for port in free_ports(2))
    api = await cluster.spawn("api", HEADRACE_NATS_URL=f"nats://{nowhere}", HEADRACE_API_BIND=address)
    await api.until_logged("NATS client error")
    api.signal(signal.SIGTERM)
    told = time.monotonic()
    assert await api.exited() == 0
    assert time.monotonic() - told < 5
    assert api.logged("stopped before it was open")
    cluster.members.remove(api)
