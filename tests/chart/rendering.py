"""The chart, rendered as Helm does it, without a cluster."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, cast

import helm_python
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/headrace"
RELEASE = "headrace"
NAMESPACE = "apps"
_SUFFIX = "-values.yaml"

Values = dict[str, Any]
Manifest = dict[str, Any]


@cache
def chart() -> helm_python.Chart:
    """The chart, loaded once."""
    return helm_python.Chart.load(CHART)


def sets() -> list[str]:
    """The names of the sets of values that the chart is tried with: `ci/<name>-values.yaml`."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in (CHART / "ci").glob(f"*{_SUFFIX}"))


def values_of(name: str) -> Values:
    """Return a set of values."""
    return yaml.safe_load((CHART / f"ci/{name}{_SUFFIX}").read_text())


def rendered_of(name: str, differing: Values | None = None) -> list[Manifest]:
    """Render the objects of a set of values, with others merged into it."""
    if differing is None:
        return deepcopy(_rendered(name))
    return render(merge(values_of(name), differing))


@cache
def _rendered(name: str) -> list[Manifest]:
    return render(values_of(name))


def merge(values: Values, differing: Values) -> Values:
    """Return values with others merged into them, as Helm does with several files: maps are merged, all else is replaced."""
    merged = dict(values)
    for key, value in differing.items():
        before = merged.get(key)
        merged[key] = (
            merge(cast("Values", before), cast("Values", value))
            if isinstance(before, dict) and isinstance(value, dict)
            else value
        )
    return merged


def render(
    values: Values, *, release: str = RELEASE, namespace: str = NAMESPACE, is_upgrade: bool = False
) -> list[Manifest]:
    """Render the objects of a release, in the order of their files.

    Raises:
        helm_python.HelmValuesError: The schema refuses the values.
        helm_python.HelmRenderError: A template refuses them.
    """
    files = render_files(values, release=release, namespace=namespace, is_upgrade=is_upgrade)
    return objects_of(files)


def objects_of(files: dict[str, str]) -> list[Manifest]:
    """Return the objects in rendered files."""
    texts = (text for path, text in sorted(files.items()) if path.endswith(".yaml"))
    return [each for text in texts for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def render_files(
    values: Values, *, release: str = RELEASE, namespace: str = NAMESPACE, is_upgrade: bool = False
) -> dict[str, str]:
    """Render the files of a release, NOTES among them, by their paths. The schema comes first, as for Helm's own commands."""
    chart().validate_schema(values)
    return chart().render(values, name=release, namespace=namespace, is_install=not is_upgrade, is_upgrade=is_upgrade)


def name_of(manifest: Manifest) -> str:
    """Return what an object is called in messages: `Deployment/headrace-api`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    """Return the specs of all pods that a release runs, by kind and name of what runs them, as `Deployment/headrace-api`."""
    found: dict[str, Manifest] = {}
    for each in objects:
        if each["kind"] in {"Deployment", "Job"}:
            found[name_of(each)] = each["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            found[name_of(each)] = each["spec"]
    return found


def labels_of_pods(objects: list[Manifest]) -> dict[str, dict[str, str]]:
    """Return the labels of all pods that a release runs, by kind and name of what runs them."""
    found: dict[str, dict[str, str]] = {}
    for each in objects:
        if each["kind"] in {"Deployment", "Job"}:
            found[name_of(each)] = each["spec"]["template"]["metadata"]["labels"]
        elif each["kind"] == "Pod":
            found[name_of(each)] = each["metadata"]["labels"]
    return found


def containers(spec: Manifest) -> list[Manifest]:
    """Return the containers of a pod, those that run before the others first."""
    return [*spec.get("initContainers", []), *spec["containers"]]
