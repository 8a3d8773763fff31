"""A chart of somebody's own, with this one below it."""

from __future__ import annotations

import shutil
from pathlib import Path

import helm_python
import pytest
import yaml

from tests.chart.rendering import CHART, Values, containers, name_of, objects_of, pods, values_of


@pytest.fixture
def parent(tmp_path: Path) -> helm_python.Chart:
    """A chart that installs Headrace where `headrace.enabled` says so."""
    shutil.copytree(CHART, tmp_path / "shop/charts/headrace")
    (tmp_path / "shop/templates").mkdir()
    metadata = {
        "apiVersion": "v2",
        "name": "shop",
        "version": "1.0.0",
        "dependencies": [{"name": "headrace", "version": "0.1.0", "condition": "headrace.enabled"}],
    }
    (tmp_path / "shop/Chart.yaml").write_text(yaml.safe_dump(metadata))
    return helm_python.Chart.load(tmp_path / "shop")


def test_it_is_installed_with_what_the_chart_above_gives_to_all(parent: helm_python.Chart) -> None:
    values: Values = {
        "global": {"imageRegistry": "mirror.example.com", "imagePullSecrets": ["mirror"], "anything": {"else": 1}},
        "headrace": {"enabled": True, **values_of("minimal")},
    }
    parent.validate_schema(values)
    objects = objects_of(parent.render(values, name="shop", namespace="shop"))
    assert "Deployment/shop-headrace-api" in map(name_of, objects)
    for spec in pods(objects).values():
        assert spec["imagePullSecrets"] == [{"name": "mirror"}]
        assert all(each["image"].startswith("mirror.example.com/headrace/headrace:") for each in containers(spec))


def test_it_is_refused_as_it_would_be_alone(parent: helm_python.Chart) -> None:
    with pytest.raises(helm_python.HelmValuesError, match="additional properties 'replica' not allowed"):
        parent.validate_schema({"headrace": {"enabled": True, "api": {"replica": 3}}})
