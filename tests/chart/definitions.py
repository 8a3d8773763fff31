"""Schemas of custom resources, strict ones: a field that a definition does not declare is refused, as the API server does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

DEFINITIONS = Path(__file__).parent / "crds"


def violations(file: str, manifest: dict[str, Any]) -> list[str]:
    """Return what the definition in a file below `crds` refuses of an object, each with its path."""
    found = _validator(file, manifest["kind"], manifest["apiVersion"]).iter_errors(manifest)
    return [f"{'.'.join(map(str, each.instance_path))}: {each.message}" for each in found]


def schema_of(file: str, kind: str, api_version: str) -> dict[str, Any]:
    """Return the schema of a version that the definition in a file below `crds` has."""
    definition = _definition(file)
    assert definition["spec"]["names"]["kind"] == kind
    wanted = api_version.rpartition("/")[2]
    (schema,) = (each["schema"]["openAPIV3Schema"] for each in definition["spec"]["versions"] if each["name"] == wanted)
    return schema


@cache
def _definition(file: str) -> dict[str, Any]:
    return yaml.load((DEFINITIONS / file).read_text(), yaml.CSafeLoader)


@cache
def _validator(file: str, kind: str, api_version: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(strict(schema_of(file, kind, api_version), is_object=True))


def strict(schema: dict[str, Any], *, is_object: bool = False) -> dict[str, Any]:
    """Return a schema of a definition as JSON Schema. Kubernetes' own fields of an object, such as `metadata`, are left as they are."""
    made: dict[str, Any] = {key: value for key, value in schema.items() if not key.startswith("x-")}
    if schema.get("x-kubernetes-int-or-string"):
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "properties" in schema:
        made["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            made["additionalProperties"] = False
        if is_object:
            made["properties"]["metadata"] = {"type": "object"}
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = strict(schema["items"])
    return made
