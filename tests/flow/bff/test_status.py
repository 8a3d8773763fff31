"""A part of a screen that another service has, from real servers: it answers, fails, hangs and recovers."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.api.bff.circuit import FAILURES_MAX
from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.screens import show_in_time
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
            await _show_until(http, None)
            head = service.requests[0].decode().lower()
            assert "x-correlation-id: look-1" in head
            assert f"traceparent: 00-{TRACE}-" in head
            assert f"authorization: bearer {KEY}" in head

            service.status = 500
            await _show_until(http, "answers 500")
            service.answer, service.status = None, 200
            await _show_until(http, "in time")
            service.answer = WELL
            await _show_until(http, None)

            service.answer, before = None, len(service.requests)
            await _show_until(http, "left alone")
            asked = len(service.requests)
            assert asked - before >= FAILURES_MAX
            await _show_until(http, "left alone")
            assert len(service.requests) == asked


async def _show_until(http: httpx.AsyncClient, why: str | None) -> None:
    """Ask for the screen until the part is stale for this reason, or well, and check that the rest of it is there.

    The service may answer later than the part waits for, on a machine that does much else; that is one more failure of it, and
    several of them leave it alone for a while.
    """

    async def as_expected() -> dict[str, Any] | None:
        shown = await show_in_time(http, SCREEN)
        assert shown["groups"]
        for stale in shown["stale"]:
            assert (stale["part"], stale["error_code"]) == ("status", "external_service_error")
        reasons = [stale["message"] for stale in shown["stale"]]
        return shown if (why is None and not reasons) or (why and any(why in each for each in reasons)) else None

    shown = await until(as_expected, f"a part that is {why or 'well'}")
    assert shown["status"]["state"] == "well"
