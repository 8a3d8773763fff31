"""The alerts: valid, tested in both directions, and explained in the runbook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cli import cli
from tests.monitoring.files import ROOT, RULE_TESTS, RULES, alert_queries, alerts, metrics_in, needs_promtool, promtool

NAMES = sorted({rule["alert"] for rule in alerts()})
RUNBOOK = (ROOT / "docs/runbook.md").read_text()


def cases() -> list[dict[str, Any]]:
    """What each test of a rule says about an alert at some time."""
    return [
        case
        for path in RULE_TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]


@needs_promtool
def test_prometheus_reads_every_rule() -> None:
    assert promtool("check", "rules", *map(str, RULES)) == ""


@needs_promtool
def test_prometheus_reads_the_example_of_an_objective(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/operations.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "objective.yaml").write_text(example)
    assert promtool("check", "rules", str(tmp_path / "objective.yaml")) == ""


@needs_promtool
def test_every_alert_fires_when_it_should_and_is_quiet_when_it_should_be() -> None:
    assert promtool("test", "rules", *map(str, RULE_TESTS)) == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    fires = {bool(case["exp_alerts"]) for case in cases() if case["alertname"] == name}
    assert fires == {True, False}


def test_every_severity_of_an_alert_is_fired_by_a_case() -> None:
    wanted = {(rule["alert"], rule["labels"]["severity"]) for rule in alerts()}
    found = {(case["alertname"], alert["exp_labels"]["severity"]) for case in cases() for alert in case["exp_alerts"]}
    assert found == wanted


@pytest.mark.parametrize("name", NAMES)
def test_the_runbook_says_of_every_alert_what_it_means_how_to_see_it_and_what_to_do(name: str) -> None:
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section is not None
    for part in ("**It means**", "**See it**", "**Do**"):
        assert part in section[1], f"{part} is missing"


def test_every_command_that_the_runbook_names_exists() -> None:
    assert set(re.findall(r"`headrace ([a-z]+)", RUNBOOK)) <= set(cli.commands)


def test_the_runbook_explains_no_alert_that_there_is_not() -> None:
    assert set(re.findall(r"^## (Headrace\w+)$", RUNBOOK, re.MULTILINE)) == set(NAMES)


def test_every_alert_says_in_a_sentence_what_is_wrong() -> None:
    for rule in alerts():
        assert re.fullmatch(r"[A-Z{].*\.", rule["annotations"]["summary"]), rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["for"]


def test_every_expression_of_an_alert_reads_metrics() -> None:
    assert all(metrics_in(query.expression) for query in alert_queries())
