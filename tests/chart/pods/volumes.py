"""The volumes of a pod, as directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chart.pods.objects import NotThereError, Objects

KINDS = {"secret": "Secret", "configMap": "ConfigMap"}


def make_volumes(spec: dict[str, Any], place: Path, objects: Objects) -> dict[str, Path]:
    """Make the volumes of a pod below a directory, and return where each is.

    Raises:
        NotThereError: A Secret or a ConfigMap is not there.
    """
    made: dict[str, Path] = {}
    for volume in spec.get("volumes", []):
        directory = made[volume["name"]] = place / volume["name"]
        directory.mkdir(parents=True, exist_ok=True)
        match volume:
            case {"emptyDir": _}:
                pass
            case {"projected": {"sources": sources}}:
                for source in sources:
                    _write(source, directory, objects)
            case {"secret": {"secretName": name, **rest}}:
                _write({"secret": {"name": name, **rest}}, directory, objects)
            case {"configMap": source}:
                _write({"configMap": source}, directory, objects)
            case _:
                raise ValueError(f"the stand-in knows no such volume: {volume}")
    return made


def mounts_of(container: dict[str, Any], volumes: dict[str, Path]) -> dict[str, Path]:
    """Return where each path is that a container has a volume at."""
    return {
        each["mountPath"]: volumes[each["name"]] / each.get("subPath", "") for each in container.get("volumeMounts", [])
    }


def _write(source: dict[str, Any], directory: Path, objects: Objects) -> None:
    ((kind, what),) = source.items()
    try:
        data = objects.data(KINDS[kind], what["name"])
        for item in what.get("items") or [{"key": key, "path": key} for key in data]:
            if item["key"] not in data:
                raise NotThereError(f"{KINDS[kind]} {what['name']!r} has no key {item['key']!r}")
            file = directory / item["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(data[item["key"]])
    except NotThereError:
        if not what.get("optional"):
            raise
