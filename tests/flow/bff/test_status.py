"""A part of a screen that another service has, from real servers: it answers, fails, hangs and recovers."""

from __future__ import annotations

import httpx

from headrace.api.bff.circuit import FAILURES_MAX
from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.screens import show, show_in_time
from tests.status_service import WELL, Service, running
from tests.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
SCREEN = "admin/settings"
KEY = "of-this-installation"


async def test_a_service_that_fails_leaves_the_screen_is_left_alone_and_is_shown_again_once_it_answers(
    cluster: Cluster,
) -> None:
    service, bind = Service(), f"127.0.0.1:{free_ports(1)[0]}"
    async with running(service):
        settings = {"HEADRACE_API_STATUS_URL": service.url, "HEADRACE_API_STATUS_KEY": KEY}
        member = await cluster.spawn("api", "--mount", "admin", HEADRACE_API_BIND=bind, **settings)
        await until(lambda: cluster.is_ready(member, f"http://{bind}"), "the admin mount")
        headers = {"Authorization": cluster.http.headers["Authorization"], "X-Correlation-ID": "look-1"}
        headers["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"
        async with httpx.AsyncClient(base_url=f"http://{bind}", headers=headers) as http:
            assert (await show(http, SCREEN))["status"]["state"] == "well"
            head = service.requests[0].decode().lower()
            assert "x-correlation-id: look-1" in head
            assert f"traceparent: 00-{TRACE}-" in head
            assert f"authorization: bearer {KEY}" in head

            service.status = 500
            await _check_stale(http, "answers 500")
            service.answer, service.status = None, 200
            await _check_stale(http, "in time")
            service.answer = WELL
            await show(http, SCREEN)

            service.answer = None
            for _ in range(FAILURES_MAX):
                await _check_stale(http, "in time")
            asked = len(service.requests)
            await _check_stale(http, "left alone")
            assert len(service.requests) == asked


async def _check_stale(http: httpx.AsyncClient, why: str) -> None:
    """Check that the rest of the screen is there, and the part as it was."""
    shown = await show_in_time(http, SCREEN)
    (stale,) = shown["stale"]
    assert (stale["part"], stale["error_code"]) == ("status", "external_service_error")
    assert why in stale["message"]
    assert shown["status"]["state"] == "well"
    assert shown["groups"]
