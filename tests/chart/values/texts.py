"""The types of values, and the patterns of texts. Helm reads patterns with Go's regular expressions, so they look neither ahead nor back."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

OBJECT_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_HOST = r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"

# An empty text is what stands in `values.yaml` where nothing is given.
Name = Annotated[str, Meta(pattern=f"^({OBJECT_NAME})?$", max_length=253)]
SecretName = Name
Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+$", max_length=253)]
OptionalKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]*$", max_length=253)]
Host = Annotated[str, Meta(pattern=f"^{_HOST}$", max_length=253)]
Replicas = Annotated[int, Meta(ge=0, le=1000)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
PortOrZero = Annotated[int, Meta(ge=0, le=65_535)]
Seconds = Annotated[int, Meta(ge=0, le=86_400)]
PositiveSeconds = Annotated[int, Meta(ge=1, le=86_400)]
Quantity = Annotated[str, Meta(pattern=_QUANTITY)]
Duration = Annotated[str, Meta(pattern=r"^([0-9]+(h|m|s|ms))+$")]
Url = Annotated[str, Meta(pattern=r"^(https?://[^\s@]+)?$")]
KindName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Labels = dict[str, str]
# What Kubernetes has a schema of, and checks when it is applied.
KubernetesObject = dict[str, Any]
KubernetesObjects = list[dict[str, Any]]


class Section(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A map of values. Its docstring stands above it in `values.yaml`."""


class Source(Section, frozen=True, kw_only=True):
    """Where a variable comes from."""

    secret_key_ref: Annotated[KubernetesObject | None, Meta(description="A key of a Secret.")] = None
    config_map_key_ref: Annotated[KubernetesObject | None, Meta(description="A key of a ConfigMap.")] = None
    field_ref: Annotated[KubernetesObject | None, Meta(description="A field of the pod.")] = None
    resource_field_ref: Annotated[KubernetesObject | None, Meta(description="A resource of the container.")] = None


Environment = dict[str, str | float | bool | Source | None]
EXTRA_ENV = "Variables: NAME: value, or NAME: {secretKeyRef: {name: …, key: …}}; null takes one away."
EXTRA_ENV_FROM = "Whole Secrets and ConfigMaps of variables, as envFrom of a container."
