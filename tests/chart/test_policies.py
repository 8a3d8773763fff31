"""What holds of every pod and every object, whatever the values."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.chart import restricted
from tests.chart.rendering import (
    CHART,
    NAMESPACE,
    RELEASE,
    Manifest,
    chart,
    containers,
    labels_of_pods,
    name_of,
    objects_of,
    pods,
    rendered_of,
    sets,
    values_of,
)

EACH = pytest.mark.parametrize("name", sets())
# What Kubernetes would fill in of a pod and of its containers.
POD_DEFAULTS = {
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "dnsPolicy",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "enableServiceLinks",
    "automountServiceAccountToken",
}
CONTAINER_DEFAULTS = {"imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy", "resources"}
PROBE_DEFAULTS = {"periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"}
DEPLOYMENT_DEFAULTS = {"revisionHistoryLimit", "progressDeadlineSeconds", "strategy"}
LOOKS_SECRET = re.compile(r"(PASSWORD|TOKEN|SECRETS?|API_KEY|_KEY|CREDENTIALS|ACCESS_KEY_ID)$")


@EACH
def test_every_pod_is_admitted_by_restricted(name: str) -> None:
    assert {pod: found for pod, spec in pods(rendered_of(name)).items() if (found := restricted.refused(spec))} == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"securityContext": {"allowPrivilegeEscalation": True}}, "api: allows privilege escalation"),
        ({"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}, "api: keeps capabilities"),
        ({"podSecurityContext": {"runAsNonRoot": None}}, "api: may run as root"),
        ({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}, "api: has no seccomp profile"),
        ({"api": {"extraVolumes": [{"name": "host", "hostPath": {"path": "/"}}]}}, "the volume host is hostPath"),
        ({"api": {"merge": {"pod": {"hostNetwork": True}}}}, "has hostNetwork"),
        ({"securityContext": {"runAsUser": 0}}, "api: runs as root"),
    ],
)
def test_a_pod_that_restricted_refuses_is_found(change: dict[str, Any], message: str) -> None:
    spec = pods(rendered_of("minimal", change))["Deployment/headrace-api"]
    assert message in restricted.refused(spec)


@EACH
def test_pods_run_as_whoever_and_write_to_nothing_but_their_scratch_space(name: str) -> None:
    for pod, spec in pods(rendered_of(name)).items():
        # OpenShift refuses a user outside of the range of a namespace.
        assert "runAsUser" not in spec["securityContext"], pod
        assert "fsGroup" not in spec["securityContext"], pod
        for each in containers(spec):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True, pod
        sizes = [each["emptyDir"] for each in spec["volumes"] if "emptyDir" in each]
        assert all(each.get("sizeLimit") for each in sizes), pod


@EACH
def test_pods_have_no_token_and_no_variables_of_services(name: str) -> None:
    for pod, spec in pods(rendered_of(name)).items():
        assert spec["automountServiceAccountToken"] is False, pod
        assert spec["enableServiceLinks"] is False, pod


@EACH
def test_the_job_needs_nothing_that_the_chart_makes(name: str) -> None:
    objects = rendered_of(name)
    made = {each["metadata"]["name"] for each in objects if each["kind"] in {"ConfigMap", "Secret", "ServiceAccount"}}
    for each in objects:
        if each["kind"] == "Job":
            spec = each["spec"]["template"]["spec"]
            assert set(_named(spec)) & made == set()
            assert spec["serviceAccountName"] == "default"


def _named(spec: Manifest) -> Iterator[str]:
    """The Secrets and ConfigMaps of a pod."""
    for volume in spec["volumes"]:
        yield from (source["secret"]["name"] for source in volume.get("projected", {}).get("sources", []))
    for each in containers(spec):
        sources = [one.get("valueFrom", {}) for one in each["env"]] + each.get("envFrom", [])
        yield from (reference["name"] for source in sources for reference in source.values() if "name" in reference)


@EACH
def test_no_secret_is_a_value(name: str) -> None:
    objects = rendered_of(name)
    assert [name_of(each) for each in objects if each["kind"] == "Secret"] == []
    for pod, spec in pods(objects).items():
        given = {each["name"]: each.get("value") for one in containers(spec) for each in one.get("env", [])}
        shown = [variable for variable, value in given.items() if LOOKS_SECRET.search(variable) and value is not None]
        # These two name a file.
        assert set(shown) <= {"HEADRACE_NATS_KEY", "HEADRACE_DATABASE_KEY", "HEADRACE_NATS_CREDENTIALS"}, pod
        assert all(str(given[variable]).startswith("/run/secrets/headrace/") for variable in shown), pod


@EACH
def test_every_container_asks_for_what_it_needs_and_has_a_limit_of_memory(name: str) -> None:
    for pod, spec in pods(rendered_of(name)).items():
        for each in containers(spec):
            assert each["resources"]["requests"].keys() == {"cpu", "memory"}, pod
            assert each["resources"]["limits"].keys() == {"memory"}, pod


@EACH
def test_what_goes_on_running_is_probed_where_it_is_said_to_be(name: str) -> None:
    for pod, spec in pods(rendered_of(name)).items():
        if not pod.startswith("Deployment/"):
            continue
        (process, *_) = spec["containers"]
        probes = {probe: process[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert {probe: each["path"] for probe, each in probes.items()} == {
            "startupProbe": "/health/live",
            "livenessProbe": "/health/live",
            "readinessProbe": "/health/ready",
        }
        assert {each["port"] for each in probes.values()} == {"ops"}
        assert {"name": "ops", "containerPort": 9090, "protocol": "TCP"} in process["ports"]
        ops = [each["value"] for each in process["env"] if each["name"].endswith("_OPS")]
        assert ops == [":9090"], pod


@EACH
def test_a_pod_is_given_the_time_that_its_process_takes_to_end(name: str) -> None:
    for pod, spec in pods(rendered_of(name)).items():
        env = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
        takes = sum(
            float(env.get(f"HEADRACE_{variable}") or 0) for variable in ("API_DRAIN", "API_GRACE", "WORKER_GRACE")
        )
        pre_stop = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert spec["terminationGracePeriodSeconds"] >= takes + 5, pod
        # The API itself goes on serving for a while; only `full` adds a sleep by hand.
        assert pre_stop == 0 or name == "full", pod


@EACH
def test_what_kubernetes_would_fill_in_is_written_out(name: str) -> None:
    objects = rendered_of(name)
    for pod, spec in pods(objects).items():
        assert spec.keys() >= POD_DEFAULTS, pod
        # A container of somebody else's is theirs.
        for each in (one for one in containers(spec) if one["name"] != "proxy"):
            assert each.keys() >= CONTAINER_DEFAULTS, pod
            assert all(port["protocol"] == "TCP" for port in each.get("ports", [])), pod
            for probe in (each[key] for key in each if key.endswith("Probe")):
                assert probe.keys() >= PROBE_DEFAULTS, pod
                assert probe["httpGet"]["scheme"] == "HTTP", pod
        projected = [each["projected"] for each in spec["volumes"] if "projected" in each]
        assert all(each["defaultMode"] == 0o644 for each in projected), pod
    for each in objects:
        if each["kind"] == "Deployment":
            assert each["spec"].keys() >= DEPLOYMENT_DEFAULTS
        if each["kind"] == "Service":
            assert each["spec"].keys() >= {"type", "sessionAffinity", "internalTrafficPolicy", "ipFamilyPolicy"}
            assert all(port.keys() >= {"targetPort", "protocol"} for port in each["spec"]["ports"])


@EACH
def test_nobody_else_writes_the_replicas_that_the_chart_writes(name: str) -> None:
    objects = rendered_of(name)
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for each in objects
        if each["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
    }
    written = {
        each["metadata"]["name"] for each in objects if each["kind"] == "Deployment" and "replicas" in each["spec"]
    }
    assert scaled & written == set()


def test_replicas_are_left_out_where_somebody_scales_by_hand() -> None:
    for name, deployment in (("full", "headrace-worker-by-hand"), ("gitops", "headrace-api")):
        (found,) = (each for each in rendered_of(name) if name_of(each) == f"Deployment/{deployment}")
        assert "replicas" not in found["spec"]


@EACH
def test_a_budget_has_one_bound_and_lets_what_does_not_work_go(name: str) -> None:
    for each in rendered_of(name):
        if each["kind"] == "PodDisruptionBudget":
            assert len(each["spec"].keys() & {"minAvailable", "maxUnavailable"}) == 1
            assert each["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@EACH
def test_selectors_select_the_pods_of_one_deployment(name: str) -> None:
    objects = rendered_of(name)
    deployments = {name_of(each): each["spec"] for each in objects if each["kind"] == "Deployment"}
    for one, spec in deployments.items():
        selector = spec["selector"]["matchLabels"]
        selected = [
            other
            for other, of in deployments.items()
            if selector.items() <= of["template"]["metadata"]["labels"].items()
        ]
        assert selected == [one]


def test_selectors_never_change(tmp_path: Path) -> None:
    """They are immutable, so that an upgrade which changed one would be refused."""
    later = shutil.copytree(CHART, tmp_path / "headrace")
    metadata = yaml.safe_load((later / "Chart.yaml").read_text()) | {"version": "9.8.7", "appVersion": "9.8.7"}
    (later / "Chart.yaml").write_text(yaml.safe_dump(metadata))
    before = dict(_selectors(rendered_of("minimal")))
    upgraded = objects_of(helm_python.Chart.load(later).render(values_of("full"), name=RELEASE, namespace=NAMESPACE))
    after = dict(_selectors(upgraded))
    assert {name: after[name] for name in before} == before
    assert before.keys() >= {
        "Deployment/headrace-api",
        "Service/headrace-api",
        "PodDisruptionBudget/headrace-projector",
    }


def _selectors(objects: list[Manifest]) -> Iterator[tuple[str, Any]]:
    for each in objects:
        if each["kind"] in {"Deployment", "Service", "PodDisruptionBudget"}:
            yield name_of(each), each["spec"]["selector"]


def test_a_job_that_is_no_hook_has_another_name_whenever_anything_of_it_changes() -> None:
    """Its pod is immutable, too."""
    names = {
        name_of(each)
        for change in ({}, {"settings": {"LOG_LEVEL": "warning"}}, {"image": {"tag": "0.2.0"}})
        for each in rendered_of("gitops", change)
        if each["kind"] == "Job"
    }
    assert len(names) == 3


@EACH
def test_every_object_has_the_labels_that_everybody_looks_for(name: str) -> None:
    for each in rendered_of(name):
        if each["kind"] == "Route" or each["metadata"]["name"].endswith("-notes"):
            continue
        assert each["metadata"]["namespace"] == "apps", name_of(each)
        assert each["metadata"]["labels"].keys() >= {
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/component",
            "app.kubernetes.io/part-of",
            "app.kubernetes.io/managed-by",
            "app.kubernetes.io/version",
            "helm.sh/chart",
        }, name_of(each)


def test_common_labels_and_annotations_are_on_everything() -> None:
    objects = rendered_of("full")
    for each in objects:
        metadata = [each["metadata"]]
        if each["kind"] in {"Deployment", "Job"}:
            metadata.append(each["spec"]["template"]["metadata"])
        for one in metadata:
            assert one["labels"]["example.com/team"] == "platform", name_of(each)
            assert one["annotations"]["example.com/cost-centre"] == "4711", name_of(each)


def test_labels_of_pods_do_not_hide_those_of_selectors() -> None:
    change = {
        "commonLabels": {"app.kubernetes.io/name": "x"},
        "api": {"podLabels": {"app.kubernetes.io/component": "y"}},
    }
    (api,) = (each for each in rendered_of("minimal", change) if name_of(each) == "Deployment/headrace-api")
    assert api["spec"]["selector"]["matchLabels"].items() <= api["spec"]["template"]["metadata"]["labels"].items()


@EACH
def test_every_pod_has_a_policy_unless_there_are_none(name: str) -> None:
    objects = rendered_of(name)
    policies = [
        each["spec"]["podSelector"]["matchLabels"].items() for each in objects if each["kind"] == "NetworkPolicy"
    ]
    if name == "no-monitoring":
        assert policies == []
        return
    for name, labels in labels_of_pods(objects).items():
        assert any(policy <= labels.items() for policy in policies), name


def test_the_chart_says_what_it_is_to_those_who_list_charts() -> None:
    metadata = chart().metadata
    assert metadata["appVersion"] == metadata["version"]
    annotations = metadata["annotations"]
    images = yaml.safe_load(annotations["artifacthub.io/images"])
    used = {each["image"] for spec in pods(rendered_of("minimal")).values() for each in containers(spec)}
    assert {each["image"] for each in images} == used
    assert annotations["artifacthub.io/license"] == "Apache-2.0"
