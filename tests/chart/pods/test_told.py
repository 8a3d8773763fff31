"""What a container is told: its environment as a kubelet makes it, and what that means on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chart.pods.environment import environment_of, expand, service_links
from tests.chart.pods.objects import NotThereError, Objects
from tests.chart.pods.rewriting import Rewriting
from tests.chart.rendering import pods, render, values_of

FIELDS = {"metadata.name": "a-pod"}
SERVICE = {
    "metadata": {"name": "headrace-api"},
    "spec": {"ports": [{"name": "http", "port": 80}, {"name": "ops", "port": 9090}]},
}
LINKS = service_links([SERVICE], {"headrace-api": "10.0.0.9"})


def environment(container: dict[str, Any], **spec: object) -> dict[str, str]:
    objects = Objects("apps")
    objects.put_secret("users", worker="hidden")
    return environment_of(spec, container, objects, FIELDS, LINKS)


def test_the_service_of_a_release_named_headrace_does_not_reach_our_settings() -> None:
    for name, spec in pods(render(values_of("minimal"))).items():
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            told = environment(container, enableServiceLinks=spec.get("enableServiceLinks", True))
            assert [each for each in told if each.endswith(("_SERVICE_HOST", "_TCP"))] == [], name
    # What they would meet otherwise.
    assert "HEADRACE_API_PORT" in environment({})
    assert environment({})["HEADRACE_API_PORT"] == "tcp://10.0.0.9:80"


def test_variables_come_from_secrets_fields_and_each_other_and_the_later_ones_win() -> None:
    env = [
        {"name": "USER_NAME", "value": "me"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "users", "key": "worker"}}},
        {"name": "URL", "value": "nats://$(USER_NAME):$(PASSWORD)@nats $(NONE) $$(USER_NAME)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NOT_THERE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a", "optional": True}}},
    ]
    told = environment({"env": env, "envFrom": [{"secretRef": {"name": "users"}, "prefix": "NATS_"}]})
    assert told["URL"] == "nats://me:hidden@nats $(NONE) $(USER_NAME)"
    assert (told["POD"], told["NATS_worker"], "NOT_THERE" in told) == ("a-pod", "hidden", False)
    assert expand("$(A)$(A)", {"A": "b"}) == "bb"


@pytest.mark.parametrize("reference", [{"name": "none", "key": "a"}, {"name": "users", "key": "none"}])
def test_a_secret_that_is_not_there_is_named(reference: dict[str, str]) -> None:
    with pytest.raises(NotThereError, match="none"):
        environment({"env": [{"name": "A", "valueFrom": {"secretKeyRef": reference}}]})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (":8080", "127.1.0.2:8080"),
        (":1234", ":1234"),
        ("/tmp", "/pods/a/tmp"),
        ("/tmp/some", "/pods/a/tmp/some"),
        ("/tmpfs", "/tmpfs"),
        ("/pods/a/gate", "/pods/a/gate"),
        ("http://headrace-api:80", "http://127.1.0.3:80"),
        ("http://headrace-api", "http://127.1.0.3:80"),
        ("http://headrace-api.apps.svc:9090/backlog", "http://127.1.0.3:9090/backlog"),
        ("http://headrace-api.example.com", "http://headrace-api.example.com"),
        ("headrace-api.apps,headrace-api.apps.svc", "headrace-api.apps,headrace-api.apps.svc"),
    ],
)
def test_of_what_a_container_is_told_only_ports_paths_and_services_mean_something_else(given: str, meant: str) -> None:
    def address_of(name: str, port: int) -> str | None:
        return f"127.1.0.3:{port}" if name == "headrace-api" else None

    rewrite = Rewriting(
        place=Path("/pods"),
        address="127.1.0.2",
        ports=frozenset({8080}),
        mounts={"/tmp": Path("/pods/a/tmp")},
        service=address_of,
    )
    assert rewrite(given) == meant
