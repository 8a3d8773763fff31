"""The API, and the ways to it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tests.chart.values.processes import Process, ProcessMerge, Resources, resources
from tests.chart.values.texts import (
    Host,
    Key,
    KubernetesObject,
    KubernetesObjects,
    Labels,
    OptionalKey,
    Port,
    PositiveSeconds,
    Quantity,
    Replicas,
    Seconds,
    SecretName,
    Section,
    Url,
)

Mount = Literal["core", "member", "admin", "streams"]


class ApiAutoscaling(Section, frozen=True, kw_only=True):
    """Scaling by use of cpu. `replicas` then stands in no manifest, since two would write it."""

    enabled: Annotated[bool, Meta(description="Whether it scales.")] = False
    min_replicas: Annotated[int, Meta(description="Replicas at least.", ge=1, le=1000)] = 2
    max_replicas: Annotated[int, Meta(description="Replicas at most.", ge=1, le=1000)] = 10
    cpu: Annotated[int, Meta(description="The use of requested cpu that it aims at, in per cent.", ge=1, le=1000)] = 70
    metrics: Annotated[
        KubernetesObjects,
        Meta(description="Further metrics of a HorizontalPodAutoscaler, such as headrace_event_streams of each pod."),
    ] = field(default_factory=list)
    behavior: Annotated[KubernetesObject, Meta(description="How fast it scales.")] = field(default_factory=dict)


class Service(Section, frozen=True, kw_only=True):
    """The Service. Its port ops is for Prometheus and KEDA."""

    type: Annotated[Literal["ClusterIP", "NodePort", "LoadBalancer"], Meta(description="Its type.")] = "ClusterIP"
    port: Annotated[Port, Meta(description="The port of the API; 9090 is that for operations.")] = 80
    annotations: Annotated[Labels, Meta(description="Its annotations.")] = field(default_factory=dict)
    ip_family_policy: Annotated[
        Literal["SingleStack", "PreferDualStack", "RequireDualStack"],
        Meta(description="Of a cluster with IPv4 and IPv6, which it has."),
    ] = "PreferDualStack"


class HttpRoute(Section, frozen=True, kw_only=True):
    """A route of the Gateway API."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = False
    parent_refs: Annotated[
        KubernetesObjects, Meta(description="The Gateways: name, and namespace where it is another one. Required.")
    ] = field(default_factory=list)
    hostnames: Annotated[list[Host], Meta(description="The hosts, which the API then answers for.")] = field(
        default_factory=list
    )
    annotations: Annotated[Labels, Meta(description="Its annotations.")] = field(default_factory=dict)
    timeout: Annotated[
        str,
        Meta(
            description="Of a request; 0s is none, because event streams last. Empty for Gateways that know no timeouts.",
            pattern=r"^(([0-9]{1,5}(h|m|s|ms)){1,4})?$",
        ),
    ] = "0s"
    regular_expressions: Annotated[
        bool,
        Meta(
            description="Whether the Gateway knows paths of the type RegularExpression and prefers them to prefixes. With them each path "
            "goes to its mount; without, `api` answers what no prefix, method or header tells apart."
        ),
    ] = False


class Ingress(Section, frozen=True, kw_only=True):
    """An Ingress, for clusters without the Gateway API. NOTES say what controllers need for event streams."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = False
    class_name: Annotated[str, Meta(description="Its class.")] = ""
    hosts: Annotated[list[Host], Meta(description="The hosts, which the API then answers for. Required.")] = field(
        default_factory=list
    )
    tls: Annotated[KubernetesObjects, Meta(description="Certificates: secretName and hosts.")] = field(
        default_factory=list
    )
    annotations: Annotated[Labels, Meta(description="Its annotations.")] = field(default_factory=dict)


class ApiMerge(ProcessMerge, frozen=True, kw_only=True):
    """What is merged into an object at last, for what nothing here foresees. Lists are replaced."""

    service: Annotated[KubernetesObject, Meta(description="Into the Service.")] = field(default_factory=dict)
    horizontal_pod_autoscaler: Annotated[KubernetesObject, Meta(description="Into the HorizontalPodAutoscaler.")] = (
        field(default_factory=dict)
    )
    http_route: Annotated[KubernetesObject, Meta(description="Into the HTTPRoute.")] = field(default_factory=dict)
    ingress: Annotated[KubernetesObject, Meta(description="Into the Ingress.")] = field(default_factory=dict)


class OneApi(Process, frozen=True, kw_only=True):
    """What a Deployment of the API has."""

    replicas: Annotated[Replicas | None, Meta(description="Pods; null when something else scales them.")] = 2
    mounts: Annotated[
        list[Mount], Meta(description="The parts of the API that it serves: docs/access.md.", min_length=1)
    ] = field(default_factory=lambda: ["core", "member", "admin", "streams"])
    drain_seconds: Annotated[
        Seconds,
        Meta(
            description="How long a pod that is to end goes on serving, until nobody sends it requests. The API itself does this, so there "
            "is no preStop."
        ),
    ] = 5
    grace_seconds: Annotated[PositiveSeconds, Meta(description="How long requests and streams then have to end.")] = 10
    resources: Annotated[Resources, Meta(description="What a pod needs.")] = resources("250m", "192Mi", "512Mi")
    scratch_size: Annotated[Quantity, Meta(description="Size of /tmp, the only place that can be written to.")] = "1Gi"
    autoscaling: Annotated[ApiAutoscaling, Meta(description="Scaling.")] = field(default_factory=ApiAutoscaling)
    service: Annotated[Service, Meta(description="The Service.")] = field(default_factory=Service)
    merge: Annotated[ApiMerge, Meta(description="What is merged into its objects.")] = field(default_factory=ApiMerge)


class Api(OneApi, frozen=True, kw_only=True):
    """The HTTP API and the web app."""

    existing_secret: Annotated[
        SecretName,
        Meta(
            description="The Secret with the secrets that sign sessions and hash keys. Required; `headrace secret` makes one."
        ),
    ] = ""
    secrets_key: Annotated[Key, Meta(description="Their key in it.")] = "secrets"
    follow_secrets_key: Annotated[
        OptionalKey, Meta(description="The key in it of the secrets that sign follow links; without, there are none.")
    ] = ""
    public_url: Annotated[Url, Meta(description="Where browsers reach the API, for follow links.")] = ""
    hosts: Annotated[
        list[Annotated[str, Meta(pattern=r"^(\*|(\*\.)?[A-Za-z0-9._-]+)$")]],
        Meta(
            description="Hosts that the API answers for, besides those of httpRoute and ingress and of its Services; * for all."
        ),
    ] = field(default_factory=list)
    trusted_proxies: Annotated[
        list[Annotated[str, Meta(pattern=r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$")]],
        Meta(
            description="Networks of the proxies that say who the client is. With httpRoute or ingress the private networks by default, "
            "without them nobody."
        ),
    ] = field(default_factory=list)
    http_route: Annotated[HttpRoute, Meta(description="A route of the Gateway API.")] = field(default_factory=HttpRoute)
    ingress: Annotated[Ingress, Meta(description="An Ingress.")] = field(default_factory=Ingress)
