"""What every process has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from tests.chart.values.texts import (
    EXTRA_ENV,
    EXTRA_ENV_FROM,
    Environment,
    KubernetesObject,
    KubernetesObjects,
    Labels,
    PositiveSeconds,
    Quantity,
    Section,
)

SETTINGS = "Settings of docs/settings.md without HEADRACE_, for what has no value of its own here; null takes one away."


Tag = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]*$")]
Digest = Annotated[str, Meta(pattern=r"^(sha256:[0-9a-f]{64})?$")]
# Of pods: a number, or a percentage of all.
Share = int | Annotated[str, Meta(pattern=r"^([0-9]+%?)?$")]


class Image(Section, frozen=True, kw_only=True):
    """The image. There is one for every process."""

    registry: Annotated[str, Meta(description="Where it is; `global.imageRegistry` wins.")] = "ghcr.io"
    repository: Annotated[str, Meta(description="Its name there.", min_length=1)] = "headrace/headrace"
    tag: Annotated[Tag, Meta(description="Its tag; the chart's appVersion by default.")] = ""
    digest: Annotated[Digest, Meta(description="Its digest, which wins over the tag: sha256:…")] = ""
    pull_policy: Annotated[Literal["Always", "IfNotPresent", "Never"], Meta(description="When it is pulled.")] = (
        "IfNotPresent"
    )


class OtherImage(Section, frozen=True, kw_only=True):
    """What differs from `image`."""

    registry: Annotated[str | msgspec.UnsetType, Meta(description="Where it is.")] = msgspec.UNSET
    repository: Annotated[str | msgspec.UnsetType, Meta(description="Its name there.")] = msgspec.UNSET
    tag: Annotated[Tag | msgspec.UnsetType, Meta(description="Its tag.")] = msgspec.UNSET
    digest: Annotated[
        Digest | msgspec.UnsetType,
        Meta(description="Its digest; that of `image` is not that of another repository or tag."),
    ] = msgspec.UNSET
    pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"] | msgspec.UnsetType, Meta(description="When it is pulled.")
    ] = msgspec.UNSET


class Resources(Section, frozen=True, kw_only=True):
    """What a container asks for, and what it may have."""

    requests: Annotated[dict[str, Quantity | int | float], Meta(description="What a node has to have for it.")] = field(
        default_factory=dict
    )
    limits: Annotated[
        dict[str, Quantity | int | float],
        Meta(description="What it may have at most. A limit of cpu would slow it down while a node is idle."),
    ] = field(default_factory=dict)
    claims: Annotated[KubernetesObjects | msgspec.UnsetType, Meta(description="Claims of devices.")] = msgspec.UNSET


def resources(cpu: str, memory: str, memory_max: str) -> Any:
    """Return the default of a field: what a process needs, and the memory that it may have."""
    return field(
        default_factory=lambda: Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": memory_max})
    )


class Probe(Section, frozen=True, kw_only=True):
    """When a probe asks."""

    period_seconds: Annotated[int, Meta(description="How often it asks.", ge=1, le=3600)] = 10
    timeout_seconds: Annotated[int, Meta(description="How long it waits for the answer.", ge=1, le=60)] = 5
    failure_threshold: Annotated[int, Meta(description="How many failures in a row count.", ge=1, le=1000)] = 6


class Probes(Section, frozen=True, kw_only=True):
    """The probes, which ask the operations port. Liveness looks at neither NATS nor Postgres, which no restart would mend."""

    startup: Annotated[Probe, Meta(description="Until it has succeeded once, the others wait.")] = field(
        default_factory=lambda: Probe(period_seconds=2, timeout_seconds=2, failure_threshold=60)
    )
    live: Annotated[Probe, Meta(description="What hangs is restarted.")] = field(default_factory=Probe)
    ready: Annotated[
        Probe, Meta(description="What cannot work is sent nothing; the check of Postgres takes three seconds at most.")
    ] = field(default_factory=lambda: Probe(period_seconds=5, timeout_seconds=4, failure_threshold=2))


class PodDisruptionBudget(Section, frozen=True, kw_only=True):
    """How many pods an eviction leaves. Pods that are not ready may always be evicted."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = True
    max_unavailable: Annotated[
        Share, Meta(description="How many may be missing: a number or a percentage; empty with minAvailable.")
    ] = 1
    min_available: Annotated[
        Share, Meta(description="How many have to be there, instead; maxUnavailable has to be empty then.")
    ] = ""


