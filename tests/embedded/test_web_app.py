"""Building the web app of a checkout, with a Node that writes down what it is told and builds an app of two files."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from headrace import web_place
from headrace.embedded.node import is_installed, is_new_enough
from headrace.embedded.web_app import bring_up_to_date
from headrace.web_sources import hash_of_sources

NODE = "#!/bin/sh\necho ${FAKE_NODE:-v20.19.0}\n"
NPM = f"""#!{sys.executable} -S
import json, os, pathlib, shutil, sys
frontend = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1])
words = [each for each in sys.argv[1:] if each != str(frontend)]
with open(frontend.parent / "called", "a") as called:
    called.write(" ".join(words) + "\\n")
if words[0] == "ci":
    (frontend / "node_modules").mkdir(exist_ok=True)
    shutil.copy(frontend / "package-lock.json", frontend / "node_modules/.package-lock.json")
else:
    for line in filter(None, os.environ.get("FAKE_BUILD", "").splitlines()):
        print(line, file=sys.stderr)
    if os.environ.get("FAKE_BUILD"):
        sys.exit(1)
    assert "HEADRACE_API_SECRETS" not in os.environ
    source = (frontend / "src/main.ts").read_text()
    new = frontend / "dist.building"
    shutil.rmtree(new, ignore_errors=True)
    (new / "assets").mkdir(parents=True)
    (new / "index.html").write_text(source)
    (new / ("assets/" + source + ".js")).write_text(source)
