"""What a person is told about values that cannot be used, before anything is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import helm_python
import pytest
import yaml

from tests.chart.rendering import CHART, Values, chart, merge, render, values_of
from tests.chart.values.root import INSTEAD

ROUTE: Values = {"enabled": True, "parentRefs": [{"name": "public"}]}
ONE_OF = "value must be one of"

# What differs from the least values, and the message. Paths with / are those of the schema.
SAID: list[tuple[Values, str]] = [
    # Names
    ({"api": {"replica": 3}}, "at '/api': additional properties 'replica' not allowed"),
    ({"metrics": {"serviceMonitor": {}}}, "at '/metrics': additional properties 'serviceMonitor' not allowed"),
    ({"workers": {"default": {"slot": 3}}}, "at '/workers/default': additional properties 'slot' not allowed"),
    ({"workers": {"Big_One": {}}}, "workers.Big_One: a name has 20 lower-case letters, digits and - at most"),
    ({"workers": {"more-than-twenty-letters": {}}}, "workers.more-than-twenty-letters: a name has 20 lower-case"),
    ({"apis": {"1st": {"mounts": ["admin"]}}}, "apis.1st: a name has 20 lower-case letters"),
    ({"apis": {"main": {"mounts": ["streams"]}}}, "apis.main: `api` has this name in the labels by which its pods are"),
    ({"apis": {"streams": {"ingress": {}}}}, "at '/apis/streams': additional properties 'ingress' not allowed"),
    ({"fullnameOverride": "Headrace"}, "at '/fullnameOverride': 'Headrace' does not match pattern"),
    ({"workerDefaults": {"kinds": ["Text-Feedback"]}}, "at '/workerDefaults/kinds/0': 'Text-Feedback' does not match"),
    # Types and bounds
    ({"api": {"replicas": "three"}}, "at '/api/replicas': got string, want null or integer"),
    ({"api": {"replicas": -1}}, "at '/api/replicas': minimum: got -1, want 0"),
    ({"api": {"graceSeconds": 0}}, "at '/api/graceSeconds': minimum: got 0, want 1"),
    ({"api": {"mounts": []}}, "at '/api/mounts': minItems: got 0, want 1"),
    ({"api": {"resources": {"limit": {}}}}, "at '/api/resources': additional properties 'limit' not allowed"),
    (
        {"api": {"resources": {"limits": {"memory": "1 GB"}}}},
        "at '/api/resources/limits/memory': '1 GB' does not match",
    ),
    ({"database": {"port": 70000}}, "at '/database/port': maximum: got 70,000, want 65,535"),
    ({"nats": {"replicas": 7}}, "at '/nats/replicas': maximum: got 7, want 5"),
    ({"workers": {"default": {"slots": 2}}}, "at '/workers/default/slots': minimum: got 2, want 3"),
    ({"workers": [{"name": "default"}]}, "at '/workers': got array, want object"),
    ({"tracing": {"sampleRatio": 5}}, "at '/tracing/sampleRatio': maximum: got 5, want 1"),
    ({"image": "headrace:1"}, "at '/image': got string, want object"),
    ({"commonLabels": {"team": 1}}, "at '/commonLabels/team': got number, want string"),
    ({"networkPolicy": {"ingressFrom": {}}}, "at '/networkPolicy/ingressFrom': got object, want array"),
    ({"extraEnv": [{"name": "A", "value": "b"}]}, "at '/extraEnv': got array, want object"),
    ({"extraEnv": {"A": {"secretKey": "b"}}}, "at '/extraEnv/A': additional properties 'secretKey' not allowed"),
    ({"extraEnv": {"A-B": "c"}}, "extraEnv.A-B: the name of a variable has letters, digits and _"),
    # What there is to choose from
    ({"env": "local"}, f"at '/env': {ONE_OF} 'production', 'staging'"),
    ({"migrations": {"mode": "always"}}, f"at '/migrations/mode': {ONE_OF} 'hook', 'job', 'none'"),
    (
        {"nats": {"auth": {"method": "x"}}},
        f"at '/nats/auth/method': {ONE_OF} 'accounts', 'credentials', 'token', 'user'",
    ),
    ({"nats": {"sync": "1s"}}, f"at '/nats/sync': {ONE_OF} '', 'always'"),
    ({"database": {"sslmode": "on"}}, f"at '/database/sslmode': {ONE_OF} '', 'allow', 'disable'"),
    ({"api": {"mounts": ["public"]}}, f"at '/api/mounts/0': {ONE_OF} 'admin', 'core', 'member', 'streams'"),
    ({"api": {"service": {"type": "ExternalName"}}}, f"at '/api/service/type': {ONE_OF} 'ClusterIP', 'LoadBalancer'"),
    (
        {"workerDefaults": {"autoscaling": {"trigger": "kafka"}}},
        f"at '/workerDefaults/autoscaling/trigger': {ONE_OF} 'metrics-api', 'nats-jetstream'",
    ),
    # Addresses
    (
        {"nats": {"url": "nats.nats:4222"}},
        "at '/nats/url': 'nats.nats:4222' does not match pattern '^(nats|tls|ws|wss)",
    ),
    ({"nats": {"monitor": "nats:8222"}}, "at '/nats/monitor': 'nats:8222' does not match pattern '^(https?://"),
    (
        {"objects": {"url": "https://b.s3.amazonaws.com"}},
        "at '/objects/url': 'https://b.s3.amazonaws.com' does not match",
    ),
    ({"api": {"trustedProxies": ["proxy"]}}, "at '/api/trustedProxies/0': 'proxy' does not match pattern"),
    ({"api": {"publicUrl": "example.com"}}, "at '/api/publicUrl': 'example.com' does not match pattern '^(https?://"),
    (
        {"api": {"httpRoute": {"hostnames": ["https://a.example"]}}},
        "at '/api/httpRoute/hostnames/0': 'https://a.example'",
    ),
    ({"api": {"httpRoute": {"timeout": "forever"}}}, "at '/api/httpRoute/timeout': 'forever' does not match pattern"),
    ({"image": {"digest": "abc"}}, "at '/image/digest': 'abc' does not match pattern '^(sha256:"),
    # Settings
    ({"settings": {"LOGLEVEL": "info"}}, "at '/settings': additional properties 'LOGLEVEL' not allowed"),
    ({"settings": {"API_OPS": ":1"}}, "at '/settings': additional properties 'API_OPS' not allowed"),
    ({"settings": {"NATS_PASSWORD": "x"}}, "at '/settings': additional properties 'NATS_PASSWORD' not allowed"),
    ({"settings": {"STREAM_RETENTION": "7 days"}}, "at '/settings/STREAM_RETENTION': got string, want null or number"),
    ({"api": {"settings": {"LOG_LEVEL": "loud"}}}, f"at '/api/settings/LOG_LEVEL': {ONE_OF} 'debug', 'error'"),
    # What is missing
    ({"nats": {"sync": ""}}, "nats.sync: is missing; set `sync_interval: always` in the jetstream block of every"),
    ({"nats": {"replicas": 1}}, "nats.replicas: is 1, and production wants three copies of the log"),
    (
        {"nats": {"auth": {"existingSecret": ""}}},
        "nats.auth.existingSecret: is missing; make a Secret with the passwords",
    ),
    ({"database": {"existingSecret": ""}}, "database.existingSecret: is missing; name the Secret with the URL"),
    ({"api": {"existingSecret": ""}}, "api.existingSecret: is missing; `headrace secret` prints a secret"),
    ({"api": {"httpRoute": {"enabled": True}}}, "api.httpRoute.parentRefs: is missing; name the Gateway"),
    ({"api": {"ingress": {"enabled": True}}}, "api.ingress.hosts: is missing; name the hosts"),
    ({"apis": {"streams": {}}}, "apis.streams.mounts: is missing; say which parts of the API it serves"),
    ({"nats": None}, "nats: is null; leave it out to have its default, or say what differs"),
    # What does not go together
    (
        {"api": {"podDisruptionBudget": {"minAvailable": 1}}},
        "api.podDisruptionBudget: say minAvailable or maxUnavailable",
    ),
    (
        {"projector": {"podDisruptionBudget": {"maxUnavailable": ""}}},
        "projector.podDisruptionBudget: say minAvailable or",
    ),
    (
        {"workers": {"a": {"podDisruptionBudget": {"minAvailable": 1}}}},
        "workers.a.podDisruptionBudget: say minAvailable",
    ),
    ({"api": {"autoscaling": {"enabled": True, "minReplicas": 11}}}, "api.autoscaling: minReplicas is more than max"),
    (
        {"workers": {"a": {"autoscaling": {"enabled": True, "minReplicas": 11}}}},
        "workers.a.autoscaling: minReplicas is",
    ),
    (
        {"workerDefaults": {"autoscaling": {"enabled": True, "trigger": "nats-jetstream"}}},
        "workers.default.kinds: is missing; nats-jetstream scales by the consumers of kinds that are named",
    ),
    (
        {"workerDefaults": {"kinds": ["a"], "autoscaling": {"enabled": True, "trigger": "nats-jetstream"}}},
        "nats.monitor: is missing; nats-jetstream asks the monitoring port of the servers",
    ),
    (
        {
            "api": {"mounts": ["core", "member", "admin"], "httpRoute": ROUTE},
            "apis": {"streams": {"mounts": ["streams"]}},
        },
        "api.mounts: streams is missing, and no route without regular expressions sends all of its requests",
    ),
    (
        {"apis": {"a": {"mounts": ["streams"], "podDisruptionBudget": {"minAvailable": 1}}}},
        "apis.a.podDisruptionBudget: say minAvailable or maxUnavailable",
    ),
    (
        {"apis": {"a": {"mounts": ["streams"], "autoscaling": {"enabled": True, "maxReplicas": 1}}}},
        "apis.a.autoscaling: minReplicas is more than maxReplicas",
    ),
    (
        {"api": {"podDisruptionBudget": {"maxUnavailable": "a few"}}},
        "at '/api/podDisruptionBudget/maxUnavailable': 'a few'",
    ),
    ({"api": {"service": {"port": 9090}}}, "api.service.port: 9090 is the port for operations"),
    (
        {"api": {"httpRoute": ROUTE}, "apis": {"a": {"mounts": ["streams"]}, "b": {"mounts": ["streams", "member"]}}},
        "apis.b.mounts: streams is served by apis.a already, and a route sends it to one of them",
    ),
    (
        {"api": {"mounts": ["member"], "httpRoute": ROUTE}, "apis": {"a": {"mounts": ["core", "streams"]}}},
        "api.mounts: core is missing, and a route sends its requests to `api`: what serves core, too, has no route",
    ),
    ({"workers": {"a": {"image": {"digest": "latest"}}}}, "at '/workers/a/image/digest': 'latest' does not match"),
    ({"objects": {"existingSecret": "bucket"}}, "objects.existingSecret: is for a bucket, and objects.url names none"),
    (
        {"metrics": {"rules": {"disabled": ["Nothing"]}}},
        "metrics.rules.disabled: there is no alert Nothing; there are Head",
    ),
    # Secrets
    ({"nats": {"url": "nats://me:secret@nats:4222"}}, "nats.url: has a user or a password; a secret is never a value"),
    (
        {"extraEnv": {"HEADRACE_NATS_PASSWORD": "x"}},
        "extraEnv.HEADRACE_NATS_PASSWORD: a secret is never a value; say {sec",
    ),
    (
        {"api": {"extraEnv": {"AWS_SECRET_ACCESS_KEY": "x"}}},
        "api.extraEnv.AWS_SECRET_ACCESS_KEY: a secret is never a val",
    ),
    ({"extraEnv": {"HEADRACE_NATS_PASSWORD": 4711}}, "extraEnv.HEADRACE_NATS_PASSWORD: a secret is never a value; say"),
    ({"apis": {"a": {"mounts": ["core"], "extraEnv": {"A_TOKEN": "x"}}}}, "apis.a.extraEnv.A_TOKEN: a secret is never"),
    ({"workers": {"a": {"extraEnv": {"smtp_password": "x"}}}}, "workers.a.extraEnv.smtp_password: a secret is never a"),
    ({"migrations": {"extraEnv": {"A_SECRET": "x"}}}, "migrations.extraEnv.A_SECRET: a secret is never a value"),
    (
        {"objects": {"extraEnv": {"AZURE_STORAGE_ACCOUNT_KEY": "x"}}},
        "objects.extraEnv.AZURE_STORAGE_ACCOUNT_KEY: a sec",
    ),
    (
        {"api": {"extraEnv": {"HEADRACE_API_STATUS_KEY": "x"}}},
        "api.extraEnv.HEADRACE_API_STATUS_KEY: a secret is never",
    ),
    (
        {"extraEnv": {"HEADRACE_DATABASE_URL": "postgresql://me:word@postgres/headrace"}},
        "extraEnv.HEADRACE_DATABASE_URL: a secret is never a value; say {secretKeyRef",
    ),
    (
        {"api": {"merge": {"container": {"env": [{"name": "A", "value": "b"}, {"name": "A_TOKEN", "value": "x"}]}}}},
        "api.merge.container.env.A_TOKEN: a secret is never a value; say valueFrom: {secretKeyRef",
    ),
    (
        {"workers": {"a": {"merge": {"container": {"env": [{"name": "PROXY", "value": "http://me:word@proxy"}]}}}}},
        "workers.a.merge.container.env.PROXY: a secret is never",
    ),
    ({"workers": {"a": {"extraEnv": {"A-B": "c"}}}}, "workers.a.extraEnv.A-B: the name of a variable has letters"),
    ({"objects": {"secretEnv": {"A B": "c"}}}, "objects.secretEnv.A B: the name of a variable has letters, digits"),
]


@pytest.mark.parametrize(("differing", "message"), SAID, ids=[message[:60] for _, message in SAID])
def test_values_that_cannot_be_used_are_refused_in_words(differing: Values, message: str) -> None:
    with pytest.raises(helm_python.HelmError) as refused:
        render(merge(values_of("minimal"), differing))
    assert message in str(refused.value)


@pytest.mark.parametrize("path", INSTEAD)
def test_a_key_of_other_charts_is_refused_with_what_to_do_instead(path: str) -> None:
    differing: Values = {}
    *parents, last = path.split(".")
    inner = differing
    for each in parents:
        inner = inner.setdefault(each, {})
    inner[last] = {"enabled": True}
    with pytest.raises(helm_python.HelmRenderError) as refused:
        render(merge(values_of("minimal"), differing))
    assert f"{path}: {INSTEAD[path]}" in str(refused.value)


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(helm_python.HelmRenderError) as refused:
        render({})
    lines = [line.strip().partition(": ")[0] for line in str(refused.value).splitlines()[1:]]
    assert lines == ["nats.auth.existingSecret", "nats.sync", "database.existingSecret", "api.existingSecret"]


@pytest.mark.parametrize(
    "differing",
    [
        {"nats": {"url": "nats://me:a-secret-of-mine@nats:4222"}},
        {"extraEnv": {"A_PASSWORD": "a-secret-of-mine"}},
        {"extraEnv": {"PROXY": "http://me:a-secret-of-mine@proxy"}},
        {"migrations": {"merge": {"container": {"env": [{"name": "A_TOKEN", "value": "a-secret-of-mine"}]}}}},
    ],
)
def test_a_secret_that_is_refused_is_not_repeated(differing: Values) -> None:
    with pytest.raises(helm_python.HelmRenderError) as refused:
        render(merge(values_of("minimal"), differing))
    assert "a-secret-of-mine" not in str(refused.value)


def _nulls(values: Values, *, of: Callable[[Any], bool]) -> Values:
    """The same values with null in the places of those for which `of` is true, and without the others."""
    found: Values = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            if inner := _nulls(cast("Values", value), of=of):
                found[name] = inner
        elif of(value):
            found[name] = None
    return found


def test_null_is_nothing_where_there_may_be_nothing() -> None:
    """An overlay takes what is below it away with null. No template stumbles over what is then missing."""
    nothing = _nulls(yaml.safe_load((CHART / "values.yaml").read_text()), of=lambda value: value in ("", [], {}))
    assert nothing["api"].keys() >= {"hosts", "trustedProxies", "extraEnv"}
    assert render(merge(nothing, values_of("minimal")))


def test_null_is_refused_where_there_has_to_be_something() -> None:
    nulls = _nulls(yaml.safe_load((CHART / "values.yaml").read_text()), of=lambda value: isinstance(value, (bool, int)))
    with pytest.raises(helm_python.HelmRenderError) as refused:
        render(merge(values_of("minimal"), nulls))
    for path in (
        "nats.replicas",
        "serviceAccount.create",
        "api.httpRoute.enabled",
        "workerDefaults.autoscaling.enabled",
    ):
        assert f"{path}: is null; leave it out to have its default" in str(refused.value)
    assert "api.replicas" not in str(refused.value)


def test_the_schema_is_complete_in_itself_and_strict() -> None:
    schema = chart().schema
    assert schema is not None
    text = (CHART / "values.schema.json").read_text()
    assert text.count('"$ref": "#/$defs/') == text.count('"$ref"')
    closed = {name for name, each in schema["$defs"].items() if each.get("additionalProperties") is False}
    assert closed == schema["$defs"].keys()
    assert schema["additionalProperties"] is False
    assert {"global", "enabled"} <= schema["properties"].keys()
