"""The alerts and dashboards that the chart ships, as tests read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = ROOT / "charts/headrace/files"
RULES = sorted((FILES / "rules").glob("*.yaml"))
RULE_TESTS = sorted((ROOT / "tests/monitoring/rules").glob("*.yaml"))
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))

# What Grafana puts in place of its variables when everything is selected.
_VARIABLES = {"$__rate_interval": "1m", "$namespace": ".*", "$kind": ".*"}
_SERIES = re.compile(r"_(total|bucket|count|sum)$")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here; Debian has it in the package prometheus"
)


def promtool(*arguments: str, given: str = "") -> str:
    """What promtool complains of; empty when it has nothing to say."""
    command = ["promtool", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr if done.returncode else done.stderr


class Query(NamedTuple):
    """An expression, and where it stands: an alert, or a panel of a dashboard."""

    where: str
    expression: str


def alerts() -> list[dict[str, Any]]:
    """Every alert, as its rule is written."""
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def dashboard(path: Path) -> dict[str, Any]:
    """A dashboard, decoded."""
    return json.loads(path.read_text())


def panels(path: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    return [panel for panel in dashboard(path)["panels"] if panel["type"] != "row"]


def panel_queries() -> list[Query]:
    """The queries of every panel, with everything selected."""
    return [
        Query(f"{path.name}: {panel['title']}", _filled(target["expr"]))
        for path in DASHBOARDS
        for panel in panels(path)
        for target in panel["targets"]
    ]


def alert_queries() -> list[Query]:
    """The expression of every alert."""
    return [Query(rule["alert"], rule["expr"]) for rule in alerts()]


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics that an expression reads."""
    return {str(name) for name in _names(promql_parser.parse(expression))}


def family_of(metric: str) -> str:
    """The name under which a metric is described, without what counters and histograms put behind it."""
    return _SERIES.sub("", metric)


def _filled(expression: str) -> str:
    for variable, value in _VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def _names(node: Any) -> Iterator[str]:
    match node:
        case promql_parser.VectorSelector():
            yield node.name
        case promql_parser.MatrixSelector():
            yield node.vector_selector.name
        case promql_parser.BinaryExpr():
            yield from _names(node.lhs)
            yield from _names(node.rhs)
        case promql_parser.Call():
            for argument in node.args:
                yield from _names(argument)
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            yield from _names(node.expr)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:
            raise AssertionError(f"{type(node).__name__} is not looked into")
