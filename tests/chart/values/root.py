"""All values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from msgspec import Meta, field

from tests.chart.values.api import Api, OneApi
from tests.chart.values.monitoring import Metrics, NetworkPolicies, Tracing
from tests.chart.values.processes import SETTINGS, Image
from tests.chart.values.servers import Database, Nats, Objects
from tests.chart.values.texts import (
    EXTRA_ENV,
    EXTRA_ENV_FROM,
    Environment,
    Key,
    KindName,
    KubernetesObject,
    KubernetesObjects,
    Labels,
    Name,
    SecretName,
    Section,
)
from tests.chart.values.workers import Migrations, Projector, Worker

RESTRICTED = "Without a user, so that OpenShift gives one; the image has 10001."

# It differs in nothing, and so has nothing of a Worker.
_ONE_WORKER = cast("dict[str, Worker]", {"default": {}})


class ServiceAccount(Section, frozen=True, kw_only=True):
    """The service account of the processes. Its token is mounted into no pod."""

    create: Annotated[bool, Meta(description="Whether the chart makes it.")] = True
    name: Annotated[Name, Meta(description="Its name; that of the release by default, or default.")] = ""
    annotations: Annotated[Labels, Meta(description="Its annotations, as for workload identity.")] = field(
        default_factory=dict
    )


class Tests(Section, frozen=True, kw_only=True):
    """What `helm test` runs: `headrace check cluster`, and a task from its submission to its end."""

    enabled: Annotated[bool, Meta(description="Whether there are tests.")] = True
    existing_secret: Annotated[
        SecretName, Meta(description="The Secret with an API key that may submit tasks; without, none is submitted.")
    ] = ""
    key: Annotated[Key, Meta(description="Its key.")] = "api-key"
    kind: Annotated[KindName, Meta(description="The kind of the task.")] = "text_feedback"
    input: Annotated[dict[str, Any], Meta(description="Its input.")] = field(
        default_factory=lambda: {"text": "Good morning. Is everybody here?"}
    )


class Values(Section, frozen=True, kw_only=True):
    """Headrace on Kubernetes."""

    global_: Annotated[
        dict[str, Any],
        Meta(description="What a chart above this one gives to all; imageRegistry and imagePullSecrets are read."),
    ] = field(default_factory=dict, name="global")
    name_override: Annotated[
        str,
        Meta(description="The name of the chart in labels.", pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$"),
    ] = ""
    fullname_override: Annotated[
        str,
        Meta(
            description="What the names of all objects begin with; by default the name of the release.",
            pattern=r"^([a-z]([a-z0-9-]{0,33}[a-z0-9])?)?$",
        ),
    ] = ""
    common_labels: Annotated[Labels, Meta(description="Labels of everything, pods included.")] = field(
        default_factory=dict
    )
    common_annotations: Annotated[Labels, Meta(description="Annotations of everything, pods included.")] = field(
        default_factory=dict
    )
    env: Annotated[
        Literal["staging", "production"],
        Meta(description="HEADRACE_ENV: production refuses what is not safe there."),
    ] = "production"
    image: Annotated[Image, Meta(description="The image.")] = field(default_factory=Image)
    image_pull_secrets: Annotated[list[SecretName], Meta(description="Secrets with which images are pulled.")] = field(
        default_factory=list
    )
    nats: Annotated[Nats, Meta(description="NATS.")] = field(default_factory=Nats)
    database: Annotated[Database, Meta(description="Postgres.")] = field(default_factory=Database)
    objects: Annotated[Objects, Meta(description="Files.")] = field(default_factory=Objects)
    settings: Annotated[dict[str, Any], Meta(description=SETTINGS)] = field(default_factory=dict)
    extra_env: Annotated[Environment, Meta(description=EXTRA_ENV)] = field(default_factory=dict)
    extra_env_from: Annotated[KubernetesObjects, Meta(description=EXTRA_ENV_FROM)] = field(default_factory=list)
    api: Annotated[Api, Meta(description="The API.")] = field(default_factory=Api)
    apis: Annotated[
        dict[str, OneApi | None],
        Meta(
            description="Further Deployments of the API, by name, which take the requests for their mounts: what differs from `api`, as "
            "streams: {mounts: [streams], replicas: 4}. null removes one."
        ),
    ] = field(default_factory=dict)
    projector: Annotated[Projector, Meta(description="The projector.")] = field(default_factory=Projector)
    worker_defaults: Annotated[Worker, Meta(description="Every worker.")] = field(default_factory=Worker)
    workers: Annotated[
        dict[str, Worker | None],
        Meta(description="Deployments of workers, by name: what differs from `workerDefaults`. null removes one."),
    ] = field(default_factory=lambda: dict(_ONE_WORKER))
    migrations: Annotated[Migrations, Meta(description="Migrations.")] = field(default_factory=Migrations)
    service_account: Annotated[ServiceAccount, Meta(description="The service account.")] = field(
        default_factory=ServiceAccount
    )
    pod_security_context: Annotated[KubernetesObject, Meta(description=f"Of every pod. {RESTRICTED}")] = field(
        default_factory=lambda: {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    )
    security_context: Annotated[KubernetesObject, Meta(description="Of every container.")] = field(
        default_factory=lambda: {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    )
    network_policy: Annotated[NetworkPolicies, Meta(description="Network policies.")] = field(
        default_factory=NetworkPolicies
    )
    metrics: Annotated[Metrics, Meta(description="Metrics.")] = field(default_factory=Metrics)
    tracing: Annotated[Tracing, Meta(description="Traces.")] = field(default_factory=Tracing)
    tests: Annotated[Tests, Meta(description="What `helm test` runs.")] = field(default_factory=Tests)
    extra_objects: Annotated[
        list[dict[str, Any] | str],
        Meta(description="Further objects; templates in them are filled in. Nobody looks for secrets in them."),
    ] = field(default_factory=list)


# Keys that people expect of a chart, and that this one does not have: what to do instead. Keys of earlier versions come here, too.
INSTEAD: dict[str, str] = {
    "replicaCount": "each process has its own: api.replicas, projector.replicas and workerDefaults.replicas",
    "ingress": "the Ingress leads to the API: say api.ingress",
    "httpRoute": "the route leads to the API: say api.httpRoute",
    "resources": "each process has its own: api.resources, projector.resources and workerDefaults.resources",
    "worker": "there may be several: say workers.default, or workerDefaults for all",
    "postgresql": "this chart brings no database: name yours in database, as docs/kubernetes.md shows with CloudNativePG",
    "nats.enabled": "this chart brings no NATS: install its own chart, with the values in docs/kubernetes.md",
    "nats.auth.token": "a secret is never a value: put it into a Secret, name that in nats.auth.existingSecret, and say nats.auth.method: token",
    "nats.auth.password": "a secret is never a value: put it into a Secret, and name that in nats.auth.existingSecret",
    "database.url": "a secret is never a value: put it into a Secret, and name that in database.existingSecret, and its key in database.urlKey",
    "database.password": "a secret is never a value: put it into a Secret, and name that in database.existingSecret, and its key in database.passwordKey",
    "api.secrets": "a secret is never a value: put it into a Secret, and name that in api.existingSecret, and its key in api.secretsKey",
    "objects.accessKeyId": "a secret is never a value: put it into a Secret, and name that in objects.existingSecret",
    "objects.secretAccessKey": "a secret is never a value: put it into a Secret, and name that in objects.existingSecret",
}
