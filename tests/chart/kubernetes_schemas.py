"""What versions of Kubernetes refuse of an object: the strict schemas of `kubernetes-validate`, and definitions of custom resources.

The package itself builds a schema anew for each object, which takes a tenth of a second; its schemas are read once here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
from kubernetes_validate.utils import all_versions

from tests.chart import definitions

OLDEST = "1.30.0"
NEWEST = all_versions()[-1]
DEFINITIONS = {
    "HTTPRoute": "gateway-api/gateway.networking.k8s.io_httproutes.yaml",
    "ScaledObject": "keda/keda.sh_scaledobjects.yaml",
    "PodMonitor": "prometheus-operator/monitoring.coreos.com_podmonitors.yaml",
    "PrometheusRule": "prometheus-operator/monitoring.coreos.com_prometheusrules.yaml",
}
_SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def refused(manifest: dict[str, Any], version: str) -> list[str]:
    """Return what a version of Kubernetes refuses of an object, each with its path."""
    if manifest["kind"] in DEFINITIONS:
        return definitions.violations(DEFINITIONS[manifest["kind"]], manifest)
    found = _validator(manifest["apiVersion"], manifest["kind"], version).iter_errors(manifest)
    return [f"{'.'.join(map(str, each.instance_path))}: {each.message}" for each in found]


@cache
def _validator(api_version: str, kind: str, version: str) -> jsonschema_rs.Draft202012Validator:
    # rbac.authorization.k8s.io/v1 is rbac-v1 in the names of files.
    named = re.sub(r"^([^./]*)(\.[^/]*)?/", r"\1-", api_version)
    schema = json.loads((_SCHEMAS / f"v{version}-local-strict/{kind.lower()}-{named}.json").read_text())
    return jsonschema_rs.Draft202012Validator(schema, registry=_definitions(version))


@cache
def _definitions(version: str) -> jsonschema_rs.Registry:
    content = json.loads((_SCHEMAS / f"v{version}-local-strict/_definitions.json").read_text())
    return jsonschema_rs.Registry([("json-schema:///_definitions.json", content)])
