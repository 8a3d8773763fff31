"""What pages show to ask the API with `curl` is answered as they say, against a running `headrace up`."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Up

DOCS = Path(__file__).parents[2] / "docs"
SENDS_THE_KEY = '-H "Authorization: Bearer $HEADRACE_API_KEY"'
# An id that a page has made up.
MADE_UP = r"/(tasks|batches)/[0-9a-f-]{36}"


def calls(page: str) -> list[str]:
    lines = re.findall(r"^ {4}(curl .*\$HEADRACE_URL.*)$", (DOCS / page).read_text(), re.MULTILINE)
    # A stream has no end.
    return [line for line in lines if " -N " not in line]


@pytest.mark.parametrize(("page", "least"), [("operations.md", 4), ("bff.md", 19)])
async def test_every_call_is_answered(up: Up, page: str, least: int) -> None:
    lines = calls(page)
    assert len(lines) >= least
    environ = up.shell.environ | {"HEADRACE_URL": up.url, "HEADRACE_API_KEY": up.key}
    for line in lines:
        assert SENDS_THE_KEY in line
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euc", line.replace("curl", "curl -sS", 1)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=environ,
        )
        said, _ = await process.communicate()
        answer = json.loads(said)
        refused = ["task_not_found", "batch_not_found"] if re.search(MADE_UP, line) else [None]
        assert answer.get("error_code") in refused, (line, answer)
