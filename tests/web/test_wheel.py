"""The package that `uv build` makes."""

from __future__ import annotations

import asyncio
import email
import os
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

from headrace import web_place

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.slow
@pytest.mark.usefixtures("built_app")
async def test_a_wheel_has_the_built_app_and_not_what_only_a_checkout_needs(tmp_path: Path) -> None:
    said = await _build(ROOT, tmp_path)
    assert "web app" not in said
    names = _names(tmp_path)
    page = _wheel(tmp_path).read("headrace/web/index.html").decode()
    assert page == _page()
    loaded = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    assert loaded
    assert {f"headrace/web{path}" for path in loaded} <= names
    assert not [name for name in names if "previous" in name or "/." in name or name.startswith(("frontend", "tests"))]
    assert "headrace/migrations/env.py" in names
    assert {name.partition("/")[0] for name in names} == {"headrace", f"headrace-{VERSION}.dist-info"}


@pytest.mark.slow
async def test_a_wheel_has_the_sample_kinds_below_its_own_name_and_their_libraries_as_an_extra(tmp_path: Path) -> None:
    await _build(ROOT, tmp_path, "--wheel")
    sources = [file for file in (ROOT / "consumers").rglob("*") if file.is_file() and file.parent.name != "__pycache__"]
    assert len(sources) > 30
    samples = {name for name in _names(tmp_path) if name.startswith("headrace/samples/")}
    assert samples == {f"headrace/samples/{file.relative_to(ROOT / 'consumers')}" for file in sources}
    metadata = email.message_from_bytes(_wheel(tmp_path).read(f"headrace-{VERSION}.dist-info/METADATA"))
    needed = metadata.get_all("Requires-Dist", [])
    of_samples = {re.split(r"[<>=;]", each)[0] for each in needed if "extra == 'samples'" in each}
    always = {re.split(r"[<>=;]", each)[0] for each in needed if "extra ==" not in each}
    assert {"polars", "typst", "pyspellchecker", "pillow"} <= of_samples
    assert not of_samples & always


@pytest.mark.slow
async def test_without_a_built_app_the_wheel_is_built_and_the_build_says_so(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "src", "consumers", "migrations"):
        (checkout / name).symlink_to(ROOT / name)
    said = await _build(checkout, tmp_path, "--wheel")
    assert "the web app is not in this package: it is not built" in said
    assert not [name for name in _names(tmp_path) if name.startswith("headrace/web/")]


async def _build(checkout: Path, to: Path, *options: str) -> str:
    """Build a package, from the source distribution as `uv build` does by default; what it says."""
    process = await asyncio.create_subprocess_exec(
        *("uv", "build", "--out-dir", str(to), *options, str(checkout)),
        env=os.environ | {"NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def _names(place: Path) -> set[str]:
    return set(_wheel(place).namelist())


def _wheel(place: Path) -> zipfile.ZipFile:
    (wheel,) = place.glob("*.whl")
    return zipfile.ZipFile(wheel)


def _page() -> str:
    return (web_place.built() / web_place.INDEX).read_text()
