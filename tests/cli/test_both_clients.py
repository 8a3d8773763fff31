"""What `Client` and `SyncClient` do alike, against one `headrace up`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from headrace.client import (
    Client,
    ProblemError,
    TaskFailed,
    TaskRef,
    UnexpectedResult,
    UnusableRequest,
    retries,
)
from headrace.contracts.batches import BatchState
from headrace.contracts.tasks import State
from tests.cli.clients import opened
from tests.cli.conftest import Up
from tests.cli.kinds import Gate, Text, break_down, narrate, pass_gate, shout
from tests.proxy import Proxy, proxy_to


def new_id() -> str:
    return uuid.uuid4().hex


class Shouted(msgspec.Struct, frozen=True):
    text: str


class Stage(NamedTuple):
    """A client, and what lies between it and the API."""

    client: Client
    proxy: Proxy
    place: Path


# A program that does not import the handler writes this.
shouting = TaskRef[Text, Shouted]("shout")


@pytest.fixture(scope="module")
async def proxy(up: Up) -> AsyncGenerator[Proxy]:
    async with proxy_to(urlsplit(up.url).port or 0) as opened_proxy:
        yield opened_proxy


@pytest.fixture(params=["async", "sync"])
async def stage(
    request: pytest.FixtureRequest, up: Up, proxy: Proxy, place: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Stage]:
    monkeypatch.setattr(retries, "RETRY_SECONDS", 0.01)
    async with opened(request.param, f"http://127.0.0.1:{proxy.port}", up.key) as client:
        yield Stage(client, proxy, place)


async def has_a_result_of_its_type(stage: Stage) -> None:
    handle = await stage.client.submit(shouting, Text(text="hello"))
    assert await handle.result(timeout=30) == Shouted(text="HELLO")
    assert handle.accepted is not None
    assert (handle.accepted.id, handle.accepted.kind) == (handle.id, "shout")
    assert (await handle.get()).state == State.SUCCEEDED
    again = stage.client.handle(shout, handle.id)
    assert (await again.result(), again.accepted) == ({"text": "HELLO"}, None)


async def is_made_once_for_its_key(stage: Stage) -> None:
    key = new_id()
    first = await stage.client.submit(shouting, Text(text="once"), key=key)
    assert (await stage.client.submit(shouting, Text(text="once"), key=key)).id == first.id
    with pytest.raises(ProblemError) as caught:
        await stage.client.submit(shouting, Text(text="twice"), key=key)
    assert (caught.value.status, caught.value.error_code) == (422, "idempotency_key_reused")


async def is_sent_again_with_its_key_when_its_answer_is_lost(stage: Stage) -> None:
    stage.proxy.hold_answers()
    submitting = asyncio.create_task(stage.client.submit(shouting, Text(text="lost"), key=new_id()))
    await stage.proxy.passed(b'"lost"')
    stage.proxy.cut()
    handle = await submitting
    assert await handle.result(timeout=30) == Shouted(text="LOST")


async def is_followed_to_its_end_although_the_connection_is_cut(stage: Stage) -> None:
    handle = await stage.client.submit(pass_gate, Gate(path=str(stage.place / "gate")))
    seen: list[tuple[str, str]] = []
    async for event in handle.follow():
        seen.append((event.position, event.event))
        if event.event == "logged" and not (stage.place / "gate").exists():
            stage.proxy.cut()
            (stage.place / "gate").touch()
    assert [event for _, event in seen] == ["queued", "started", "logged", "logged", "stored", "finished"]
    assert [(event.position, event.event) async for event in handle.follow()] == seen
    assert [event.position async for event in handle.follow(after=seen[2][0])] == [at for at, _ in seen[3:]]


async def has_a_link_with_which_a_browser_follows_it_without_a_key(stage: Stage) -> None:
    task = await stage.client.submit(shouting, Text(text="hello"))
    batch = await stage.client.batch(shouting, [Text(text="hello")])
    async with httpx.AsyncClient() as browser:
        for handle, last in ((task, "finished"), (batch, "settled")):
            link = await handle.follow_link(expires_in=60)
            assert f"event: {last}\n" in (await browser.get(link.url, timeout=30)).text


async def can_be_left_before_its_end_and_cancelled(stage: Stage) -> None:
    handle = await stage.client.submit(pass_gate, Gate(path=str(stage.place / "never")))
    async with aclosing(handle.follow()) as events:
        async for event in events:
            if event.event == "logged":
                break
    assert (await handle.cancel()).state == State.CANCELLED
    with pytest.raises(TaskFailed, match=rf"task {handle.id} was cancelled") as caught:
        await handle.result(timeout=30)
    assert caught.value.task.state == State.CANCELLED
    assert (await handle.ended()).id == handle.id


async def raises_what_its_handler_said_when_it_failed(stage: Stage) -> None:
    handle = await stage.client.submit(break_down, Text(text="too much"))
    with pytest.raises(TaskFailed, match="too much") as caught:
        await handle.result(timeout=30)
    assert caught.value.task.error is not None
    assert caught.value.task.error.code == "raised"


async def is_given_up_in_time_and_goes_on(stage: Stage) -> None:
    handle = await stage.client.submit(pass_gate, Gate(path=str(stage.place / "gate")))
    with pytest.raises(TimeoutError, match=rf"gave up after 0.1 s of waiting until task {handle.id} is over"):
        await handle.result(timeout=0.1)
    (stage.place / "gate").touch()
    assert await handle.result(timeout=30) == "passed"


async def is_run_again_and_its_new_end_is_waited_for(stage: Stage) -> None:
    gate = stage.place / "gate"
    gate.touch()
    handle = await stage.client.submit(pass_gate, Gate(path=str(gate)))
    await handle.result(timeout=30)
    gate.unlink()
    await handle.run_again()
    with pytest.raises(TimeoutError):
        await handle.result(timeout=0.2)
    gate.touch()
    assert await handle.result(timeout=30) == "passed"


async def is_refused_when_its_input_is_of_another_type(stage: Stage) -> None:
    client: Any = stage.client
    with pytest.raises(UnusableRequest, match="shout takes Text, and its input is dict: make one, or submit by name"):
        await client.submit(shouting, {"text": "hello"})
    with pytest.raises(UnusableRequest, match="shout takes Text, and input 1 is Gate"):
        await client.batch(shouting, [Text(text="a"), Gate(path="b")], key=new_id())
    with pytest.raises(UnusableRequest, match="either inputs or entries"):
        await client.batch(shouting, None)


async def says_so_when_its_result_is_of_another_type(stage: Stage) -> None:
    handle = await stage.client.submit(TaskRef[Text, list[int]]("shout"), Text(text="hello"))
    with pytest.raises(UnexpectedResult, match=r"not what shout is said to return \(Expected `array`") as caught:
        await handle.result(timeout=30)
    assert (caught.value.task, bytes(caught.value.result)) == (handle.id, b'{"text":"HELLO"}')


async def is_one_of_a_batch_whose_results_have_their_type(stage: Stage) -> None:
    words = ["one", "two", "three"]
    handle = await stage.client.batch(shouting, (Text(text=each) for each in words), name="words", key=new_id())
    settled = await handle.settled(timeout=30)
    assert (settled.state, settled.counts.succeeded, settled.name) == (BatchState.SETTLED, 3, "words")
    outcomes = [each async for each in handle.results()]
    assert [each.result for each in outcomes] == [Shouted(text=each.upper()) for each in words]
    assert [each.index for each in outcomes] == [0, 1, 2]
    views = [each async for each in stage.client.batch_handle(shouting, handle.id).follow()]
    assert views[-1].state == BatchState.SETTLED


async def is_one_of_a_batch_with_failures_that_have_no_result(stage: Stage) -> None:
    handle = await stage.client.batch(break_down, [Text(text="a"), Text(text="b")])
    await handle.settled(timeout=30)
    outcomes = [each async for each in handle.results()]
    assert [(each.state, each.result) for each in outcomes] == [(State.FAILED, None)] * 2
    assert [each.error.message for each in outcomes if each.error] == ["ValueError: a", "ValueError: b"]
    with pytest.raises(ProblemError, match="nothing is left to cancel"):
        await handle.cancel()


async def is_submitted_by_name_as_before(stage: Stage) -> None:
    task = await stage.client.submit("narrate", {"text": "one two"})
    assert (task.kind, task.attempt) == ("narrate", 1)
    assert await stage.client.result(task.id, timeout=30) == ["one", "two"]
    batch = await stage.client.batch("narrate", [{"text": "one"}, {"text": "two"}], labels={"of": "names"})
    await stage.client.settled(batch.id, timeout=30)
    found = [each async for each in stage.client.list(batch=batch.id, at_least=batch.position)]
    assert {each.labels["of"] for each in found} == {"names"}
    assert [bytes(each.result) async for each in stage.client.batch_results(batch.id)] == [b'["one"]', b'["two"]']
    with pytest.raises(ProblemError) as caught:
        await stage.client.submit("narrate", {"text": 1})
    assert [error.path for error in caught.value.errors] == ["/input/text"]


async def has_files_that_go_up_and_come_down(stage: Stage) -> None:
    file = await stage.client.files.upload(b"a,b\n", name=f"{new_id()}.csv")
    assert await stage.client.files.download(file.id) == b"a,b\n"
    assert [each.id async for each in stage.client.files.list(q=file.name)] == [file.id]
    await stage.client.files.delete(file.id)


async def is_unknown_and_not_followed_for_ever(stage: Stage) -> None:
    handle = stage.client.handle(narrate, "01a1f9bd-0000-7000-8000-000000000000")
    with pytest.raises(ProblemError, match="task"):
        await handle.result(timeout=30)
    with pytest.raises(ProblemError):
        _ = [each async for each in handle.follow()]


BEHAVIOURS: list[Callable[[Stage], Awaitable[None]]] = [
    has_a_result_of_its_type,
    is_made_once_for_its_key,
    is_sent_again_with_its_key_when_its_answer_is_lost,
    is_followed_to_its_end_although_the_connection_is_cut,
    has_a_link_with_which_a_browser_follows_it_without_a_key,
    can_be_left_before_its_end_and_cancelled,
    raises_what_its_handler_said_when_it_failed,
    is_given_up_in_time_and_goes_on,
    is_run_again_and_its_new_end_is_waited_for,
    is_refused_when_its_input_is_of_another_type,
    says_so_when_its_result_is_of_another_type,
    is_one_of_a_batch_whose_results_have_their_type,
    is_one_of_a_batch_with_failures_that_have_no_result,
    is_submitted_by_name_as_before,
    has_files_that_go_up_and_come_down,
    is_unknown_and_not_followed_for_ever,
]


@pytest.mark.parametrize("behaves", BEHAVIOURS, ids=lambda behaves: behaves.__name__)
async def test_a_task(stage: Stage, behaves: Callable[[Stage], Awaitable[None]]) -> None:
    await behaves(stage)
