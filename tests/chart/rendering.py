"""The chart, rendered as Helm does it, without a cluster."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/headrace"
RELEASE = "headrace"
NAMESPACE = "apps"

Values = dict[str, Any]
Manifest = dict[str, Any]


@cache
def chart() -> helm_python.Chart:
    """The chart, loaded once."""
    return helm_python.Chart.load(CHART)


def values_files() -> list[Path]:
    """The values that the chart is tried with."""
    return sorted((CHART / "ci").glob("*-values.yaml"))


def values_of(name: str) -> Values:
    """Return the values of `ci/<name>-values.yaml`."""
    return yaml.safe_load((CHART / f"ci/{name}-values.yaml").read_text())


def render(
    values: Values, *, release: str = RELEASE, namespace: str = NAMESPACE, is_upgrade: bool = False
) -> list[Manifest]:
    """Render the objects of a release, in the order of their files.

    Raises:
        helm_python.HelmValuesError: The schema refuses the values.
        helm_python.HelmRenderError: A template refuses them.
    """
    rendered = chart().render(
        values, name=release, namespace=namespace, is_install=not is_upgrade, is_upgrade=is_upgrade
    )
    files = (text for path, text in sorted(rendered.items()) if path.endswith(".yaml"))
    return [each for text in files for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    """Return the specs of all pods that a release runs, by kind and name of what runs them, as `Deployment/headrace-api`."""
    found: dict[str, Manifest] = {}
    for each in objects:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] in {"Deployment", "Job"}:
            found[name] = each["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            found[name] = each["spec"]
    return found
