"""Our own settings read the environment of every container, and production has nothing against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import urlsplit

import pytest

from headrace.identity.made_secrets import make_secret
from headrace.settings import Settings, unknown_variables
from headrace.settings.production import Process, refusals
from headrace.settings.reading import PREFIX, variables
from headrace.settings.secret_files import FILE_SUFFIX, SECRETS
from tests.chart.rendering import Manifest, Values, chart, containers, pods, rendered_of, sets, values_of
from tests.chart.secret_files import SecretMissing, environment, write_files
from tests.chart.values.as_schema import OF_THE_CHART

PASSWORD = "a-password-of-nobody-4711"
PEM = "-----BEGIN CERTIFICATE-----\n"
URL = "postgresql://headrace:a-password@postgres-rw.databases:5432/headrace"
USERS = dict.fromkeys(("api", "worker", "projector", "provisioner"), PASSWORD)
TLS = {"tls.crt": PEM, "tls.key": PEM}
API_KEY = "hr_0123456789abcdef0123456789abcdef"
SECRET_VALUES = {
    "headrace-nats": {**USERS, "nats-token": PASSWORD, "password": PASSWORD},
    "headrace-nats-creds": {"nats.creds": "-----BEGIN NATS USER JWT-----\n"},
    "headrace-nats-tls": TLS,
    "nats-ca": {"ca.pem": PEM},
    "headrace-db-app": {"uri": URL, "password": "a-password"},
    "headrace-db-ca": {"ca.crt": PEM, "ca.key": PEM},
    "headrace-database": {"password": "a-password", "url": URL},
    "headrace-database-tls": TLS,
    "postgres-ca": {"ca.crt": PEM},
    "headrace-api": {"secrets": make_secret(), "signing": make_secret(), "follow": make_secret()},
    "headrace-bucket": {"user": "minio", "password": PASSWORD},
    "headrace-status": {"key": "a-key-of-the-status-service"},
    "headrace-administrator": {"email": "ada@example.com", "password": PASSWORD},
    "headrace-test": {"api-key": API_KEY},
}

EACH = pytest.mark.parametrize("name", sets())


def _settings(pod: Manifest, container: Manifest, place: Path) -> Settings:
    write_files(pod, SECRET_VALUES, place)
    given = environment(container, SECRET_VALUES, place)
    assert list(unknown_variables(given)) == []
    return Settings.read(given)


def _settings_of(values: str | tuple[str, Values], pod: str, place: Path) -> Settings:
    name, differing = (values, None) if isinstance(values, str) else values
    spec = pods(rendered_of(name, differing))[pod]
    return _settings(spec, spec["containers"][0], place)


@EACH
def test_production_refuses_nothing(name: str, tmp_path: Path) -> None:
    for pod, spec in pods(rendered_of(name)).items():
        for each in (one for one in containers(spec) if one["name"] != "proxy"):
            settings = _settings(spec, each, tmp_path / pod)
            assert settings.env == values_of(name).get("env", "production")
            process = each["args"][0]
            if process in get_args(Process):
                assert refusals(settings, cast("Process", process)) == [], f"{pod} {process}"


def test_a_secret_that_is_not_there_is_found(tmp_path: Path) -> None:
    spec = pods(rendered_of("minimal", {"database": {"urlKey": "url"}}))["Deployment/headrace-api"]
    with pytest.raises(SecretMissing, match="there is no key url in the Secret headrace-db-app"):
        write_files(spec, SECRET_VALUES, tmp_path)


def test_production_refuses_a_database_in_plain_text(tmp_path: Path) -> None:
    settings = _settings_of(("minimal", {"database": {"tls": {"caSecret": ""}}}), "Deployment/headrace-api", tmp_path)
    assert [each.variable for each in refusals(settings, "api")] == ["HEADRACE_DATABASE_URL"]


@pytest.mark.parametrize(
    ("database", "given"),
    [({}, {"uri": URL.replace("headrace:a", "owner:b")}), ({"host": "postgres"}, {"password": "b-password"})],
)
def test_migrations_are_run_by_the_owner_of_the_tables_where_it_is_another_role(
    database: Values, given: dict[str, str], tmp_path: Path
) -> None:
    owner = {"existingSecret": "headrace-db-owner", "user": "owner"}
    values = {
        "database": database,
        "migrations": {"database": owner, "administrator": {"existingSecret": "headrace-administrator"}},
    }
    secrets = SECRET_VALUES | {"headrace-db-owner": given}
    roles: dict[str, str | None] = {}
    for name, spec in pods(rendered_of("minimal", values)).items():
        write_files(spec, secrets, tmp_path / name)
        for each in containers(spec):
            settings = Settings.read(environment(each, secrets, tmp_path / name))
            roles[each["args"][0]] = urlsplit(settings.database.url).username
    assert {process: roles[process] for process in ("api", "projector", "migrate", "admin")} == {
        **dict.fromkeys(("api", "projector"), "headrace"),
        **dict.fromkeys(("migrate", "admin"), "owner"),
    }


def test_everything_that_is_said_arrives(tmp_path: Path) -> None:
    settings = _settings_of("full", "Deployment/headrace-api", tmp_path)
    assert settings.nats.url == "tls://nats-0.nats:4222,tls://nats-1.nats:4222,tls://nats-2.nats:4222"
    assert (settings.nats.user, settings.nats.password) == ("api", PASSWORD)
    assert settings.nats.ca is not None
    assert settings.nats.cert is not None
    assert settings.database.url.startswith("postgresql://headrace:a-password@/work?host=postgres.databases&port=6432")
    assert "sslmode=verify-full" in settings.database.url
    assert settings.objects.url == "s3://headrace/files"
    assert settings.objects.public_endpoint == "https://files.example.com"
    assert (settings.stream.replicas, settings.stream.retention) == (3, 1_209_600)
    assert settings.stream.max_bytes == 17_179_869_184
    assert settings.audit.retention_days == 730
    assert (settings.api.drain, settings.api.grace) == (10, 30)
    assert settings.api.follow_secrets is not None
    assert settings.api.status_key == "a-key-of-the-status-service"
    assert settings.api.mounts == "core,member,admin,streams"
    assert settings.api.access_log is False
    assert settings.limits.reads == 6000


def test_the_api_answers_for_its_routes_and_its_services(tmp_path: Path) -> None:
    hosts = _settings_of("full", "Deployment/headrace-api", tmp_path).api.hosts.split(",")
    assert hosts[:3] == ["headrace.internal", "headrace.example.com", "old.example.com"]
    assert {"headrace-api.apps.svc", "headrace-api-streams.apps.svc.cluster.local"} <= set(hosts)


def test_private_networks_are_believed_behind_a_route_only(tmp_path: Path) -> None:
    assert _settings_of("minimal", "Deployment/headrace-api", tmp_path / "1").api.trusted_proxies == "127.0.0.1"
    assert "10.0.0.0/8" in _settings_of("gitops", "Deployment/headrace-api", tmp_path / "2").api.trusted_proxies
    assert _settings_of("openshift", "Deployment/headrace-api", tmp_path / "3").api.trusted_proxies == "10.128.0.0/14"


def test_workers_have_no_way_to_the_database(tmp_path: Path) -> None:
    spec = pods(rendered_of("full"))["Deployment/headrace-worker-default"]
    given = environment(spec["containers"][0], SECRET_VALUES, tmp_path)
    assert [variable for variable in given if "DATABASE" in variable or "API_SECRETS" in variable] == []


def test_workers_have_kinds_and_an_image_of_their_own(tmp_path: Path) -> None:
    spec = pods(rendered_of("two-workers"))["Deployment/headrace-worker-thumbnails"]
    (worker,) = spec["containers"]
    assert worker["image"].startswith("registry.example.com/media/kinds@sha256:0123")
    assert worker["args"] == ["worker", "thumbnail", "image_variants"]
    settings = _settings(spec, worker, tmp_path)
    assert settings.consumers == "media.kinds"
    assert (settings.worker.threads, settings.worker.slots, settings.worker.grace) == (16, 64, 300)


def test_each_process_is_a_user_of_its_own(tmp_path: Path) -> None:
    users = {
        each["args"][0]: _settings(spec, each, tmp_path / pod).nats.user
        for pod, spec in pods(rendered_of("minimal")).items()
        for each in containers(spec)
    }
    assert users == {
        "api": "api",
        "projector": "projector",
        "worker": "worker",
        "provision": "provisioner",
        "migrate": None,
        "check": "api",
    }


def test_every_setting_has_a_value_or_may_be_set() -> None:
    """What the schema does not let through `settings` is a secret, computed, or about other machines than these."""
    allowed = set(_schema_of_settings())
    named = {each.removeprefix(PREFIX) for each in variables(Settings) if not each.endswith(FILE_SUFFIX)}
    secret = {
        each for each in named if each.rpartition("_")[2].lower() in SECRETS or each.lower().endswith(tuple(SECRETS))
    }
    left = named - allowed - secret
    assert {each for each in left if not OF_THE_CHART.fullmatch(each)} == set()


def _schema_of_settings() -> dict[str, Any]:
    schema = chart().schema
    assert schema is not None
    return schema["$defs"]["Settings"]["properties"]
