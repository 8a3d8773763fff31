"""Workers, the projector, and the Job that provisions and migrates."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tests.chart.values.processes import OtherImage, PodOptions, Process, ProcessMerge, Resources, resources
from tests.chart.values.texts import (
    Key,
    KindName,
    KubernetesObject,
    Labels,
    Name,
    PositiveSeconds,
    Quantity,
    Replicas,
    SecretName,
    Section,
)


class WorkerAutoscaling(Section, frozen=True, kw_only=True):
    """Scaling by KEDA. `replicas` then stands in no manifest, since two would write it."""

    enabled: Annotated[bool, Meta(description="Whether it scales.")] = False
    trigger: Annotated[
        Literal["metrics-api", "nats-jetstream"],
        Meta(
            description="metrics-api asks our API for the backlog, which knows of paused kinds and of limits. nats-jetstream asks the "
            "servers, without either; it needs `kinds` and `nats.monitor`."
        ),
    ] = "metrics-api"
    min_replicas: Annotated[
        Replicas, Meta(description="Replicas at least. With 0, tasks are accepted while nobody runs them.")
    ] = 1
    max_replicas: Annotated[int, Meta(description="Replicas at most.", ge=1, le=1000)] = 10
    tasks_per_replica: Annotated[
        int, Meta(description="The backlog that one replica is for; slots of async kinds, threads of others.", ge=1)
    ] = 64
    polling_seconds: Annotated[PositiveSeconds, Meta(description="How often the backlog is asked for.")] = 10
    cooldown_seconds: Annotated[
        int, Meta(description="How long there is no backlog before the last replica goes.", ge=0, le=86_400)
    ] = 300
    behavior: Annotated[KubernetesObject, Meta(description="How fast it scales.")] = field(default_factory=dict)
    nats_account: Annotated[
        str, Meta(description="Of nats-jetstream: the account; $G where there are none.", min_length=1)
    ] = "HEADRACE"
    nats_consumers: Annotated[
        list[str],
        Meta(
            description="Of nats-jetstream: the consumers. By default run-<kind>-high, -normal and -low; of a kind with concurrency= "
            "there is run-<kind> alone."
        ),
    ] = field(default_factory=list)


class WorkerMerge(ProcessMerge, frozen=True, kw_only=True):
    """What is merged into an object at last, for what nothing here foresees. Lists are replaced."""

    scaled_object: Annotated[KubernetesObject, Meta(description="Into the ScaledObject.")] = field(default_factory=dict)


class Worker(Process, frozen=True, kw_only=True):
    """What every entry of `workers` has, unless it says otherwise."""

    kinds: Annotated[list[KindName], Meta(description="The kinds that it runs; all of the package by default.")] = (
        field(default_factory=list)
    )
    replicas: Annotated[Replicas | None, Meta(description="Pods; null when something else scales them.")] = 1
    slots: Annotated[int, Meta(description="Tasks of one async kind that a pod runs at a time.", ge=3, le=10_000)] = 64
    threads: Annotated[
        int, Meta(description="Tasks of one plain-function kind that a pod runs at a time.", ge=3, le=256)
    ] = 8
    grace_seconds: Annotated[
        PositiveSeconds,
        Meta(description="How long running tasks have to end when a pod is to end; then another worker has them."),
    ] = 60
    image: Annotated[OtherImage, Meta(description="Your image with your kinds: what differs from `image`.")] = field(
        default_factory=OtherImage
    )
    consumers: Annotated[
        str,
        Meta(
            description="The package in it that has the kinds; HEADRACE_CONSUMERS.",
            pattern=r"^([A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*)?$",
        ),
    ] = ""
    resources: Annotated[Resources, Meta(description="What a pod needs.")] = resources("250m", "256Mi", "1Gi")
    scratch_size: Annotated[Quantity, Meta(description="Size of /tmp, which has local copies of files.")] = "1Gi"
    autoscaling: Annotated[WorkerAutoscaling, Meta(description="Scaling.")] = field(default_factory=WorkerAutoscaling)
    merge: Annotated[WorkerMerge, Meta(description="What is merged into its objects.")] = field(
        default_factory=WorkerMerge
    )


class Projector(Process, frozen=True, kw_only=True):
    """The projector keeps the read model. One is active, the others stand by."""

    replicas: Annotated[Replicas | None, Meta(description="Pods.")] = 2
    grace_seconds: Annotated[PositiveSeconds, Meta(description="How long a pod has to end.")] = 15
    resources: Annotated[Resources, Meta(description="What a pod needs.")] = resources("100m", "128Mi", "512Mi")
    merge: Annotated[ProcessMerge, Meta(description="What is merged into its objects.")] = field(
        default_factory=ProcessMerge
    )


class Administrator(Section, frozen=True, kw_only=True):
    """The first administrator, where the Job is to make one. NOTES say how to make one by hand."""

    existing_secret: Annotated[SecretName, Meta(description="The Secret with the address and the password.")] = ""
    email_key: Annotated[Key, Meta(description="The key of the email address.")] = "email"
    password_key: Annotated[Key, Meta(description="The key of the password.")] = "password"


class TableOwner(Section, frozen=True, kw_only=True):
    """The role that owns the tables, where the processes have another one, which cannot change the audit."""

    existing_secret: Annotated[
        SecretName,
        Meta(description="The Secret with its URL or its password, under the same key; that of `database` by default."),
    ] = ""
    user: Annotated[str, Meta(description="With a host: its name; that of `database` by default.")] = ""


class MigrationsMerge(Section, frozen=True, kw_only=True):
    """What is merged into an object at last, for what nothing here foresees. Lists are replaced."""

    job: Annotated[KubernetesObject, Meta(description="Into the Job.")] = field(default_factory=dict)
    pod: Annotated[KubernetesObject, Meta(description="Into the spec of its pod.")] = field(default_factory=dict)
    container: Annotated[KubernetesObject, Meta(description="Into each of its containers.")] = field(
        default_factory=dict
    )
    network_policy: Annotated[KubernetesObject, Meta(description="Into the NetworkPolicy.")] = field(
        default_factory=dict
    )


class Migrations(PodOptions, frozen=True, kw_only=True):
    """The Job that creates the streams on NATS and brings the database up to date. It needs nothing that the chart makes."""

    mode: Annotated[
        Literal["hook", "job", "none"],
        Meta(
            description="hook: before an install or upgrade, which waits for it. job: with everything else; the processes wait for it. "
            "none: you run `headrace provision` and `headrace migrate`."
        ),
    ] = "hook"
    provision: Annotated[bool, Meta(description="Whether it runs `headrace provision` first.")] = True
    administrator: Annotated[Administrator, Meta(description="The first administrator.")] = field(
        default_factory=Administrator
    )
    database: Annotated[TableOwner, Meta(description="The owner of the tables.")] = field(default_factory=TableOwner)
    service_account_name: Annotated[
        Name, Meta(description="Its service account, which has to be there before the chart.")
    ] = "default"
    active_deadline_seconds: Annotated[PositiveSeconds, Meta(description="How long it may take.")] = 600
    backoff_limit: Annotated[int, Meta(description="How often it is tried again.", ge=0, le=100)] = 3
    annotations: Annotated[Labels, Meta(description="Annotations of the Job.")] = field(default_factory=dict)
    resources: Annotated[Resources, Meta(description="What it needs.")] = resources("100m", "128Mi", "256Mi")
    merge: Annotated[MigrationsMerge, Meta(description="What is merged into its objects.")] = field(
        default_factory=MigrationsMerge
    )
