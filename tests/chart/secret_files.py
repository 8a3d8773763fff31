"""A stand-in for what the kubelet does with Secrets: the files of a pod below a directory, and the environment of its containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chart.rendering import Manifest

MOUNTED = "/run/secrets/headrace"

# Each Secret that the sets of values name, with what is in it.
Secrets = dict[str, dict[str, str]]


class SecretMissing(LookupError):
    """A pod would not start: a Secret or a key of it is not there."""


def write_files(spec: Manifest, secrets: Secrets, place: Path) -> None:
    """Write the files that the projected volume of a pod has.

    Raises:
        SecretMissing: A Secret or a key of it is not there.
    """
    for volume in spec["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            for item in source["secret"]["items"]:
                file = place / item["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(_value(secrets, source["secret"]["name"], item["key"]))


def environment(container: Manifest, secrets: Secrets, place: Path) -> dict[str, str]:
    """Return the environment of a container, whose files are in a directory and not where a cluster has them.

    Raises:
        SecretMissing: A Secret or a key of it is not there.
    """
    return {
        each["name"]: each["value"].replace(MOUNTED, str(place))
        if "value" in each
        else _from(each["valueFrom"], secrets)
        for each in container["env"]
    }


def _from(source: dict[str, Any], secrets: Secrets) -> str:
    if "secretKeyRef" in source:
        return _value(secrets, source["secretKeyRef"]["name"], source["secretKeyRef"]["key"])
    # A field of the pod, of which no setting of ours is one.
    return "of the pod"


def _value(secrets: Secrets, name: str, key: str) -> str:
    if key not in secrets.get(name, {}):
        raise SecretMissing(f"there is no key {key} in the Secret {name}")
    return secrets[name][key]
