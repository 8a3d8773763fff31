"""The Dockerfile, and what is sent to its build, as they are written."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from headrace.web_sources import is_current
from tests.image.context import files_sent
from tests.image.stages import DOCKERFILE, ROOT, Stage, arguments, read_stages

FINAL = "headrace"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Where pyproject.toml says which dependencies are for `headrace up` alone.
ONE_MACHINE = "one machine"
ALSO_OF_WORKERS = {"psutil"}
UNUSED = {"polyfactory"}

_NAMED_WITHOUT_VERSION = re.compile(r":latest$|^[^:@]+$")
_SECRET = re.compile(r"(?i)(secret|password|token|credential|api_?key)")


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return read_stages()


def of_pyproject(section: str) -> set[str]:
    """Names of the dependencies below a comment of pyproject.toml, until the next one."""
    text = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("\n]")[0]
    below = re.search(rf"# {section}.*\n((?:    \".*\n?)+)", text)
    assert below is not None, section
    return set(re.findall(r'^    "([\w-]+)', below[1], re.MULTILINE))


def test_hadolint_and_its_shellcheck_find_nothing(tmp_path: Path) -> None:
    subprocess.run(["hadolint", "--failure-threshold", "style", str(DOCKERFILE)], check=True, cwd=tmp_path)
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python\nRUN cd /tmp\n")
    assert subprocess.run(["hadolint", str(wrong)], check=False, stdout=subprocess.DEVNULL).returncode == 1


def test_every_image_that_is_built_from_has_a_version(stages: dict[str, Stage]) -> None:
    bases = {stage.base for stage in stages.values() if stage.base and stage.base not in stages}
    assert len(bases) == 3
    assert not [base for base in bases if _NAMED_WITHOUT_VERSION.search(base)]


def test_the_image_has_the_python_whose_types_are_checked_and_which_the_tests_run_with(
    stages: dict[str, Stage],
) -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert stages["runtime"].base.startswith(f"python:{oldest}-slim-")
    assert stages["engine-packages"].base == stages["runtime"].base


def test_every_process_is_an_argument_and_runs_as_a_user_by_number(stages: dict[str, Stage]) -> None:
    runtime = stages["runtime"]
    assert list(stages)[-1] == FINAL
    assert stages[FINAL].base == stages["engine"].base == "runtime"
    assert [each.values for each in runtime.of("ENTRYPOINT")] == [("headrace",)]
    assert [each.values for each in runtime.of("USER")] == [("10001",)]
    assert [each.values for each in runtime.of("WORKDIR")] == [("/app",)]
    assert [each.values for each in runtime.of("STOPSIGNAL")] == [("SIGTERM",)]
    assert [each.values for each in runtime.of("EXPOSE")] == [("8080", "9090")]


def test_the_last_stages_run_nothing_and_take_one_directory_from_others(stages: dict[str, Stage]) -> None:
    assert not [each for name in ("runtime", "engine", FINAL) for each in stages[name].of("RUN")]
    copied = {name: [(each.options, each.values) for each in stages[name].of("COPY")] for name in ("engine", FINAL)}
    assert copied == {
        "engine": [({"from": "engine-packages"}, ("/app", "/app"))],
        FINAL: [({"from": "packages"}, ("/app", "/app"))],
    }


def test_labels_say_what_this_is_and_from_which_source_it_was_built(stages: dict[str, Stage]) -> None:
    (labels,) = stages["runtime"].of("LABEL")
    found = dict(zip(labels.values[::2], (value.strip('"') for value in labels.values[1::2]), strict=True))
    found = {name.removeprefix("org.opencontainers.image."): value for name, value in found.items()}
    assert (found["version"], found["revision"]) == ("${VERSION}", "${REVISION}")
    assert found["created"] == "${CREATED}"
    assert found["licenses"] == PROJECT["license"]
    assert found["description"] == PROJECT["description"]
    assert arguments(stages["runtime"].instructions)["VERSION"] == PROJECT["version"]


def test_what_is_left_out_are_the_servers_of_one_machine_and_of_the_engine_the_extra_of_the_sample_kinds(
    stages: dict[str, Stage],
) -> None:
    given = arguments(stages[""].instructions)
    assert set(given["UNUSED"].split()) == of_pyproject(ONE_MACHINE) - ALSO_OF_WORKERS | UNUSED
    assert set(given["ENGINE_EXTRAS"].split()) == set(PROJECT["optional-dependencies"]) - {"samples"}
    exported = {
        name: [line for each in stages[name].of("RUN") for line in each.values[0].split("&&") if "uv export" in line]
        for name in ("engine-packages", "packages")
    }
    assert [len(lines) for lines in exported.values()] == [2, 2]
    assert not [line for line in exported["engine-packages"] if "--all-extras" in line or "samples" in line]
    assert all("--all-extras" in line for line in exported["packages"])


def test_the_whole_image_runs_the_sample_kinds_and_the_engine_those_that_its_user_names(
    stages: dict[str, Stage],
) -> None:
    named = {name: [each.values for each in stages[name].of("ENV")] for name in ("engine", FINAL)}
    assert named == {"engine": [], FINAL: [("HEADRACE_CONSUMERS", "headrace.samples")]}


def test_no_argument_and_no_variable_of_the_build_is_a_secret(stages: dict[str, Stage]) -> None:
    instructions = [each for stage in stages.values() for each in stage.instructions if each.name in ("ARG", "ENV")]
    assert instructions
    assert not [each for each in instructions if _SECRET.search(" ".join(each.values))]


def test_nothing_is_sent_to_the_build_but_sources(tmp_path: Path) -> None:
    sent = {"pyproject.toml", "uv.lock", "src/headrace/cli/__init__.py", "frontend/package-lock.json", "README.md"}
    kept = {
        *(".git/config", ".env", "src/.env", ".venv/bin/python", "tests/test_x.py", "docs/a.md", "compose.yaml", "new"),
        *("frontend/node_modules/vue/index.js", "frontend/dist/index.html", "frontend/dist.lock", "src/.env.local"),
        *("src/headrace/__pycache__/a.pyc", "frontend/src/a.test.ts", "consumers/x/__pycache__/b.pyc", "src/a.log"),
    }
    for path in sent | kept:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert files_sent(tmp_path) == sent


def test_all_that_the_build_copies_is_sent(stages: dict[str, Stage]) -> None:
    sent = files_sent(ROOT)
    sources = {
        source
        for stage in stages.values()
        for each in stage.of("COPY")
        if "from" not in each.options
        for source in each.values[:-1]
    }
    assert sources >= {"src", "uv.lock"}
    assert not [each for each in sources if not any(path == each or path.startswith(f"{each}/") for path in sent)]


def test_an_app_that_was_built_elsewhere_is_marked_as_that_of_its_sources(tmp_path: Path) -> None:
    sources, built = tmp_path / "frontend", tmp_path / "frontend/dist"
    built.mkdir(parents=True)
    (sources / "index.html").write_text("one")
    assert not is_current(sources, built)
    module = ROOT / "src/headrace/web_sources.py"
    subprocess.run([sys.executable, str(module), str(sources), str(built)], check=True)
    assert is_current(sources, built)
    (sources / "index.html").write_text("two")
    assert not is_current(sources, built)
