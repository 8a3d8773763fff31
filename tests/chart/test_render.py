"""Every set of values in `ci` makes a release."""

from __future__ import annotations

import re

import helm_python
import pytest

from tests.chart.kubernetes_schemas import NEWEST, refused
from tests.chart.rendering import (
    CHART,
    Values,
    chart,
    containers,
    merge,
    name_of,
    pods,
    render,
    render_files,
    rendered_of,
    sets,
    values_of,
)

NAME_MAX = 63  # letters of a label's value, and of the name of a Service
LONGEST_RELEASE = "a-release-with-the-longest-name-that-helm-lets-anyo53"
OTHER_RELEASE = "a-release-with-the-longest-name-that-helm-lets-any-53"
# Helm takes each of these as the name of a release, and Kubernetes most of them as that of a namespace. YAML reads some as something else.
ODD_NAMES = ["123", "007", "1e6", "0x1f", "null", "true", "no", "on", "y", "2026-11-28", "my.shop", "1.5"]
LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")  # what a Service may be called

EACH = pytest.mark.parametrize("name", sets())


@EACH
def test_helm_finds_nothing_to_complain_of(name: str) -> None:
    report = helm_python.lint(CHART, values_of(name), strict=True, namespace="apps", kube_version="v1.30.0")
    # 1 is a remark.
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    assert report["errors"] == []


@EACH
def test_an_upgrade_renders_what_an_install_does(name: str) -> None:
    """Helm rolls back to what it has rendered before, so that a rollback is an upgrade as well. Only NOTES know the difference."""
    assert render(values_of(name), is_upgrade=True) == rendered_of(name)


@EACH
def test_nothing_is_left_to_chance(name: str) -> None:
    files = render_files(values_of(name))
    assert render_files(values_of(name)) == files
    assert len({name_of(each) for each in rendered_of(name)}) == len(rendered_of(name))


def test_the_least_values_run_every_process_once() -> None:
    ran = {name: [each["args"] for each in containers(spec)] for name, spec in pods(rendered_of("minimal")).items()}
    assert ran == {
        "Deployment/headrace-api": [["api"]],
        "Deployment/headrace-projector": [["projector"]],
        "Deployment/headrace-worker-default": [["worker"]],
        "Job/headrace-migrate": [["provision"], ["migrate"]],
        "Pod/headrace-test-check": [["check", "cluster", "--passwords", "/run/secrets/headrace/nats-users"]],
    }


@EACH
def test_names_fit_with_the_longest_name_of_a_release(name: str) -> None:
    assert len(LONGEST_RELEASE) == 53
    objects = render(values_of(name), release=LONGEST_RELEASE)
    ours = [each for each in objects if each["kind"] != "Route"]
    too_long = [name_of(each) for each in ours if len(each["metadata"]["name"]) > NAME_MAX]
    labels = [value for each in ours for value in each["metadata"].get("labels", {}).values()]
    assert too_long == []
    assert [value for value in labels if len(value) > NAME_MAX] == []


def test_releases_with_long_names_do_not_share_any() -> None:
    one, other = (
        {name_of(each) for each in render(values_of("minimal"), release=release)}
        for release in (LONGEST_RELEASE, OTHER_RELEASE)
    )
    assert one & other == set()


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_what_yaml_takes_for_something_else_stays_a_name(odd: str) -> None:
    objects = render(merge(values_of("mounts"), named(odd)), release=odd, namespace=odd.replace(".", "-"))
    for each in objects:
        # The name of the service account is given, and is of another sort.
        assert LABEL.fullmatch(each["metadata"]["name"]) or each["kind"] == "ServiceAccount", name_of(each)
        assert each["metadata"]["namespace"] == odd.replace(".", "-")
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == odd
        assert refused(each, NEWEST) == []
    specs = pods(objects).values()
    assert {spec.get("priorityClassName") for spec in specs} == {odd, None}
    assert {spec["serviceAccountName"] for spec in specs} == {odd, "default"}
    assert {each["name"] for spec in specs for each in spec["imagePullSecrets"]} == {odd}


def named(odd: str) -> Values:
    """Values in which all that is somebody else's has one name."""
    return {
        "imagePullSecrets": [odd],
        "serviceAccount": {"name": odd},
        "nats": {"auth": {"existingSecret": odd}, "tls": {"caSecret": odd}},
        "objects": {"url": "s3://files", "existingSecret": odd},
        "api": {"priorityClassName": odd, "ingress": {"enabled": True, "className": odd, "hosts": [odd]}},
        "workers": {"no": {}, "null": {}, "true": {}, "y": {}},
    }


def test_releases_with_odd_names_do_not_share_any() -> None:
    releases = ("my.shop", "my-shop", "1", "headrace-1", "1.0", "1-0")
    names = [name_of(each) for release in releases for each in render(values_of("minimal"), release=release)]
    assert len(set(names)) == len(names)


def test_an_empty_entry_takes_the_default_worker_away() -> None:
    assert [name for name in pods(rendered_of("keda-nats")) if "worker" in name] == [
        "Deployment/headrace-worker-tables",
        "Deployment/headrace-worker-text",
    ]


def test_the_chart_asks_for_the_oldest_kubernetes_that_it_is_tried_with() -> None:
    assert chart().metadata["kubeVersion"] == ">=1.30.0-0"


def test_notes_say_what_is_missing_and_what_to_do_next() -> None:
    notes = render_files(values_of("minimal"))["headrace/templates/NOTES.txt"]
    assert "kubectl --namespace apps exec -it deploy/headrace-api -- headrace admin create" in notes
    assert "helm test headrace --namespace apps --logs" in notes
    assert "No bucket: tasks have no files. Say objects.url." in notes
    assert "Nothing is scraped. Say metrics.podMonitor.enabled" in notes
    assert "There are no alerts. Say metrics.rules.enabled" in notes


def test_notes_miss_nothing_that_is_there() -> None:
    rules = merge(values_of("minimal"), {"metrics": {"rules": {"enabled": True}}})
    notes = render_files(rules)["headrace/templates/NOTES.txt"]
    assert "Nothing is scraped" in notes
    assert "metrics.rules.enabled" not in notes


@pytest.mark.parametrize(
    ("workers", "may_be_none"),
    [
        ({"default": {"replicas": 1}}, False),
        ({"default": {"autoscaling": {"enabled": True, "minReplicas": 1}}}, False),
        ({"default": {"autoscaling": {"enabled": True, "minReplicas": 0}}}, True),
        ({"default": {"autoscaling": {"enabled": True, "minReplicas": 0}}, "other": {"replicas": 1}}, False),
        ({"default": {"replicas": None}}, True),
        ({"default": None}, False),
    ],
)
def test_the_tests_of_a_release_miss_workers_unless_they_are_scaled_to_zero(workers: Values, may_be_none: bool) -> None:
    objects = render(merge(values_of("minimal"), {"workers": workers}))
    (check,) = (each for each in objects if name_of(each) == "Pod/headrace-test-check")
    assert ("--allow-no-workers" in check["spec"]["containers"][0]["args"]) is may_be_none


def test_notes_are_short_when_nothing_is_missing() -> None:
    notes = render_files(values_of("full"))["headrace/templates/NOTES.txt"]
    assert "admin create" not in notes
    assert notes.partition("Missing\n")[2].splitlines()[0].startswith("- In a namespace that denies everything")
