"""What holds of the objects of every release, whatever its values: each rule yields what breaks it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.chart import restricted
from tests.chart.kubernetes_schemas import NEWEST, refused
from tests.chart.rendering import Manifest, containers, labels_of_pods, name_of, pods

LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
IMAGE = re.compile(r"\S+(:[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})")
NAMES = {53, 5353}  # ports of DNS
NATS_PORT, HTTP_PORTS = 4222, {"http": 80, "https": 443}
SCALERS = {"HorizontalPodAutoscaler", "ScaledObject"}

Rule = Callable[[list[Manifest]], Iterator[str]]


def broken(objects: list[Manifest]) -> list[str]:
    """Return what breaks a rule."""
    return [f"{rule.__name__.strip('_')}: {found}" for rule in RULES for found in rule(objects)]


def selectors_of(objects: list[Manifest]) -> dict[str, Any]:
    """Return the selectors, which no upgrade may change, by the names of their objects."""
    kinds = {"Deployment", "Service", "PodDisruptionBudget"}
    return {name_of(each): each["spec"]["selector"] for each in objects if each["kind"] in kinds}


def _valid(objects: list[Manifest]) -> Iterator[str]:
    for each in objects:
        yield from (f"{name_of(each)} {found}" for found in refused(each, NEWEST))


def _named(objects: list[Manifest]) -> Iterator[str]:
    for name, count in Counter(map(name_of, objects)).items():
        if count > 1:
            yield f"{name} is there {count} times"
    for each in objects:
        metadata = each["metadata"]
        pattern = SERVICE if each["kind"] != "ServiceAccount" else SUBDOMAIN
        if not pattern.fullmatch(metadata["name"]):
            yield f"{name_of(each)} cannot be called so"
        texts = [*metadata["labels"].items(), *metadata.get("annotations", {}).items(), ("", metadata["namespace"])]
        yield from (f"{name_of(each)} {key} is no text" for key, value in texts if not isinstance(value, str))
    labels = [each["metadata"]["labels"] for each in objects] + list(labels_of_pods(objects).values())
    yield from (f"{value!r} is no label" for each in labels for value in each.values() if not LABEL.fullmatch(value))


def _contained(objects: list[Manifest]) -> Iterator[str]:
    for pod, spec in pods(objects).items():
        yield from (f"{pod} {found}" for found in restricted.refused(spec))
        for each in containers(spec):
            if not IMAGE.fullmatch(each["image"]):
                yield f"{pod} has the image {each['image']}"
            if not each["resources"].get("requests") or not each["resources"].get("limits", {}).get("memory"):
                yield f"{pod} is not bounded"
            names = Counter(one["name"] for one in each["env"])
            yield from (f"{pod} has {name} twice" for name, count in names.items() if count > 1)
        probes = {"startupProbe", "livenessProbe", "readinessProbe"}
        if pod.startswith("Deployment/") and not probes <= spec["containers"][0].keys():
            yield f"{pod} is not probed"
        paths = Counter(one["path"] for source in _sources(spec) for one in source["secret"]["items"])
        yield from (f"{pod} has two files {path}" for path, count in paths.items() if count > 1)


def _sources(spec: Manifest) -> list[Manifest]:
    return [each for volume in spec["volumes"] for each in volume.get("projected", {}).get("sources", [])]


def _selected(objects: list[Manifest]) -> Iterator[str]:
    deployments = {name_of(each): each["spec"]["template"] for each in objects if each["kind"] == "Deployment"}
    for name, selector in selectors_of(objects).items():
        labels = selector.get("matchLabels", selector)
        found = [one for one, pod in deployments.items() if labels.items() <= pod["metadata"]["labels"].items()]
        if len(found) != 1:
            yield f"{name} selects {found}"
    for each in objects:
        if each["kind"] == "Service":
            (template,) = (
                pod
                for pod in deployments.values()
                if each["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
            )
            ports = {one["name"] for one in template["spec"]["containers"][0]["ports"]}
            yield from (
                f"{name_of(each)} has no {one}" for one in each["spec"]["ports"] if one["targetPort"] not in ports
            )
            numbers = [one["port"] for one in each["spec"]["ports"]]
            if len(set(numbers)) != len(numbers):
                yield f"{name_of(each)} has a port twice"


def _scaled(objects: list[Manifest]) -> Iterator[str]:
    deployments = {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "Deployment"}
    for each in objects:
        if each["kind"] in SCALERS:
            spec = deployments.get(each["spec"]["scaleTargetRef"]["name"])
            if spec is None or "replicas" in spec:
                yield f"{name_of(each)} scales what is not its own"


def _routed(objects: list[Manifest]) -> Iterator[str]:
    ports = {each["metadata"]["name"]: each["spec"]["ports"] for each in objects if each["kind"] == "Service"}
    for each in objects:
        if each["kind"] == "HTTPRoute":
            for rule in each["spec"]["rules"]:
                (backend,) = rule["backendRefs"]
                if backend["port"] not in {one["port"] for one in ports.get(backend["name"], [])}:
                    yield f"{name_of(each)} leads to no port {backend}"
        if each["kind"] == "Ingress":
            paths = [one["path"] for one in each["spec"]["rules"][0]["http"]["paths"]]
            if len(set(paths)) != len(paths):
                yield f"{name_of(each)} has a path twice"


def _reached(objects: list[Manifest]) -> Iterator[str]:
    """Policies let through what the environment of a process names, and nothing else."""
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    if not policies:
        return
    specs = pods(objects)
    for pod, labels in labels_of_pods(objects).items():
        own = [each for each in policies if each["podSelector"]["matchLabels"].items() <= labels.items()]
        if len(own) != 1:
            yield f"{pod} has {len(own)} policies"
            continue
        if {} in own[0]["egress"]:
            continue
        open_ports = {port["port"] for rule in own[0]["egress"] for port in rule["ports"]}
        needed = NAMES | {port for each in containers(specs[pod]) for port in _needed(each)}
        # A database whose URL is in a Secret is at the port that is said, and workers reach 443 by a rule of theirs.
        if needed - open_ports or open_ports - needed - {5432, 6432, 443}:
            yield f"{pod} reaches {sorted(open_ports)} and needs {sorted(needed)}"


def _needed(container: Manifest) -> Iterator[int]:
    env = {each["name"]: each.get("value", "") for each in container["env"]}
    for url in filter(None, env.get("HEADRACE_NATS_URL", "").split(",")):
        yield urlsplit(url).port or NATS_PORT
    for name in ("HEADRACE_NATS_MONITOR", "HEADRACE_OBJECTS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        for url in filter(None, env.get(name, "").split(",")):
            yield urlsplit(url).port or HTTP_PORTS[urlsplit(url).scheme]
    if env.get("HEADRACE_OBJECTS_URL") and not env.get("HEADRACE_OBJECTS_ENDPOINT"):
        yield HTTP_PORTS["https"]
    if "HEADRACE_DATABASE_PORT" in env:
        yield int(env["HEADRACE_DATABASE_PORT"])


RULES: tuple[Rule, ...] = (_valid, _named, _contained, _selected, _scaled, _routed, _reached)
