"""The commands of `docs/upgrading.md` work as they are written: those of Headrace beside a cluster, those of Helm rendered."""

from __future__ import annotations

import argparse
import os
import re
import shlex

import helm_python
import pytest

from headrace.log.permissions import OPERATOR, PROVISIONER
from headrace.log.streams import SERVER_VERSION_MIN
from tests.chart.rendering import CHART, render, values_of
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.upgrade.versions import CHECKOUT, ROOT

PAGE = (ROOT / "docs/upgrading.md").read_text()
AS = {"provision": PROVISIONER, "migrate": PROVISIONER}
SHOWN = {"provision": "the streams are as the settings say", "migrate": "the database is up to date", "check": "OK "}


def commands(program: str) -> list[list[str]]:
    """The lines of the page's blocks that call a program, as words."""
    return [shlex.split(line) for line in re.findall(rf"^ {{4,}}({program} .*)$", PAGE, re.MULTILINE)]


def environ_of(cluster: Cluster, command: str) -> dict[str, str]:
    return cluster.environ | {
        "HEADRACE_NATS_USER": AS.get(command, OPERATOR),
        "HEADRACE_URL": cluster.url,
        "HEADRACE_API_KEY": cluster.http.headers["Authorization"].removeprefix("Bearer "),
    }


@pytest.mark.slow
async def test_every_command_of_headrace_works_while_everything_runs(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    lines = commands("headrace")
    assert [line[1] for line in lines] == ["provision", "migrate", "check", "doctor"]
    for line in lines:
        said = await CHECKOUT.run(*line[1:], environ=environ_of(cluster, line[1]))
        assert SHOWN.get(line[1], "") in said, (line, said)


def test_every_command_of_helm_is_about_this_chart_and_has_the_options_of_helm() -> None:
    upgrade = argparse.ArgumentParser(exit_on_error=False)
    for option in ("--namespace", "--timeout", "--dry-run"):
        upgrade.add_argument(option)
    for flag in ("--wait", "--reset-then-reuse-values"):
        upgrade.add_argument(flag, action="store_true")
    upgrade.add_argument("action", choices=["upgrade", "rollback"])
    upgrade.add_argument("release")
    upgrade.add_argument("what")
    lines = [upgrade.parse_args(line[1:]) for line in commands("helm")]
    assert [line.action for line in lines] == ["upgrade", "upgrade", "rollback"]
    for line in lines:
        helm_python.validate_release_name(line.release)
        if line.action == "upgrade":
            assert (ROOT / line.what).resolve() == CHART
        objects = render(values_of("minimal"), release=line.release, namespace=line.namespace, is_upgrade=True)
        assert {each["metadata"]["namespace"] for each in objects} == {line.namespace}


@pytest.mark.parametrize(("mode", "is_hook"), [("hook", True), ("job", False)])
def test_migrations_come_before_the_pods_of_an_upgrade_as_the_page_says(mode: str, is_hook: bool) -> None:
    assert f"`{'migrations.mode: ' if is_hook else ''}{mode}`" in PAGE
    values = values_of("minimal") | {"migrations": {"mode": mode}}
    (job,) = [each for each in render(values, is_upgrade=True) if each["kind"] == "Job"]
    hooks = job["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    assert ("pre-upgrade" in hooks) is is_hook
    assert "rollback" not in hooks


def test_a_key_that_is_no_value_is_refused_and_one_that_others_have_with_what_to_say_instead() -> None:
    with pytest.raises(helm_python.HelmValuesError, match="replicaCounts"):
        render(values_of("minimal") | {"replicaCounts": 3}, is_upgrade=True)
    with pytest.raises(helm_python.HelmRenderError, match=r"replicaCount: each process has its own: api\.replicas"):
        render(values_of("minimal") | {"replicaCount": 3}, is_upgrade=True)


def test_every_file_and_place_it_links_to_exists() -> None:
    for name, _, place in (link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", PAGE)):
        page = ROOT / "docs" / (name or "upgrading.md")
        assert page.exists(), name
        headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
        assert not place or place in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, (
            place
        )


def test_the_version_of_nats_is_the_one_that_processes_ask_for() -> None:
    needed = ".".join(map(str, SERVER_VERSION_MIN))
    (newest,) = re.findall(r"^\| \d+\.\d+\.\d+ \| \d{4} to \d{4} \| (\S+) or newer \|", PAGE, re.MULTILINE)[:1]
    assert newest == needed


def test_it_names_no_variable_that_there_is_not() -> None:
    from headrace.settings import Settings
    from headrace.settings.reading import variables

    named = set(re.findall(r"`(HEADRACE_[A-Z_]+)`", PAGE))
    assert named <= set(variables(Settings)), os.linesep.join(sorted(named - set(variables(Settings))))
