from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.client import ATTEMPTS_MAX, Client, ProblemError, SyncClient, Unreachable
from tests.cli.canned import Server, problem, refused
from tests.cli.conftest import Shell

NOWHERE = "http://127.0.0.1:1"


def client_of_this_machine(server: Server) -> Client:
    return Client("http://localhost:8080", transport=httpx.MockTransport(server))


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("files", "ls"),
        ("cancel", "0" * 32),
        ("schedules",),
        ("replay", "--kind", "shout", "--yes"),
        ("pause", "shout"),
    ],
    ids=" ".join,
)
async def test_a_command_says_at_once_that_no_up_runs(place: Path, words: tuple[str, ...]) -> None:
    done = await Shell({"HEADRACE_HOME": str(place), "HEADRACE_URL": NOWHERE}).run(*words)
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"nothing answers at {NOWHERE} ")
    assert "no `headrace up` runs in" in line


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.submit("k", {}, key="one"),
        lambda client: anext(client.list()),
        lambda client: client.files.get("f"),
        lambda client: client.cancel("t"),
    ],
)
async def test_an_api_of_this_machine_that_is_not_started_is_asked_once(call: Callable[[Client], Any]) -> None:
    server = Server(refused)
    async with client_of_this_machine(server) as client:
        with pytest.raises(Unreachable, match=r"^nothing answers at http://localhost:8080 \(refused\): start what"):
            await call(client)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.result("t"),
        lambda client: anext(client.follow("t")),
        lambda client: client.batch("k", [{}], key="one"),
        lambda client: client.batch_of_files("k", ["f"], key="one"),
    ],
)
async def test_a_start_is_awaited_where_a_task_is_followed_or_a_batch_is_sent(call: Callable[[Client], Any]) -> None:
    server = Server(refused)
    async with client_of_this_machine(server) as client:
        with pytest.raises(Unreachable):
            await call(client)
    assert len(server.requests) == ATTEMPTS_MAX


@pytest.mark.usefixtures("at_once")
async def test_an_api_of_this_machine_that_has_answered_is_waited_for_while_it_restarts() -> None:
    kinds = httpx.Response(200, json={"items": []})
    server = Server(kinds, refused, refused, problem(422, "invalid_input"))
    async with client_of_this_machine(server) as client:
        await client.kinds()
        with pytest.raises(ProblemError, match="invalid_input"):
            await client.submit("k", {}, key="one")
    assert len(server.requests) == 4


async def test_the_error_of_a_refused_connection_names_the_address_without_its_password() -> None:
    async with Client("http://me:s3cret@127.0.0.1:1/below") as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.submit("k", {})
    assert str(caught.value).startswith(f"nothing answers at {NOWHERE} (")
    with SyncClient(NOWHERE) as blocking, pytest.raises(Unreachable, match=f"^nothing answers at {NOWHERE} ") as same:
        blocking.submit("k", {})
    assert (same.value.url, same.value.is_on_this_machine) == (NOWHERE, True)


async def test_the_error_of_another_machine_does_not_say_to_start_it_here() -> None:
    async with Server(refused).client() as client:
        with pytest.raises(Unreachable, match=r"^nothing answers at http://headrace \(refused\): check the address"):
            await client.kinds()


@pytest.mark.usefixtures("at_once")
async def test_an_address_that_does_not_answer_at_all_is_named_and_asked_again() -> None:
    def unanswered(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("", request=request)

    server = Server(unanswered)
    async with client_of_this_machine(server) as client:
        with pytest.raises(
            Unreachable, match=r"^nothing answers at http://localhost:8080 \(no connection within 15 s\)"
        ):
            await client.submit("k", {}, key="one")
    assert len(server.requests) == ATTEMPTS_MAX
