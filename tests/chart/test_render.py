"""Every set of values in `ci` makes a release."""

from __future__ import annotations

from pathlib import Path

import helm_python
import pytest
import yaml

from tests.chart.rendering import CHART, pods, render, values_files, values_of

EACH = pytest.mark.parametrize("file", values_files(), ids=lambda file: file.name.removesuffix("-values.yaml"))


@EACH
def test_helm_finds_nothing_to_complain_of(file: Path) -> None:
    report = helm_python.lint(CHART, yaml.safe_load(file.read_text()), strict=True, namespace="apps")
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    assert report["errors"] == []


def test_the_least_values_run_every_process_once() -> None:
    ran = {
        name: [*spec.get("initContainers", []), *spec["containers"]]
        for name, spec in pods(render(values_of("minimal"))).items()
        if not name.startswith("Pod/")
    }
    assert {name: [each["args"] for each in containers] for name, containers in ran.items()} == {
        "Deployment/headrace-api": [["api"]],
        "Deployment/headrace-projector": [["projector"]],
        "Deployment/headrace-worker-default": [["worker"]],
        "Job/headrace-migrate": [["provision"], ["migrate"]],
    }
