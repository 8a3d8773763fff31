from __future__ import annotations

from typing import get_args

import pytest

from headrace.settings import Settings
from headrace.settings.hiding import hide_secrets
from headrace.settings.production import Process, plain_text_hosts, refusals

SECRET = "0123456789abcdefghijklmnopqrstuv"
SAFE = {
    "HEADRACE_ENV": "production",
    "HEADRACE_API_SECRETS": SECRET,
    "HEADRACE_API_TRUSTED_PROXIES": "10.0.0.0/8",
    "HEADRACE_NATS_URL": "nats://nats-0:4222,nats://nats-1:4222",
    "HEADRACE_NATS_USER": "api",
    "HEADRACE_NATS_PASSWORD": "hunter2hunter2hunter2",
    "HEADRACE_NATS_SYNC": "always",
    "HEADRACE_DATABASE_URL": "postgresql://headrace:hunter2@db/headrace?sslmode=verify-full",
}
UNSAFE = {
    "HEADRACE_API_SECRETS": "",
    "HEADRACE_API_TRUSTED_PROXIES": "",
    "HEADRACE_API_FOLLOW_ORIGINS": "*",
    "HEADRACE_API_FOLLOW_SECRETS": "a" * 40,
    "HEADRACE_NATS_USER": "",
    "HEADRACE_NATS_SYNC": "1s",
    "HEADRACE_STREAM_REPLICAS": "2",
    "HEADRACE_DATABASE_URL": "postgresql://headrace:hunter2@db/headrace",
    "HEADRACE_LOG_LEVEL": "debug",
}


def refused(environ: dict[str, str], process: Process | None = None) -> list[str]:
    return [each.variable for each in refusals(Settings.read(environ), process)]


def test_production_takes_settings_that_are_safe() -> None:
    assert refused(SAFE) == []


@pytest.mark.parametrize("variable", UNSAFE)
def test_production_refuses_what_is_unsafe_by_the_name_of_its_variable(variable: str) -> None:
    (refusal,) = refusals(Settings.read(SAFE | {variable: UNSAFE[variable]}))
    assert refusal.variable == variable
    assert len(refusal.remedy.split()) > 4


def test_production_refuses_everything_at_once() -> None:
    assert sorted(refused(SAFE | UNSAFE)) == sorted(UNSAFE)
    assert sorted(refused({"HEADRACE_ENV": "production"})) == [
        "HEADRACE_API_SECRETS",
        "HEADRACE_API_TRUSTED_PROXIES",
        "HEADRACE_DATABASE_URL",
        "HEADRACE_NATS_SYNC",
        "HEADRACE_NATS_USER",
    ]


@pytest.mark.parametrize("env", ["local", "staging"])
def test_nothing_is_refused_outside_of_production(env: str) -> None:
    assert refused({"HEADRACE_ENV": env}) == []
    for process in get_args(Process):
        assert refused(UNSAFE | {"HEADRACE_ENV": env}, process) == []
    assert refusals(Settings.read({})) == []


def test_a_process_is_asked_for_what_it_uses_and_for_nothing_else() -> None:
    of_nats = ["HEADRACE_NATS_USER", "HEADRACE_NATS_SYNC", "HEADRACE_STREAM_REPLICAS"]
    everything = SAFE | UNSAFE
    assert refused(everything, "worker") == [*of_nats, "HEADRACE_LOG_LEVEL"]
    assert refused(everything, "projector") == [*of_nats, "HEADRACE_DATABASE_URL", "HEADRACE_LOG_LEVEL"]
    assert refused(everything, "migrate") == ["HEADRACE_DATABASE_URL", "HEADRACE_LOG_LEVEL"]
    assert sorted(refused(everything, "api")) == sorted(UNSAFE)


def test_production_has_no_embedded_servers() -> None:
    (refusal,) = refusals(Settings.read(SAFE), "up")
    assert refusal.variable == "HEADRACE_ENV"
    assert "`headrace up` runs NATS and Postgres on this machine alone" in refusal.reason


@pytest.mark.parametrize(
    "environ",
    [
        {"HEADRACE_NATS_TOKEN": "a token"},
        {"HEADRACE_NATS_CREDENTIALS": __file__},
        {"HEADRACE_NATS_URL": "nats://api:a-password@nats-0,nats://api:a-password@nats-1"},
    ],
)
def test_every_way_to_tell_nats_who_we_are_is_taken(environ: dict[str, str]) -> None:
    nobody = SAFE | {"HEADRACE_NATS_USER": "", "HEADRACE_NATS_PASSWORD": ""}
    assert refused(nobody) == ["HEADRACE_NATS_USER"]
    assert refused(nobody | environ) == []


def test_a_user_of_nats_needs_a_password_that_cannot_be_guessed() -> None:
    assert refused(SAFE | {"HEADRACE_NATS_PASSWORD": "secret"}) == ["HEADRACE_NATS_PASSWORD"]
    one_of_two = {"HEADRACE_NATS_URL": "nats://api:p@a,nats://b", "HEADRACE_NATS_USER": ""}
    assert refused(SAFE | one_of_two) == ["HEADRACE_NATS_USER"]


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("postgresql://u:p@db/x", ["db"]),
        ("postgresql://u:p@db/x?sslmode=prefer", ["db"]),
        ("postgresql://u:p@db/x?sslmode=require", []),
        ("postgresql://u:p@db/x?sslmode=verify-full", []),
        ("postgresql://u:p%40@127.0.0.1:5432,db:5433/x", ["db"]),
        ("postgresql://u@[::1]:5432/x", []),
        ("postgresql://u@[2001:db8::1]/x", ["2001:db8::1"]),
        ("postgresql://u@localhost/x", []),
        ("postgresql://u@10.0.0.7/x", ["10.0.0.7"]),
        ("postgresql://u@/x?host=/var/run/postgresql", []),
        ("postgresql://u@/x?host=db,127.0.0.1", ["db"]),
        ("postgresql://u@%2Fvar%2Frun/x", []),
    ],
)
def test_a_database_in_plain_text_may_only_be_on_this_machine(url: str, exposed: list[str]) -> None:
    assert plain_text_hosts(url) == exposed


def test_no_secret_of_the_settings_is_shown_whatever_an_error_repeats() -> None:
    settings = Settings.read(
        SAFE
        | {
            "HEADRACE_API_SECRETS": f"{SECRET},{SECRET[::-1]}",
            "HEADRACE_NATS_TOKEN": "a-token",
            "HEADRACE_NATS_URL": "nats://in-the-url@nats-0,nats://me:pass%20word@nats-1",
        }
    )
    shown = hide_secrets(
        f"{SECRET[::-1]} {SECRET} a-token hunter2 hunter2hunter2hunter2 in-the-url me pass%20word pass word", settings
    )
    assert shown == "(hidden) (hidden) (hidden) (hidden) (hidden) (hidden) me (hidden) (hidden)"
