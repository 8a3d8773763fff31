"""What `docs/kubernetes.md` tells to do works: its commands, its values, and its objects."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from headrace.log.permissions import SYSTEM, USERS
from headrace.settings import Settings
from headrace.settings.production import refusals
from headrace.settings.reading import variables
from tests.chart.installation import Installation
from tests.chart.kubernetes_schemas import NEWEST, OLDEST, refused
from tests.chart.nats_chart import merged
from tests.chart.rendering import CHART, NAMESPACE, ROOT, render
from tests.cli.conftest import Shell

PAGE = ROOT / "docs/kubernetes.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^ {4}(\S.*)$", TEXT, re.MULTILINE)
OF_VALUES = [block for block in BLOCKS if block.startswith("# values.yaml")]
# Of operators whose definitions are not here; the values in them are rendered.
FOREIGN = {"Application", "OCIRepository", "HelmRelease"}


def least() -> dict[str, Any]:
    """The values that the page begins with."""
    return yaml.safe_load(OF_VALUES[0])


def objects() -> list[dict[str, Any]]:
    """The objects of the page."""
    return [each for block in BLOCKS if block not in OF_VALUES for each in yaml.safe_load_all(block)]


def without_complaint(values: dict[str, Any]) -> None:
    """Render values, and have Helm find nothing to complain of."""
    report = helm_python.lint(CHART, values, strict=True, namespace=NAMESPACE)
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    assert render(values)


@pytest.mark.parametrize("block", OF_VALUES, ids=[str(number) for number in range(len(OF_VALUES))])
def test_every_piece_of_values_makes_a_release(block: str) -> None:
    without_complaint(merged(least(), yaml.safe_load(block)))


def test_all_pieces_together_make_a_release() -> None:
    values: dict[str, Any] = {}
    for block in OF_VALUES:
        values = merged(values, yaml.safe_load(block))
    without_complaint(values)


def test_there_are_pieces_of_both_kinds() -> None:
    assert len(OF_VALUES) >= 8
    assert {each["kind"] for each in objects()} == {"NetworkPolicy", *FOREIGN}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_object_of_its_own(version: str) -> None:
    assert [refused(each, version) for each in objects() if each["kind"] not in FOREIGN] == [[]]


def test_values_inside_of_an_application_or_a_release_make_a_release() -> None:
    inside = [each["spec"]["source"]["helm"]["valuesObject"] for each in objects() if each["kind"] == "Application"]
    inside += [each["spec"]["values"] for each in objects() if each["kind"] == "HelmRelease"]
    assert len(inside) == 2
    for values in inside:
        without_complaint(values)


def test_the_secrets_that_it_makes_have_the_keys_that_are_read(tmp_path: Path) -> None:
    made = secrets_made(tmp_path)
    assert made["headrace-nats"].keys() == {*USERS, SYSTEM}
    assert made["headrace-api"].keys() == {"secrets", least()["api"]["followSecretsKey"]}
    assert all(re.fullmatch(r"k[0-9a-f]{48}", password) for password in made["headrace-nats"].values())
    assert len(set(made["headrace-nats"].values())) == len(made["headrace-nats"])


def test_the_secrets_that_it_makes_are_good_enough_for_production(tmp_path: Path) -> None:
    made = secrets_made(tmp_path)
    settings = Settings.read(
        {
            "HEADRACE_ENV": "production",
            "HEADRACE_API_SECRETS": made["headrace-api"]["secrets"],
            "HEADRACE_API_FOLLOW_SECRETS": made["headrace-api"]["follow-secrets"],
            "HEADRACE_NATS_USER": "api",
            "HEADRACE_NATS_PASSWORD": made["headrace-nats"]["api"],
        }
    )
    refused = {each.variable for each in refusals(settings, "api")}
    assert not refused & {"HEADRACE_API_SECRETS", "HEADRACE_API_FOLLOW_SECRETS", "HEADRACE_NATS_PASSWORD"}


def secrets_made(place: Path) -> dict[str, dict[str, str]]:
    """Run the commands that make Secrets with a `kubectl` that notes its arguments, and return what they make."""
    kubectl = place / "kubectl"
    kubectl.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$(mktemp "$NOTES/XXXXXX")"\n')
    kubectl.chmod(0o755)
    environ = os.environ | {"PATH": f"{place}:{os.environ['PATH']}", "NOTES": str(place)}
    lines = [each for each in COMMANDS if each.startswith("kubectl create secret generic")]
    for each in lines:
        subprocess.run(["bash", "-euc", each], env=environ, check=True)
    made: dict[str, dict[str, str]] = {}
    for note in place.iterdir():
        words = note.read_text().splitlines()
        if words[:3] == ["create", "secret", "generic"]:
            literals = [each.removeprefix("--from-literal=") for each in words[4:]]
            made[words[3]] = dict(each.split("=", 1) for each in literals)
    assert len(made) == len(lines)
    return made


def inside() -> list[list[str]]:
    """The commands of headrace that the page has somebody run in a pod, each with the pod's name before it."""
    found = (re.match(r"kubectl exec (?:-it )?(\S+) -- headrace (.*)", each) for each in COMMANDS)
    return [[each[1], *shlex.split(each[2])] for each in found if each]


@pytest.mark.slow
async def test_every_command_for_a_pod_works_there(installation: Installation) -> None:
    asked = {"HEADRACE_ADMIN_EMAIL": "bob@example.com", "HEADRACE_ADMIN_PASSWORD": "a sentence is good"}
    assert len(inside()) >= 4
    for pod, *words in inside():
        user = pod.removeprefix("deploy/headrace-").partition("-")[0]
        port = installation.members[user].address
        arguments = [each.replace("http://127.0.0.1:9090", port) for each in words]
        done = await Shell(installation.environ_of(user) | asked).call(*arguments)
        assert done.code == 0, (pod, words, done)


async def test_the_secret_that_it_speaks_of_is_printed() -> None:
    assert "`headrace secret`" in TEXT
    assert (await Shell({}).call("secret")).code == 0


def test_every_file_it_names_exists() -> None:
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", TEXT) if not link.startswith("http")}
    assert [link for link in links if link and not (PAGE.parent / link).exists()] == []
    named = {path for line in COMMANDS for path in re.findall(r"charts/\S+\.(?:yaml|conf)", line)}
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_it_names_no_variable_that_there_is_not() -> None:
    named = set(re.findall(r"\b(HEADRACE_[A-Z_]+)", TEXT))
    assert named <= set(variables(Settings))
