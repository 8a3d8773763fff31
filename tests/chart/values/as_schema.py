"""`values.schema.json`: strict, complete in itself, and one that the validators of Helm 3 and Helm 4 both read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast, get_args, get_type_hints

import msgspec
from msgspec import Struct

from headrace.settings import PREFIX, Settings
from headrace.settings.reading import variables
from headrace.settings.secret_files import FILE_SUFFIX, SECRETS
from tests.chart.values.root import INSTEAD, Values

# Draft 7, the newest that every Helm from 3.17 on reads.
_DIALECT = "http://json-schema.org/draft-07/schema#"
_SOURCE = "#/$defs/Source"
_SIMPLE = frozenset({"string", "integer", "number", "boolean", "null"})

# What the chart sets itself, from values of its own: see templates/_env.tpl.
OF_THE_CHART = re.compile(
    "ENV|HOME|URL|API_KEY|CONSUMERS|NATS_.*|DATABASE_(?!POOL).*|OBJECTS_(?!.*_BYTES_MAX).*|STREAM_REPLICAS|ADMIN_.*"
    "|API_(BIND|SHARE_BIND|OPS|MOUNTS|GRACE|DRAIN|HOSTS|TRUSTED_PROXIES|PUBLIC_URL)|WORKER_(OPS|GRACE|SLOTS|THREADS|SCRATCH|RECORD)|PROJECTOR_OPS"
)


def values_schema() -> str:
    """Return the file."""
    made = msgspec.json.schema(Values)
    definitions = {name: _simplify(each) for name, each in made["$defs"].items()}
    root = definitions.pop("Values")
    for each in (root, *definitions.values()):
        if "settings" in each.get("properties", {}):
            each["properties"]["settings"] = {"$ref": "#/$defs/Settings"}
    definitions["Settings"] = _settings()
    # What else they may be is said where they are used.
    for name in ("Source", "Worker", "OneApi"):
        del definitions[name]["type"]
    # Beside a reference, draft 7 reads nothing.
    root["properties"]["workerDefaults"] = {"type": "object", "allOf": [{"$ref": "#/$defs/Worker"}]}
    schema: dict[str, Any] = {"$schema": _DIALECT, **root, "$defs": definitions}
    # Charts above this one switch it on and off by this key, which is among its values then.
    schema["properties"]["enabled"] = {"description": "Whether a chart above this one installs it.", "type": "boolean"}
    for path in INSTEAD:
        _allow(schema, path)
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _simplify(schema: Any) -> Any:
    """Leave out titles, and join simple alternatives: a message then says `want integer or null` and not why each of two fails."""
    if isinstance(schema, list):
        return [_simplify(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    # A value may be called title; the title of a schema is a text.
    simple = {key: _simplify(each) for key, each in given.items() if key != "title" or isinstance(each, dict)}
    options = simple.get("anyOf")
    if options and {"$ref": _SOURCE} in options:
        del simple["anyOf"]
        return simple | _text_or_source(options)
    if options and len(options) == 2 and {"type": "null"} in options and any("$ref" in each for each in options):
        del simple["anyOf"]
        return simple | {"type": ["object", "null"], "allOf": [each for each in options if "$ref" in each]}
    if options and all(set(each) >= {"type"} and each["type"] in _SIMPLE for each in options):
        del simple["anyOf"]
        merged: dict[str, Any] = {}
        for each in options:
            merged |= each
        simple |= merged | {"type": [each["type"] for each in options]}
    return simple


def _text_or_source(options: list[dict[str, Any]]) -> dict[str, Any]:
    """What a variable may be. One type of several and one map of names give one message, where alternatives would give four."""
    types = [each["type"] for each in options if "type" in each]
    return {"type": [*types, "object"], "allOf": [{"$ref": _SOURCE}]}


def _settings() -> dict[str, Any]:
    """The settings that have no value of their own here and are no secret, each with its type."""
    properties: dict[str, Any] = {}
    _collect(Settings, "", properties)
    known = {each.removeprefix(PREFIX) for each in variables(Settings)}
    return {
        "description": "Settings of docs/settings.md without HEADRACE_.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: each for name, each in sorted(properties.items()) if name in known},
    }


def _collect(of: type[Struct], prefix: str, properties: dict[str, Any]) -> None:
    for name, type_ in get_type_hints(of, include_extras=True).items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(type_, type) and issubclass(type_, Struct):
            _collect(type_, f"{variable}_", properties)
        elif name not in SECRETS and not variable.endswith(FILE_SUFFIX) and not OF_THE_CHART.fullmatch(variable):
            properties[variable] = _of_setting(type_)


def _of_setting(type_: Any) -> dict[str, Any]:
    """The schema of one setting. Go's regular expressions do not look ahead, so the end of a pattern is left to the process."""
    schema = _simplify(msgspec.json.schema(type_))
    if "pattern" in schema:
        schema["pattern"] = schema["pattern"].replace(r"(?!\n)", "")
    notes = [each.description for each in get_args(type_)[1:] if getattr(each, "description", None)]
    return {
        "description": notes[-1],
        **{key: each for key, each in schema.items() if key != "description"},
        **_or_null(schema),
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What is different of a schema that lets null pass, too: in an overlay it takes away what is below."""
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    given = schema["type"]
    types: list[str] = [given] if isinstance(given, str) else given
    return {"type": types if "null" in types else [*types, "null"]}


def _allow(schema: dict[str, Any], path: str) -> None:
    """Let a key pass that a template refuses, with a sentence that says more than a schema can."""
    *parents, last = path.split(".")
    section: Mapping[str, Any] = schema
    for each in parents:
        section = _resolve(schema, section["properties"][each])
    section["properties"][last] = {"description": f"Not here: {INSTEAD[path]}."}


def _resolve(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    for each in found.get("allOf", [found]):
        if "$ref" in each:
            return schema["$defs"][each["$ref"].rpartition("/")[2]]
    return found
