"""What Prometheus and Grafana get from the chart, and what KEDA asks."""

from __future__ import annotations

from typing import Any

from tests.chart.rendering import Manifest, labels_of_pods, rendered_of
from tests.monitoring.files import DASHBOARDS, alerts

RUNBOOK = "https://github.com/headrace/headrace/blob/main/docs/runbook.md"


def _one(objects: list[Manifest], kind: str) -> Manifest:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def _rules(objects: list[Manifest]) -> list[dict[str, Any]]:
    groups = _one(objects, "PrometheusRule")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alert_has_its_section_of_the_runbook_and_goes_by_its_name() -> None:
    rules = _rules(rendered_of("full"))
    written = [each["alert"] for each in alerts()]
    assert [each["alert"] for each in rules] == [each for each in written if each != "HeadraceEventStreamsReset"]
    assert all(each["annotations"]["runbook_url"] == f"{RUNBOOK}#{each['alert'].lower()}" for each in rules)


def test_alerts_are_those_of_the_files() -> None:
    rendered = _rules(rendered_of("full", {"metrics": {"rules": {"disabled": [], "runbookUrl": ""}}}))
    assert sorted(rendered, key=lambda each: str(each)) == sorted(alerts(), key=lambda each: str(each))


def test_every_process_is_scraped_and_nothing_else() -> None:
    objects = rendered_of("full")
    selector = _one(objects, "PodMonitor")["spec"]["selector"]["matchLabels"]
    scraped = {name for name, labels in labels_of_pods(objects).items() if selector.items() <= labels.items()}
    assert {name for name in scraped if name.startswith("Deployment/")} == {
        name for name in labels_of_pods(objects) if name.startswith("Deployment/")
    }
    # The Job and the tests have no port of that name, and are passed over.
    ports = {each["port"] for each in _one(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]}
    assert ports == {"ops"}


def test_the_dashboards_are_the_files() -> None:
    objects = rendered_of("full")
    (found,) = (each for each in objects if each["metadata"]["name"] == "headrace-dashboards")
    assert found["data"] == {f"headrace-{path.name}": path.read_text() for path in DASHBOARDS}
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_workers_scale_by_the_backlog_of_their_own_kinds() -> None:
    objects = {
        each["metadata"]["name"]: each["spec"] for each in rendered_of("two-workers") if each["kind"] == "ScaledObject"
    }
    (trigger,) = objects["headrace-worker-thumbnails"]["triggers"]
    assert trigger["metadata"] == {
        "url": "http://headrace-api.apps.svc:9090/backlog?kinds=thumbnail,image_variants",
        "valueLocation": "backlog",
        "targetValue": "16",
    }
    # From zero, a kind that nobody has ever run is started by the fallback.
    assert objects["headrace-worker-thumbnails"]["minReplicaCount"] == 0
    assert objects["headrace-worker-thumbnails"]["fallback"]["replicas"] == 1


def test_a_worker_of_all_kinds_scales_by_the_whole_backlog() -> None:
    change = {"workerDefaults": {"autoscaling": {"enabled": True}}, "api": {"service": {"type": "LoadBalancer"}}}
    (trigger,) = _one(rendered_of("minimal", change), "ScaledObject")["spec"]["triggers"]
    # A Service that the world can reach has no operations port.
    assert trigger["metadata"]["url"] == "http://headrace-ops.apps.svc:9090/backlog"


def test_several_consumers_count_together() -> None:
    objects = {
        each["metadata"]["name"]: each["spec"] for each in rendered_of("keda-nats") if each["kind"] == "ScaledObject"
    }
    text = objects["headrace-worker-text"]
    assert [each["metadata"]["consumer"] for each in text["triggers"]] == [
        f"run-{kind}-{priority}" for kind in ("text_feedback", "word_count") for priority in ("high", "normal", "low")
    ]
    names = [each["name"] for each in text["triggers"]]
    assert text["advanced"]["scalingModifiers"]["formula"] == " + ".join(names)
    assert objects["headrace-worker-tables"]["triggers"][0]["metadata"]["consumer"] == "run-table_profile"
