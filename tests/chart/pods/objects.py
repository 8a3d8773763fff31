"""The objects that a cluster has."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tests.chart.rendering import Manifest


class NotThereError(Exception):
    """A Secret or a ConfigMap that a pod needs is not there. A kubelet waits for it."""


class Objects:
    """Objects by kind and name, of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._all: dict[tuple[str, str], Manifest] = {}

    def __iter__(self) -> Iterator[Manifest]:
        return iter([*self._all.values()])

    def put(self, manifest: Manifest) -> None:
        self._all[key_of(manifest)] = manifest

    def remove(self, manifest: Manifest) -> None:
        self._all.pop(key_of(manifest), None)

    def of_kind(self, kind: str) -> list[Manifest]:
        return [each for each in self if each["kind"] == kind]

    def put_secret(self, name: str, **texts: str) -> None:
        """Make a Secret; a key with `-` or `.` comes from `put`."""
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        self.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})

    def data(self, kind: str, name: str) -> dict[str, str]:
        """Return what a Secret or a ConfigMap has.

        Raises:
            NotThereError: It is not there.
        """
        found = self._all.get((kind, name))
        if found is None:
            raise NotThereError(f"{kind} {name!r} is not there")
        data: dict[str, str] = found.get("data", {})
        if kind == "Secret":
            return {key: base64.b64decode(text).decode() for key, text in data.items()} | found.get("stringData", {})
        return data

    def value(self, kind: str, reference: dict[str, Any]) -> str | None:
        """Return what a `secretKeyRef` or a `configMapKeyRef` means; None where it is optional and not there.

        Raises:
            NotThereError: It is not there.
        """
        try:
            data = self.data(kind, reference["name"])
            if reference["key"] not in data:
                raise NotThereError(f"{kind} {reference['name']!r} has no key {reference['key']!r}")
        except NotThereError:
            if reference.get("optional"):
                return None
            raise
        return data[reference["key"]]


def key_of(manifest: Manifest) -> tuple[str, str]:
    """The kind and the name of an object."""
    return manifest["kind"], manifest["metadata"]["name"]


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether a selector of labels means an object with these."""
    return selector.items() <= labels.items()
