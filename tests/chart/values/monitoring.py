"""What Prometheus, Grafana and collectors of traces get, and who may reach whom."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from tests.chart.values.texts import (
    Duration,
    KubernetesObject,
    KubernetesObjects,
    Labels,
    PortOrZero,
    Section,
    Url,
)


class PodMonitor(Section, frozen=True, kw_only=True):
    """A PodMonitor of the Prometheus operator, for all processes."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = False
    labels: Annotated[Labels, Meta(description="Labels by which your Prometheus selects it.")] = field(
        default_factory=dict
    )
    interval: Annotated[Duration, Meta(description="How often it scrapes.")] = "30s"
    relabelings: Annotated[KubernetesObjects, Meta(description="Relabelings of targets.")] = field(default_factory=list)
    metric_relabelings: Annotated[KubernetesObjects, Meta(description="Relabelings of metrics.")] = field(
        default_factory=list
    )


class Rules(Section, frozen=True, kw_only=True):
    """A PrometheusRule with the alerts."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = False
    labels: Annotated[Labels, Meta(description="Labels by which your Prometheus selects it.")] = field(
        default_factory=dict
    )
    disabled: Annotated[list[str], Meta(description="Names of alerts that are left out.")] = field(default_factory=list)
    runbook_url: Annotated[
        Url, Meta(description="Where the runbook is; the name of the alert comes behind it, as #name.")
    ] = "https://github.com/headrace/headrace/blob/main/docs/runbook.md"


class Dashboards(Section, frozen=True, kw_only=True):
    """A ConfigMap with the dashboards, for the sidecar of Grafana."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = False
    labels: Annotated[Labels, Meta(description="The label that the sidecar looks for.")] = field(
        default_factory=lambda: {"grafana_dashboard": "1"}
    )
    annotations: Annotated[Labels, Meta(description="Its annotations, such as the folder.")] = field(
        default_factory=dict
    )


class MonitoringMerge(Section, frozen=True, kw_only=True):
    """What is merged into an object at last, for what nothing here foresees. Lists are replaced."""

    pod_monitor: Annotated[KubernetesObject, Meta(description="Into the PodMonitor.")] = field(default_factory=dict)
    rules: Annotated[KubernetesObject, Meta(description="Into the PrometheusRule.")] = field(default_factory=dict)
    dashboards: Annotated[KubernetesObject, Meta(description="Into the ConfigMap.")] = field(default_factory=dict)


class Metrics(Section, frozen=True, kw_only=True):
    """Metrics, alerts and dashboards."""

    pod_monitor: Annotated[PodMonitor, Meta(description="What is scraped.")] = field(default_factory=PodMonitor)
    rules: Annotated[Rules, Meta(description="Alerts.")] = field(default_factory=Rules)
    dashboards: Annotated[Dashboards, Meta(description="Dashboards.")] = field(default_factory=Dashboards)
    merge: Annotated[MonitoringMerge, Meta(description="What is merged into its objects.")] = field(
        default_factory=MonitoringMerge
    )


class Tracing(Section, frozen=True, kw_only=True):
    """Traces, by OpenTelemetry."""

    endpoint: Annotated[
        Url, Meta(description="Where a collector takes OTLP over HTTP; without, nothing is traced.")
    ] = ""
    sample_ratio: Annotated[
        float, Meta(description="The share of requests without a sampled parent that is traced.", ge=0, le=1)
    ] = 0.05


class NetworkPolicies(Section, frozen=True, kw_only=True):
    """Who may reach the pods, and whom they may reach."""

    enabled: Annotated[bool, Meta(description="Whether there are policies.")] = True
    ingress_from: Annotated[
        KubernetesObjects, Meta(description="Who may reach the API, as peers of a policy; everybody when empty.")
    ] = field(default_factory=list)
    monitoring_from: Annotated[
        KubernetesObjects,
        Meta(
            description="Who may reach the operations ports: Prometheus and KEDA; every pod of the cluster when empty."
        ),
    ] = field(default_factory=list)
    nats_port: Annotated[
        PortOrZero, Meta(description="The port on which pods of NATS listen; with 0 that of `nats.url`.")
    ] = 0
    nats_to: Annotated[KubernetesObjects, Meta(description="Where NATS is; anywhere when empty.")] = field(
        default_factory=list
    )
    database_port: Annotated[
        PortOrZero, Meta(description="The port on which pods of Postgres listen; with 0 `database.port`.")
    ] = 0
    database_to: Annotated[KubernetesObjects, Meta(description="Where Postgres is; anywhere when empty.")] = field(
        default_factory=list
    )
    objects_port: Annotated[
        PortOrZero, Meta(description="The port of object storage; with 0 that of `objects.endpoint`, or 443.")
    ] = 0
    worker_egress: Annotated[
        KubernetesObjects, Meta(description="Rules for what tasks may reach; everything when empty.")
    ] = field(default_factory=list)
    extra_egress: Annotated[
        KubernetesObjects, Meta(description="Further rules for the API and the projector, as for a status service.")
    ] = field(default_factory=list)
