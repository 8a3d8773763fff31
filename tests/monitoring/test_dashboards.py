"""The dashboards: three files that Grafana can import, whose queries are PromQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.files import DASHBOARDS, dashboard, metrics_in, panel_queries, panels

UIDS = {"overview.json": "headrace-overview", "kinds.json": "headrace-kinds", "log-and-projection.json": "headrace-log"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24


def test_there_are_three_dashboards_with_fixed_ids() -> None:
    assert {path.name: dashboard(path)["uid"] for path in DASHBOARDS} == UIDS


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_leaves_the_data_source_to_whoever_imports_it(path: Path) -> None:
    found = dashboard(path)
    variables = {each["name"]: each for each in found["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert "id" not in found, "Grafana gives that, and refuses a file that brings another"
    for panel in panels(path):
        assert panel["datasource"] == DATASOURCE
        assert all(target["datasource"] == DATASOURCE for target in panel["targets"])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_a_title_a_unit_and_a_place_of_their_own(path: Path) -> None:
    everything: list[dict[str, Any]] = dashboard(path)["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels(path):
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]


def test_every_query_of_a_panel_is_promql_that_reads_metrics() -> None:
    for query in panel_queries():
        assert metrics_in(query.expression), query


def test_every_query_of_a_panel_keeps_to_the_namespace_that_is_selected() -> None:
    for path in DASHBOARDS:
        for panel in panels(path):
            for target in panel["targets"]:
                assert 'namespace=~"$namespace"' in target["expr"], f"{path.name}: {panel['title']}"
