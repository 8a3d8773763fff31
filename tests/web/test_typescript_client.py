"""The client for TypeScript, built as it is published: a program in Node uses it against servers that run."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.accounts import KEY
from tests.cluster import Cluster
from tests.proxy import Break, proxy_to
from tests.typescript import build_client, compiled, installed_sources

PROGRAM = Path(__file__).with_name("typescript_client.mjs")


@pytest.fixture(scope="module")
async def sources() -> Path:
    return await installed_sources()


@pytest.fixture(scope="module")
async def built_client(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await build_client(sources, tmp_path_factory.mktemp("client"))


async def test_a_program_in_node_submits_follows_and_gets_what_it_asked_for(
    built_client: Path, cluster: Cluster
) -> None:
    seen: dict[str, Any] = {}
    async with proxy_to(urlsplit(cluster.url).port or 0) as proxy, asyncio.timeout(60):
        url = f"http://127.0.0.1:{proxy.port}"
        program = await asyncio.create_subprocess_exec(
            "node", PROGRAM, built_client / "dist/index.js", url, KEY, stdout=asyncio.subprocess.PIPE
        )
        assert program.stdout is not None
        async for line in program.stdout:
            said = msgspec.json.decode(line)
            seen[said["what"]] = said["seen"]
            if said["what"] == "progressed":
                # The end of the task comes while the program is not connected, or has just come back.
                proxy.break_off(Break.RESET)
                cluster.open_gate("typescript")
        assert await program.wait() == 0

    assert seen["same task"]
    names, positions = zip(*seen["events"], strict=True)
    assert names == ("queued", "started", "progressed", "finished")
    assert list(positions) == sorted(set(positions), key=lambda each: int(each.partition("-")[2]))
    assert seen["links"][:1] + seen["links"][-1:] == ["live", "live"]
    assert "reconnecting" in seen["links"]
    assert (seen["result"], seen["finished"]) == ("opened", "a")
    assert seen["batch"] == ["settled", 2, True]
    assert seen["results"] == [[0, "a"], [1, "b"]]
    assert seen["cancelled"] == "cancelled"
    assert seen["no result"] == {"kind": "TaskFailed", "code": "cancelled", "state": "cancelled"}
    assert seen["failed"] == {"kind": "TaskFailed", "code": "raised", "state": "failed"}
    refused = {what: (seen[what]["kind"], seen[what]["status"], seen[what]["code"]) for what in REFUSED}
    assert refused == REFUSED
    assert seen["listed"] == 1


REFUSED = {
    "unknown kind": ("ApiError", 422, "unknown_kind"),
    "wrong input": ("ApiError", 422, "invalid_input"),
    "no task": ("ApiError", 404, "task_not_found"),
    "no key": ("ApiError", 401, "not_authenticated"),
}


@pytest.mark.slow
async def test_the_declarations_need_neither_a_browser_nor_anything_else(sources: Path, built_client: Path) -> None:
    shutil.copy(sources / "client/test/kinds.ts", built_client)
    (built_client / "program.ts").write_text(
        'import { createClient } from "@headrace/client";\n'
        'import type { Kinds } from "./kinds.js";\n'
        'const task = await createClient<Kinds>({ url: "http://x" }).submit("echo", { text: "a" });\n'
        "for await (const event of task.follow()) if (event.event === 'finished') console.log(event.result?.attempt);\n"
        "const text: string = (await task.result({ signal: AbortSignal.timeout(1000) })).text;\n"
        "console.log(text);\n"
    )
    # A package may import itself by its name.
    options = {
        "noEmit": True,
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "target": "ES2022",
        "lib": ["ES2022"],
        "module": "NodeNext",
        "types": ["node"],
        "typeRoots": [str(sources / "node_modules/@types")],
    }
    project = built_client / "tsconfig.json"
    project.write_bytes(msgspec.json.encode({"compilerOptions": options, "files": ["program.ts"]}))
    await compiled(sources, "-p", str(project))