"""
LOCK = {
    "packages": {
        "": {},
        "node_modules/vite": {"version": "8.3.8"},
        "node_modules/x": {"version": "1", "optional": True},
    }
}


class Checkout:
    """A checkout whose app has one source file."""

    def __init__(self, place: Path) -> None:
        self.frontend = place / "frontend"
        self.said: list[str] = []
        (self.frontend / "src").mkdir(parents=True)
        self.edit("src/main.ts", "one")
        self.edit("package-lock.json", json.dumps(LOCK))

    def edit(self, name: str, text: str) -> None:
        (self.frontend / name).write_text(text)

    async def build(self) -> bool:
        return await bring_up_to_date(self.frontend, self.said.append)

    def called(self) -> list[str]:
        file = self.frontend.parent / "called"
        return [line.split(" ")[0 if line.startswith("ci") else 2] for line in file.read_text().splitlines()]

    def assets(self, below: str = "assets") -> list[str]:
        return sorted(each.name for each in (self.frontend / "dist" / below).iterdir())


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"node": NODE, "npm": NPM}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("HEADRACE_API_SECRETS", "none of its business")
    return Checkout(tmp_path)


async def test_the_first_time_it_installs_and_builds_with_a_line_each_and_then_has_nothing_to_do(
    checkout: Checkout,
) -> None:
    assert await checkout.build()
    assert checkout.called() == ["ci", "build"]
    assert checkout.said[:2] == [
        "installing what the web app is built with: npm ci",
        "building the web app: vite build",
    ]
    assert checkout.said[2].startswith("the web app is built, in ")
    assert await checkout.build()
    assert (len(checkout.said), checkout.called()) == (3, ["ci", "build"])


async def test_what_is_the_same_again_is_not_built_again_whatever_the_times_of_its_files_say(
    checkout: Checkout,
) -> None:
    await checkout.build()
    checkout.edit("src/main.ts", "one")
    checkout.edit("src/main.test.ts", "a test")
    assert await checkout.build()
    assert checkout.called() == ["ci", "build"]


async def test_changed_sources_are_built_and_a_changed_lock_file_is_installed_first(checkout: Checkout) -> None:
    await checkout.build()
    checkout.edit("src/main.ts", "two")
    assert await checkout.build()
    assert checkout.called() == ["ci", "build", "build"]
    lock = {"packages": {**LOCK["packages"], "node_modules/vite": {"version": "8.4.0"}}}
    checkout.edit("package-lock.json", json.dumps(lock))
    assert await checkout.build()
    assert checkout.called() == ["ci", "build", "build", "ci", "build"]


async def test_the_assets_of_the_build_before_stay_and_those_before_that_do_not(checkout: Checkout) -> None:
    for text in ("one", "two", "three"):
        checkout.edit("src/main.ts", text)
        await checkout.build()
    assert checkout.assets() == ["three.js"]
    assert checkout.assets("previous/assets") == ["two.js"]
    assert not (checkout.frontend / "dist.old").exists()


@pytest.mark.parametrize("node", ["v18.20.4", "v21.7.0", "v22.11.0", "20", ""])
async def test_without_a_node_that_can_do_it_one_line_says_what_to_install(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    monkeypatch.setenv("FAKE_NODE", node or "nothing known")
    assert not await checkout.build()
    (line,) = checkout.said
    assert line.startswith("the web app is not built: Node is ")
    assert "install 20.19 or newer" in line
    assert not (checkout.frontend / "dist").exists()


async def test_without_any_node_one_line_says_what_to_install_and_the_old_app_stays(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    await checkout.build()
    checkout.edit("src/main.ts", "two")
    checkout.said.clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not await checkout.build()
    (line,) = checkout.said
    assert line.startswith(
        "the web app is older than its sources: there is no `node` with `npm` on PATH; install Node 20.19"
    )
    assert checkout.assets() == ["one.js"]


async def test_a_build_that_fails_shows_its_last_lines_and_the_old_app_stays(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    await checkout.build()
    checkout.edit("src/main.ts", "two")
    checkout.said.clear()
    monkeypatch.setenv("FAKE_BUILD", "\n".join(f"line {number}" for number in range(30)))
    assert not await checkout.build()
    assert checkout.said[1] == "the web app could not be built: npm run build failed (exit code 1):"
    assert checkout.said[2:] == [f"line {number}" for number in range(18, 30)]
    assert checkout.assets() == ["one.js"]


async def test_of_a_long_complaint_the_lines_from_the_first_error_on_are_shown_without_the_stack(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["transforming", "error during build:", "src/main.ts: no such file", *(["    at build (node.js:1:1)"] * 40)]
    monkeypatch.setenv("FAKE_BUILD", "\n".join(said))
    assert not await checkout.build()
    assert checkout.said[3:] == ["error during build:", "src/main.ts: no such file"]


async def test_of_several_that_want_to_build_one_does_and_the_others_wait_for_it(checkout: Checkout) -> None:
    assert not web_place.is_being_built(checkout.frontend / "dist")
    first, second = asyncio.create_task(checkout.build()), asyncio.create_task(checkout.build())
    while not checkout.said:
        await asyncio.sleep(0.01)
    assert web_place.is_being_built(checkout.frontend / "dist")
    assert await first
    assert await second
    assert checkout.called() == ["ci", "build"]
    assert not web_place.is_being_built(checkout.frontend / "dist")


def test_every_source_counts_by_its_name_and_its_content(checkout: Checkout) -> None:
    hashes = [hash_of_sources(checkout.frontend)]
    for name, text in {
        "src/a.vue": "a",
        "src/b.vue": "a",
        "vite.config.ts": "",
        ".npmrc": "x",
        "package.json": "{}",
    }.items():
        checkout.edit(name, text)
        hashes.append(hash_of_sources(checkout.frontend))
    assert len(set(hashes)) == 6
    (checkout.frontend / "dist").mkdir()
    checkout.edit("dist/index.html", "")
    assert hash_of_sources(checkout.frontend) == hashes[-1]


def test_what_is_installed_is_compared_with_the_lock_file_package_by_package(checkout: Checkout) -> None:
    installed = checkout.frontend / "node_modules"
    assert not is_installed(checkout.frontend)
    installed.mkdir()
    for packages, fits in [
        ({"node_modules/vite": {"version": "8.3.8"}}, True),
        ({"node_modules/vite": {"version": "8.3.7"}}, False),
        ({}, False),
        ({"node_modules/vite": {"version": "8.3.8"}, "node_modules/more": {"version": "1"}}, False),
    ]:
        checkout.edit("node_modules/.package-lock.json", json.dumps({"packages": packages}))
        assert is_installed(checkout.frontend) is fits


def test_vite_says_which_versions_of_node_it_runs_on() -> None:
    assert [each for each in ("v20.19.0", "v20.20.2", "v22.12.0", "v24.0.0") if not is_new_enough(each)] == []
    assert [each for each in ("v20.18.9", "v21.0.0", "v22.11.1", "19", "") if is_new_enough(each)] == []
