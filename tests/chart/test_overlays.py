"""What an overlay changes: null takes an entry away, and what differs is all that differs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import Manifest, Values, containers, merge, name_of, pods, render, rendered_of, values_of

DIGEST = f"sha256:{'0' * 64}"
OTHER = f"sha256:{'1' * 64}"


def _render(*layers: Values) -> list[Manifest]:
    values = values_of("minimal")
    for each in layers:
        values = merge(values, each)
    return render(values)


def _variables(objects: list[Manifest], pod: str) -> dict[str, Manifest]:
    return {each["name"]: each for each in pods(objects)[pod]["containers"][0]["env"]}


def test_null_takes_away_a_worker_and_an_api_of_the_layer_below() -> None:
    base: Values = {"workers": {"tables": {}}, "apis": {"streams": {"mounts": ["streams"]}}}
    objects = _render(base, {"workers": {"tables": None, "default": None}, "apis": {"streams": None}})
    assert not [each for each in map(name_of, objects) if "worker" in each or "streams" in each]


def test_null_takes_away_a_variable_and_a_setting() -> None:
    base: Values = {
        "extraEnv": {"A": "1", "B": "2"},
        "settings": {"LOG_LEVEL": "debug"},
        "objects": {"url": "s3://files", "existingSecret": "bucket", "extraEnv": {"C": "3"}},
    }
    overlay: Values = {
        "extraEnv": {"A": None},
        "settings": {"LOG_LEVEL": None},
        "objects": {"secretEnv": {"AWS_ACCESS_KEY_ID": None}, "extraEnv": {"C": None}},
    }
    assert {"A", "B", "C", "HEADRACE_LOG_LEVEL", "AWS_ACCESS_KEY_ID"} <= _variables(
        _render(base), "Deployment/headrace-api"
    ).keys()
    left = _variables(_render(base, overlay), "Deployment/headrace-api").keys()
    assert left & {"A", "B", "C", "HEADRACE_LOG_LEVEL", "AWS_ACCESS_KEY_ID"} == {"B"}


def test_null_of_a_process_takes_away_what_all_have() -> None:
    values: Values = {
        "extraEnv": {"HTTPS_PROXY": "http://proxy:3128"},
        "settings": {"LOG_LEVEL": "debug"},
        "api": {"extraEnv": {"HTTPS_PROXY": None}, "settings": {"LOG_LEVEL": None}},
    }
    objects = _render(values)
    gone = {"HTTPS_PROXY", "HEADRACE_LOG_LEVEL"}
    assert _variables(objects, "Deployment/headrace-api").keys() & gone == set()
    assert _variables(objects, "Deployment/headrace-projector").keys() >= gone


@pytest.mark.parametrize(
    ("own", "image"),
    [
        ({"repository": "media/kinds", "tag": "2"}, "ghcr.io/media/kinds:2"),
        ({"tag": "2"}, "ghcr.io/headrace/headrace:2"),
        ({"registry": "mirror"}, f"mirror/headrace/headrace@{DIGEST}"),
        ({"repository": "media/kinds", "digest": OTHER}, f"ghcr.io/media/kinds@{OTHER}"),
    ],
)
def test_another_image_does_not_have_the_digest_of_the_first(own: Values, image: str) -> None:
    objects = _render({"image": {"digest": DIGEST}, "workers": {"default": {"image": own}}})
    (worker,) = pods(objects)["Deployment/headrace-worker-default"]["containers"]
    assert worker["image"] == image


def test_a_variable_may_refer_to_any_that_refers_to_none() -> None:
    """Kubernetes fills in $(NAME) of variables that stand before."""
    extra: Values = {
        "A_URL": "http://$(POD_IP):$(PORT)",
        "PORT": "80",
        "POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}},
    }
    for spec in pods(_render({"extraEnv": extra})).values():
        for container in containers(spec):
            names = [each["name"] for each in container["env"]]
            assert names.index("A_URL") > max(names.index("PORT"), names.index("POD_IP"))
            assert len(set(names)) == len(names)


def test_numbers_arrive_as_they_were_written() -> None:
    given = {"A": 17_179_869_184, "B": 0.05, "C": -3, "D": 1e300, "E": 1_000_000, "F": "010", "G": True, "H": "1e6"}
    env = _variables(_render({"extraEnv": given}), "Deployment/headrace-api")
    texts = {name: env[name]["value"] for name in given}
    assert texts == {
        "A": "17179869184",
        "B": "0.05",
        "C": "-3",
        "D": "1e+300",
        "E": "1000000",
        "F": "010",
        "G": "true",
        "H": "1e6",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"migrations": {"podAnnotations": {"a": "b"}}},
        {"migrations": {"podLabels": {"a": "b"}}},
        {"commonLabels": {"a": "b"}},
        {"commonAnnotations": {"a": "b"}},
        {"migrations": {"merge": {"pod": {"hostname": "a"}}}},
        {"migrations": {"merge": {"job": {"spec": {"template": {"spec": {"hostname": "a"}}}}}}},
    ],
    ids=str,
)
def test_a_job_whose_pod_differs_has_another_name(change: Values) -> None:
    """The pod of a Job cannot be changed: an upgrade would be refused."""
    one, other = (
        next(each for each in objects if each["kind"] == "Job")
        for objects in (rendered_of("gitops"), rendered_of("gitops", change))
    )
    assert one["spec"]["template"] != other["spec"]["template"]
    assert one["metadata"]["name"] != other["metadata"]["name"]


def test_further_objects_may_be_none_several_or_a_list() -> None:
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
    extra: list[Any] = [
        "{{ if .Values.tracing.endpoint }}kind: ConfigMap{{ end }}",
        "# a remark",
        f"---\n{config_map % 'a'}---\n{config_map % 'b'}",
        {"apiVersion": "v1", "kind": "List", "items": []},
    ]
    objects = _render({"extraObjects": extra, "commonLabels": {"team": "a"}})
    assert {"ConfigMap/a", "ConfigMap/b"} <= {name_of(each) for each in objects if each["kind"] != "List"}
    assert [each for each in objects if each["kind"] == "List"] == [extra[-1]]
    assert all(each["metadata"]["labels"]["team"] == "a" for each in objects if each["kind"] == "ConfigMap")


def test_the_input_of_a_test_is_not_filled_in_by_kubernetes() -> None:
    objects = _render({"tests": {"existingSecret": "key", "input": {"text": "$(HOME)"}}})
    (submit,) = pods(objects)["Pod/headrace-test-submit"]["containers"]
    assert '{"text":"$$(HOME)"}' in submit["args"]


@pytest.mark.parametrize("name", ["ops", "a", "a-ops", "x" * 20])
def test_a_further_api_shares_no_service_with_an_operations_port(name: str) -> None:
    values: Values = {
        "fullnameOverride": "y" * 35,
        "api": {"service": {"type": "LoadBalancer"}},
        "apis": {"a": {"mounts": ["member"]}, name: {"mounts": ["streams"]}},
    }
    services = [each["metadata"]["name"] for each in _render(values) if each["kind"] == "Service"]
    assert len(set(services)) == len(services) >= 4
    assert max(map(len, services)) <= 63
