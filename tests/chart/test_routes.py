"""Each path of docs/access.md goes to a Deployment that serves it, whatever is split."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from tests.chart.rendering import ROOT, Manifest, Values, rendered_of

SPLIT: Values = {"api": {"mounts": ["core"], "httpRoute": {"regularExpressions": True}}}
MOUNTS = {"core", "member", "admin", "streams"}
# Of the routes of a mount, those whose place no prefix, method or header tells.
BY_EXPRESSION_ALONE = {("PUT", "/api/v1/users/{user}/decision")}


class Request(NamedTuple):
    """A request that some route answers.

    Attributes:
        method: Its method.
        path: Its path, with an id in each place for one.
        template: The path of the route.
        mount: The mount of the route.
        accept: What it asks for.
    """

    method: str
    path: str
    template: str
    mount: str
    accept: str


def _requests() -> list[Request]:
    """Read the table of routes, which is made from the routes themselves."""
    rows = re.findall(r"^\| `(\S+)` ([A-Z, ]+) \|.*\| (\w+) \|$", (ROOT / "docs/access.md").read_text(), re.MULTILINE)
    found = [
        Request(
            method,
            re.sub(r"\{[^}]*\}", "0190a1b2c3d4", template),
            template,
            mount,
            "text/event-stream" if mount == "streams" else "application/json",
        )
        for template, methods, mount in rows
        for method in methods.split(", ")
        if mount != "every"
    ]
    assert {each.mount for each in found} == MOUNTS
    return found


def _route(objects: list[Manifest]) -> Manifest:
    (route,) = (each for each in objects if each["kind"] == "HTTPRoute")
    return route


def _backend(route: Manifest, request: Request) -> str:
    """Where a Gateway sends a request: of all matches an exact path wins, then an expression, then the longest prefix, then a method
    and then the number of headers. Expressions are where `regularExpressions` promises them.
    """
    candidates = [
        (rank, rule["backendRefs"][0]["name"])
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
        if (rank := _rank(match, request)) is not None
    ]
    return max(candidates)[1]


def _rank(match: dict[str, Any], request: Request) -> tuple[int, int, bool, int] | None:
    value = match["path"]["value"]
    kind = match["path"]["type"]
    matched = {
        "Exact": request.path == value,
        "RegularExpression": re.fullmatch(value, request.path) is not None,
        "PathPrefix": value == "/" or request.path == value or request.path.startswith(f"{value}/"),
    }[kind]
    if not matched or match.get("method", request.method) != request.method:
        return None
    headers = match.get("headers", [])
    if any(each["value"] != request.accept for each in headers):
        return None
    order = ["PathPrefix", "RegularExpression", "Exact"]
    return order.index(kind), len(value), "method" in match, len(headers)


def _mounts(objects: list[Manifest]) -> dict[str, set[str]]:
    """The mounts that the Deployment behind each Service serves."""
    served: dict[str, set[str]] = {}
    for each in objects:
        if each["kind"] == "Deployment" and each["metadata"]["name"].startswith("headrace-api"):
            env = {one["name"]: one.get("value") for one in each["spec"]["template"]["spec"]["containers"][0]["env"]}
            served[each["metadata"]["name"]] = set(env["HEADRACE_API_MOUNTS"].split(","))
    return served


@pytest.mark.parametrize("differing", [{}, SPLIT], ids=["api serves all", "api serves core alone"])
def test_each_request_goes_to_who_serves_it(differing: Values) -> None:
    objects = rendered_of("mounts", differing)
    route, served = _route(objects), _mounts(objects)
    astray = [each for each in _requests() if each.mount not in served[_backend(route, each)]]
    assert astray == []


def test_a_mount_that_is_split_off_gets_its_requests() -> None:
    objects = rendered_of("mounts")
    route = _route(objects)
    stayed = {
        (each.method, each.template)
        for each in _requests()
        if each.mount != "core" and _backend(route, each) == "headrace-api"
    }
    assert stayed == BY_EXPRESSION_ALONE


def test_no_route_leads_to_a_further_deployment_that_serves_core() -> None:
    """So the pods of a mount that is split off are there before its requests are."""
    objects = rendered_of("mounts", {"apis": {"streams": {"mounts": ["core", "streams"]}}})
    assert _mounts(objects)["headrace-api-streams"] == {"core", "streams"}
    assert "headrace-api-streams" not in {_backend(_route(objects), each) for each in _requests()}


def test_what_does_not_ask_for_a_stream_alone_is_answered_by_the_api_that_serves_all() -> None:
    objects = rendered_of("mounts")
    clients = Request("GET", "/api/v1/tasks/0190/events", "", "streams", "text/event-stream, application/problem+json")
    assert _backend(_route(objects), clients) == "headrace-api"
    assert _mounts(objects)["headrace-api"] == MOUNTS


def test_an_ingress_sends_prefixes_to_who_serves_all_below_them() -> None:
    ingress = {"enabled": True, "hosts": ["headrace.example.com"]}
    objects = rendered_of("mounts", {"api": {"ingress": ingress}})
    (made,) = (each for each in objects if each["kind"] == "Ingress")
    paths = made["spec"]["rules"][0]["http"]["paths"]
    served = _mounts(objects)
    for each in _requests():
        matching = [one for one in paths if f"{each.path}/".startswith(f"{one['path'].rstrip('/')}/")]
        longest = max(matching, key=lambda one: len(one["path"]))
        assert each.mount in served[longest["backend"]["service"]["name"]], each


def test_every_backend_is_a_service_with_that_port() -> None:
    for name in ("mounts", "full", "gitops"):
        objects = rendered_of(name)
        services = {
            each["metadata"]["name"]: {port["port"] for port in each["spec"]["ports"]}
            for each in objects
            if each["kind"] == "Service"
        }
        for rule in _route(objects)["spec"]["rules"]:
            (backend,) = rule["backendRefs"]
            assert backend["port"] in services[backend["name"]]
            assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}
