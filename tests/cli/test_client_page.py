"""The programs of `docs/client.md` work as they are written, against a running `headrace up`."""

from __future__ import annotations

import asyncio
import re
import sys
import uuid
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from headrace import client
from tests.cli.conftest import Up
from tests.cli.kinds import word_count
from tests.logs import logs_as_found

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text()


@pytest.fixture
def programs(up: Up, monkeypatch: pytest.MonkeyPatch) -> Generator[dict[str, Any]]:
    """What the page defines, from its first program to its last."""
    monkeypatch.setenv("HEADRACE_URL", up.url)
    monkeypatch.setenv("HEADRACE_API_KEY", up.key)
    # Litestar finds the names in annotations by the module of a function.
    module = ModuleType("programs_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with logs_as_found():
        for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
            exec(compile(code, "docs/client.md", "exec", dont_inherit=True), vars(module))
        yield vars(module)


async def test_each_program_of_the_page_gets_its_words_counted(programs: dict[str, Any]) -> None:
    through = httpx.ASGITransport(programs["app"])
    async with programs["client"], httpx.AsyncClient(transport=through, base_url="http://shop") as web:
        accepted = await web.post("/texts", json={"text": "one two three"})
        assert (await web.get(f"/texts/{accepted.json()['task']}")).json() == {"words": 3}
        assert await programs["count_all"](["one", "one two"]) == [1, 2]
        assert await programs["count_by_name"]("one two") == 2

    def visit_shop() -> tuple[dict[str, Any], dict[str, Any]]:
        with programs["shop"].test_client() as browser, programs["headrace"]:
            headers = {"Order": uuid.uuid4().hex}
            first, second = (browser.post("/texts", data="one two", headers=headers).json for _ in range(2))
            assert first == second
            return first, browser.get(f"/texts/{first['task']}").json

    _, words = await asyncio.to_thread(visit_shop)
    assert words == {"words": 2}


def test_the_reference_of_the_page_says_what_the_kind_declares(programs: dict[str, Any]) -> None:
    reference = programs["word_count"]
    assert reference.name == word_count.name
    for of in ("input_type", "result_type"):
        fields = (getattr(each, of).__struct_fields__ for each in (reference, word_count))
        assert next(fields) == next(fields)


def test_every_error_of_the_page_is_one_that_the_client_raises() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    raised = {"TaskFailed", "UnexpectedResult", "Unreachable", "UnusableRequest", "ProblemError"}
    assert set(named) - {"TimeoutError"} == raised
    assert {*named} - {"TimeoutError"} <= {*client.__all__}
