"""Every object that the chart renders is one that Kubernetes and the operators beside it take."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.chart.definitions import schema_of
from tests.chart.kubernetes_schemas import DEFINITIONS, NEWEST, OLDEST, refused
from tests.chart.rendering import Manifest, Values, name_of, rendered_of, sets

# Somebody's own, in `extraObjects`: of a cluster that has its definition.
FOREIGN = {"Route"}

Parts = list[tuple[tuple[str | int, ...], Any]]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_object(version: str) -> None:
    checked: dict[str, Manifest] = {
        json.dumps(each, sort_keys=True): each for name in sets() for each in rendered_of(name)
    }
    wrong = {
        name_of(each): found
        for each in checked.values()
        if each["kind"] not in FOREIGN and (found := refused(each, version))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ({"api": {"merge": {"container": {"resorces": {}}}}}, "Deployment", "'resorces' was unexpected"),
        ({"api": {"merge": {"deployment": {"spec": {"replicas": "two"}}}}}, "Deployment", '"two" is not of type'),
        ({"api": {"merge": {"httpRoute": {"spec": {"timeout": "0s"}}}}}, "HTTPRoute", "'timeout' was unexpected"),
        (
            {"workerDefaults": {"merge": {"scaledObject": {"spec": {"minReplicas": 1}}}}},
            "ScaledObject",
            "'minReplicas' was unexpected",
        ),
        (
            {"metrics": {"merge": {"podMonitor": {"spec": {"endpoints": []}}}}},
            "PodMonitor",
            "'endpoints' was unexpected",
        ),
        ({"metrics": {"merge": {"rules": {"spec": {"rules": []}}}}}, "PrometheusRule", "'rules' was unexpected"),
    ],
)
def test_what_they_would_refuse_is_found(values: Values, kind: str, message: str) -> None:
    objects = [each for each in rendered_of("full", values) if each["kind"] == kind]
    assert any(message in each for found in objects for each in refused(found, NEWEST))


def test_what_a_definition_would_fill_in_is_written_out() -> None:
    """Otherwise those who compare what is with what was said, such as Argo CD, see a difference for ever."""
    missing = {f"{name_of(each)} {place}" for name in sets() for each in rendered_of(name) for place in left_out(each)}
    assert missing == set()


def test_what_is_left_out_is_found() -> None:
    (route,) = (each for each in rendered_of("gitops") if each["kind"] == "HTTPRoute")
    del route["spec"]["rules"][0]["backendRefs"][0]["weight"]
    del route["spec"]["parentRefs"][0]["kind"]
    assert left_out(route) == ["spec.parentRefs.0.kind", "spec.rules.0.backendRefs.0.weight"]


def left_out(manifest: Manifest) -> list[str]:
    """The places of an object of a definition that a server would fill in."""
    if manifest["kind"] not in DEFINITIONS:
        return []
    schema = schema_of(DEFINITIONS[manifest["kind"]], manifest["kind"], manifest["apiVersion"])
    return [".".join(map(str, place)) for place, default in _defaults(schema, manifest, ()) if default is not None]


def _defaults(schema: dict[str, Any], value: Any, place: tuple[str | int, ...]) -> Parts:
    """The defaults that a server would add below a value, with their places."""
    if isinstance(value, dict):
        properties: dict[str, Any] = schema.get("properties", {})
        added: Parts = [
            ((*place, name), each["default"])
            for name, each in properties.items()
            if "default" in each and name not in value
        ]
        inner = [
            found
            for name, each in cast("Manifest", value).items()
            if name in properties
            for found in _defaults(properties[name], each, (*place, name))
        ]
        return added + inner
    if isinstance(value, list) and "items" in schema:
        return [
            found
            for index, each in enumerate(cast("list[Any]", value))
            for found in _defaults(schema["items"], each, (*place, index))
        ]
    return []