class PodOptions(Section, frozen=True, kw_only=True):
    """What every pod has."""

    settings: Annotated[dict[str, Any], Meta(description=SETTINGS)] = field(default_factory=dict)
    extra_env: Annotated[Environment, Meta(description=EXTRA_ENV)] = field(default_factory=dict)
    extra_env_from: Annotated[KubernetesObjects, Meta(description=EXTRA_ENV_FROM)] = field(default_factory=list)
    scratch_size: Annotated[Quantity, Meta(description="Size of /tmp, the only place that can be written to.")] = "64Mi"
    pod_labels: Annotated[Labels, Meta(description="Further labels of the pods.")] = field(default_factory=dict)
    pod_annotations: Annotated[Labels, Meta(description="Annotations of the pods.")] = field(default_factory=dict)
    node_selector: Annotated[Labels, Meta(description="Labels of the nodes that may run the pods.")] = field(
        default_factory=dict
    )
    tolerations: Annotated[KubernetesObjects, Meta(description="Taints of nodes that the pods tolerate.")] = field(
        default_factory=list
    )
    affinity: Annotated[KubernetesObject, Meta(description="Affinity of the pods.")] = field(default_factory=dict)
    priority_class_name: Annotated[str, Meta(description="Priority class of the pods.")] = ""
    extra_volumes: Annotated[KubernetesObjects, Meta(description="Further volumes of the pods.")] = field(
        default_factory=list
    )
    extra_volume_mounts: Annotated[
        KubernetesObjects, Meta(description="Further mounts of volumes in the container.")
    ] = field(default_factory=list)
    extra_containers: Annotated[KubernetesObjects, Meta(description="Further containers of the pods.")] = field(
        default_factory=list
    )
    init_containers: Annotated[
        KubernetesObjects, Meta(description="Containers that end before the process starts.")
    ] = field(default_factory=list)


class Process(PodOptions, frozen=True, kw_only=True):
    """What every process has that goes on running."""

    probes: Annotated[Probes, Meta(description="The probes of the operations port.")] = field(default_factory=Probes)
    pod_disruption_budget: Annotated[
        PodDisruptionBudget, Meta(description="How many pods an eviction of nodes leaves.")
    ] = field(default_factory=PodDisruptionBudget)
    topology_spread: Annotated[
        KubernetesObjects,
        Meta(
            description="How the pods of one version are spread; labelSelector and matchLabelKeys are filled in. Empty: not at all."
        ),
    ] = field(
        default_factory=lambda: [
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"},
        ]
    )
    revision_history_limit: Annotated[int, Meta(description="Old ReplicaSets that are kept.", ge=0, le=100)] = 10


GraceSeconds = PositiveSeconds


class ProcessMerge(Section, frozen=True, kw_only=True):
    """What is merged into an object at last, for what nothing here foresees. Lists are replaced."""

    deployment: Annotated[KubernetesObject, Meta(description="Into the Deployment.")] = field(default_factory=dict)
    pod: Annotated[KubernetesObject, Meta(description="Into the spec of its pods.")] = field(default_factory=dict)
    container: Annotated[KubernetesObject, Meta(description="Into the container of the process.")] = field(
        default_factory=dict
    )
    pod_disruption_budget: Annotated[KubernetesObject, Meta(description="Into the PodDisruptionBudget.")] = field(
        default_factory=dict
    )
    network_policy: Annotated[KubernetesObject, Meta(description="Into the NetworkPolicy.")] = field(
        default_factory=dict
    )
