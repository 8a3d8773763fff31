"""The programs of the guide for browsers and for Next, and those of docs/typescript.md: compiled, run in Node, shown in Chromium."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from headrace.cli import cli
from headrace.client import Client
from tests.browser.page import chromium
from tests.cli.conftest import Up
from tests.cli.kinds import Text, narrate
from tests.documents import pages
from tests.typescript import build_client, compiled, installed_sources

PAGES = [*pages.listed("The guide"), "typescript.md"]
PROGRAMS = [program for page in PAGES for language in ("ts", "tsx") for program in pages.programs(page, language)]
PATIENCE_SECONDS = 30.0
# What these programs use of React, which nothing here needs.
REACT = """
declare module "react" {
  export function useEffect(effect: () => (() => void) | void, of: readonly unknown[]): void;
  export function useState<T>(first: T): [T, (next: T) => void];
}
declare namespace JSX {
  interface IntrinsicElements { output: { children?: string } }
}
"""
# What Next, and then a browser, does with the route.
VISIT = """
import { followLink } from "@headrace/client";
import { POST } from "./app/texts/route.js";

const visit = (body) => POST(new Request("http://shop/texts", { method: "POST", body: JSON.stringify(body) }));
const answer = await visit({ order: process.argv[2], text: "one two three" });
const { task, follow } = await answer.json();
const seen = [];
for await (const event of followLink(follow)) seen.push(event);
const wrong = await visit({ order: "wrong", text: 1 });
console.log(JSON.stringify({ status: answer.status, task, last: seen.at(-1), wrong: wrong.status }));
"""


@pytest.fixture(scope="module")
async def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the programs, the types of the kinds, and the client as it is published."""
    sources = await installed_sources()
    place = tmp_path_factory.mktemp("project")
    package = place / "node_modules/@headrace/client"
    package.mkdir(parents=True)
    await build_client(sources, package)
    types = CliRunner().invoke(cli, ["types", "--ts", "--package", "tests.cli.kinds"])
    assert types.exit_code == 0, types.output
    written = {program.file: program.code for program in PROGRAMS}
    readme = (sources / "client/README.md").read_text().partition("```ts\n")[2].partition("```")[0]
    written |= {
        "src/readme.ts": readme,
        "react.d.ts": REACT,
        "app/kinds.ts": types.stdout,
        "src/kinds.ts": types.stdout,
    }
    for name, code in written.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(code)
    (place / "visit.js").write_text(VISIT)
    (place / "package.json").write_text('{"type": "module"}')
    options = {
        "strict": True,
        "noUncheckedIndexedAccess": True,
        "exactOptionalPropertyTypes": False,
        "target": "ES2022",
        "lib": ["ES2022", "DOM", "DOM.Iterable"],
        "module": "NodeNext",
        "jsx": "preserve",
        "types": ["node"],
        "typeRoots": [str(sources / "node_modules/@types")],
    }
    (place / "tsconfig.json").write_bytes(msgspec.json.encode({"compilerOptions": options}))
    await compiled(sources, "-p", str(place / "tsconfig.json"))
    return place


def test_each_program_is_a_file_of_its_own() -> None:
    assert len({program.file for program in PROGRAMS} - {""}) == len(PROGRAMS) >= 5


@pytest.mark.slow
async def test_the_route_of_next_submits_once_and_gives_a_link_that_a_page_can_follow(up: Up, project: Path) -> None:
    order = uuid.uuid4().hex
    first, second = [json.loads(await _node(up, project / "visit.js", order)) for _ in range(2)]
    assert (first["status"], first["wrong"]) == (202, 422)
    assert first["last"]["result"] == {"words": 3}
    assert first["task"] == second["task"]


@pytest.mark.slow
async def test_the_first_program_in_node_prints_its_result(up: Up, project: Path) -> None:
    assert (await _node(up, project / "src/count.js")).split("\n")[-2] == "2"


@pytest.mark.slow
@pytest.mark.usefixtures("steady")
async def test_the_page_without_any_library_shows_what_is_said_and_the_result(up: Up, client: Client) -> None:
    (page,) = pages.programs("browser.md", "html")
    handle = await client.submit(narrate, Text(text="one two"))
    link = await handle.follow_link()
    async with chromium() as browser:
        shown = await browser.new_page()
        # Of the origin of the API, as behind one name: then no setting is needed.
        place = f"{up.url}/follow.html"
        await shown.route(place, lambda route: route.fulfill(body=page.code, content_type="text/html"))
        await shown.goto(f"{place}#{link.url}")
        said = shown.locator("#said")
        await said.filter(has_text='["one","two"]').wait_for(timeout=PATIENCE_SECONDS * 1000)
        assert [line for line in (await said.inner_text()).splitlines() if line == "one two"] == ["one two"]
        assert await shown.locator("#bar").get_attribute("value") == "1"


async def _node(up: Up, program: Path, *arguments: str) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        process = await asyncio.create_subprocess_exec(
            *("node", program, *arguments),
            env={**os.environ, "HEADRACE_URL": up.url, "HEADRACE_API_KEY": up.key},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, failed = await process.communicate()
    assert process.returncode == 0, failed.decode()
    return said.decode()
