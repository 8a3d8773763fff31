"""compose.yaml as it is written; `test_image` runs what it says."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from headrace.log.permissions import USERS
from headrace.settings import Settings, unknown_variables
from headrace.settings.production import refusals
from tests.image.compose import COMPOSE, VariableMissing, make_variables, read_compose
from tests.image.stages import ROOT

OURS = {"api", "worker", "projector", "provision", "migrate"}
ONE_SHOT = {"provision", "migrate"}
SCHEMA = json.loads((Path(__file__).parent / "compose-spec/compose-spec.json").read_text())
_OF_SECRETS = re.compile(r"(SECRETS?|SECRET_KEY|SECRET_ACCESS_KEY|PASSWORD|TOKEN)$")


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return make_variables(tmp_path)


@pytest.fixture
def compose(variables: dict[str, str]) -> dict[str, Any]:
    return read_compose(variables)


def test_the_compose_specification_knows_every_word_of_it(compose: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(SCHEMA)
    assert [error.message for error in validator.iter_errors(compose)] == []
    compose["services"]["api"]["read-only"] = True
    assert list(validator.iter_errors(compose))


def test_every_variable_of_ours_is_a_setting_and_settings_take_what_it_has(compose: dict[str, Any]) -> None:
    for name in OURS:
        environment = compose["services"][name]["environment"]
        assert unknown_variables(environment) == [], name
        settings = Settings.read(environment)
        assert refusals(settings) == []
        assert any(variable.startswith("HEADRACE_") for variable in environment)
    assert unknown_variables({"HEADRACE_NATS_URI": "x"})


def test_no_secret_is_in_the_file_and_each_that_is_missing_is_asked_for_with_what_to_do(
    variables: dict[str, str],
) -> None:
    written = yaml.safe_load(COMPOSE.read_text())
    secrets = {
        f"{service}.{name}": value
        for service, given in written["services"].items()
        for name, value in given.get("environment", {}).items()
        if _OF_SECRETS.search(name)
    }
    assert len(secrets) >= 12
    assert not [name for name, value in secrets.items() if not re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)]
    for name in variables:
        with pytest.raises(VariableMissing, match=rf"{name}: docs/compose.md begins with how to make .env"):
            read_compose({other: value for other, value in variables.items() if other != name})


def test_the_passwords_are_made_for_their_owner_alone_and_each_is_another(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert len(set(variables.values())) == len(variables)
    # NATS would take digits as a number.
    assert not [value for value in variables.values() if not re.fullmatch(r"k[0-9a-f]{48}", value)]
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert ".env" in ignored


def test_every_process_is_a_user_of_nats_and_has_no_rights_beyond_its_own(compose: dict[str, Any]) -> None:
    users = {name: compose["services"][name]["environment"].get("HEADRACE_NATS_USER") for name in OURS - {"migrate"}}
    assert users == {"api": "api", "worker": "worker", "projector": "projector", "provision": "provisioner"}
    assert set(users.values()) <= set(USERS)
    assert not [name for name in compose["services"]["worker"]["environment"] if name.startswith("HEADRACE_DATABASE")]


def test_every_container_of_ours_may_write_nothing_but_its_temporary_files(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"], name
        assert service["tmpfs"] == "/tmp"
        assert service["cap_drop"] == ["ALL"]
        assert "volumes" not in service
        assert "user" not in service


def test_nothing_begins_before_what_it_needs_is_well(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert how == {"condition": wanted}, (name, needed)
            assert needed in ONE_SHOT or "healthcheck" in compose["services"][needed]
    needs = {name: set(compose["services"][name].get("depends_on", {})) for name in OURS}
    assert all(needs[name] == ONE_SHOT | {"objects"} for name in OURS - ONE_SHOT)
    assert needs["provision"] == {"nats"}
    assert needs["migrate"] == {"postgres"}


def test_images_of_others_have_a_version_and_ports_are_open_for_this_machine_alone(compose: dict[str, Any]) -> None:
    others = {name: service for name, service in compose["services"].items() if name not in OURS}
    assert not [name for name, service in others.items() if not re.search(r":(v?\d+\.\d+|pg\d+)", service["image"])]
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:7070:7070", "127.0.0.1:8080:8080"]


def test_a_process_is_stopped_no_sooner_than_it_may_take(compose: dict[str, Any]) -> None:
    for name in ("api", "worker"):
        service = compose["services"][name]
        settings = Settings.read(service["environment"])
        takes = settings.api.drain + settings.api.grace if name == "api" else settings.worker.grace
        assert float(service["stop_grace_period"].removesuffix("s")) >= takes + 5, name


def test_the_server_of_nats_gets_every_password_that_its_accounts_name(compose: dict[str, Any]) -> None:
    nats = compose["services"]["nats"]
    accounts = (ROOT / compose["configs"]["nats-accounts"]["file"]).read_text()
    named = set(re.findall(r"^[^#\n]*\$(NATS_\w+)", accounts, re.MULTILINE))
    assert named == set(nats["environment"])
    assert "max_memory_store" in compose["configs"]["nats"]["content"]
    assert Path(nats["configs"][1]["target"]).name in compose["configs"]["nats"]["content"]
