"""The parts of the API as Deployments of their own: each route reaches those that serve it."""

from __future__ import annotations

import re
from typing import NamedTuple

import httpx
import pytest

from tests.accounts import SIGNED
from tests.chart.pods.gateway import Gateway, Request
from tests.chart.pods.installation import QUICK_PROBES, Installation
from tests.chart.rendering import ROOT, Values

HOST = "headrace.example.com"
MOUNTS = ("core", "member", "admin", "streams")
_ROW = re.compile(r"\| `(/\S*)` ([A-Z, ]+) \| [^|]+ \| (\w+) \|")
_PLACE = {"number:int": "1"}


class Route(NamedTuple):
    """A row of docs/access.md."""

    path: str
    method: str
    mount: str


def routes() -> list[Route]:
    """Every route that one mount alone serves, with its parameters filled in."""
    text = (ROOT / "docs/access.md").read_text()
    found = [
        Route(
            re.sub(r"{([^}]+)}", lambda name: _PLACE.get(name[1], "00000000-0000-7000-8000-000000000000"), path),
            method,
            mount,
        )
        for path, methods, mount in _ROW.findall(text)
        for method in methods.replace(",", " ").split()
        if mount != "every"
    ]
    assert {each.mount for each in found} == {*MOUNTS}
    return found


def apart(**api: object) -> Values:
    """Values with a Deployment for each mount."""
    route = {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": [HOST], "regularExpressions": True}
    return {
        "api": {"mounts": ["core"], "replicas": 1, "httpRoute": route, **api},
        "apis": {mount: {"mounts": [mount]} for mount in MOUNTS[1:]},
    }


@pytest.mark.slow
async def test_every_route_reaches_a_process_that_serves_it(installation: Installation) -> None:
    values = apart(probes=QUICK_PROBES)
    await installation.install(**values)
    (route,) = [each for each in installation.release.revisions[-1] if each["kind"] == "HTTPRoute"]
    gateway = Gateway(route, installation.node)
    async with gateway.open(), httpx.AsyncClient(base_url=gateway.url, headers={"Host": HOST}, trust_env=False) as http:
        for each in routes():
            service = "headrace-api" if each.mount == "core" else f"headrace-api-{each.mount}"
            assert gateway.backend(Request(each.method, each.path, {})) == (service, 80), each
            answer = await http.request(each.method, each.path)
            # Nobody has signed in. A process that does not serve a path says that there is none.
            assert answer.status_code not in (404, 405, 503), (each, answer.text)
        page = await http.get("/api/v1/tasks", headers=SIGNED)
        assert page.status_code == 200, page.text
