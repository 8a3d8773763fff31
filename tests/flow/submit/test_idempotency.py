"""The same `Idempotency-Key` makes the same task, however often, however fast and whatever breaks in between."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

import httpx
import msgspec
import pytest

from headrace.api.edge.idempotency import body_hash, derived_id
from headrace.contracts.events import Queued, encode
from headrace.contracts.tasks import Submission
from headrace.log import subjects
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import ask, calls, cancel, instant, names, now, read, running, timers
from tests.flow.problems import check_problem
from tests.proxy import proxy_to
from tests.purge import purge
from tests.waiting import until

BODY: dict[str, Any] = {"kind": "echo", "input": {"text": "once"}}


def new_key() -> str:
    return secrets.token_hex(8)


async def send(cluster: Cluster, key: bytes | str, body: Any = BODY) -> httpx.Response:
    """Submit with a key, byte by byte as it is given."""
    given = {"content": body} if isinstance(body, bytes) else {"json": body}
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    return await cluster.http.post("/api/v1/tasks", headers=headers, **given)  # type: ignore[arg-type]


@pytest.mark.invariant(4)
@pytest.mark.parametrize("when", [{}, {"delay": 0.05}, {"delay": 0.6}], ids=["now", "soon", "later"])
async def test_many_equal_submissions_under_one_key_at_once_make_one_task(
    cluster: Cluster, when: dict[str, float]
) -> None:
    key = new_key()
    answers = await asyncio.gather(*(send(cluster, key, BODY | when) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 49}
    (task,) = {answer.json()["id"] for answer in answers}
    assert {answer.headers["Location"] for answer in answers} == {f"/api/v1/tasks/{task}"}
    found = await cluster.outcome(task)
    assert (found["state"], found["result"]["text"]) == ("succeeded", "once")
    assert calls(cluster, task) == 1
    begin = ["deferred"] if when.get("delay", 0) > 0.5 else []
    assert await names(cluster, task) == [*begin, "queued", "started", "finished"]
    assert await timers(cluster, task) == 0
    assert (await send(cluster, key, BODY | when)).status_code == 200


@pytest.mark.invariant(4)
async def test_of_many_different_submissions_under_one_key_one_is_accepted(cluster: Cluster) -> None:
    key = new_key()
    bodies = [BODY | {"input": {"text": str(number % 5)}} for number in range(20)]
    answers = await asyncio.gather(*(send(cluster, key, body) for body in bodies))
    first = next(number % 5 for number, answer in enumerate(answers) if answer.status_code == 202)
    for number, answer in enumerate(answers):
        if number % 5 == first:
            assert answer.status_code in (200, 202)
        else:
            check_problem(answer, 422, "idempotency_key_reused")
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 3, 422: 16}


@pytest.mark.invariant(4)
@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "echo_in_thread"},
        {"input": {"text": "twice"}},
        {"priority": "high"},
        {"delay": 600},
        {"expires_in": 600},
        {"max_attempts": 2},
    ],
)
@pytest.mark.parametrize("first", [{}, {"delay": 500}], ids=["now", "later"])
async def test_a_key_with_another_body_is_refused(
    cluster: Cluster, first: dict[str, Any], changed: dict[str, Any]
) -> None:
    key = new_key()
    task = (await send(cluster, key, BODY | first)).json()
    problem = check_problem(await send(cluster, key, BODY | first | changed), 422, "idempotency_key_reused")
    assert "use a new key" in problem["message"]
    assert problem["errors"][0]["path"] == "header Idempotency-Key"
    again = await send(cluster, key, BODY | first)
    assert (again.status_code, again.json()["id"]) == (200, task["id"])
    if first:
        await cancel(cluster, task["id"])


@pytest.mark.invariant(4)
async def test_a_key_tells_a_task_due_now_from_one_due_later_whichever_is_first(cluster: Cluster) -> None:
    for first, then in (({}, {"delay": 500}), ({"delay": 500}, {})):
        key = new_key()
        task = (await send(cluster, key, BODY | first)).json()
        check_problem(await send(cluster, key, BODY | then), 422, "idempotency_key_reused")
        assert await timers(cluster, task["id"]) == len(first)
        await cancel(cluster, task["id"])


@pytest.mark.invariant(4)
async def test_how_the_json_of_a_body_is_written_does_not_matter_to_its_key(cluster: Cluster) -> None:
    key = new_key()
    first = await send(cluster, key, b'{"kind":"echo","input":{"text":"\xc5\x99"},"max_attempts":2}')
    again = await send(
        cluster, key, b'{ "max_attempts" : 2,\n "input": {"text": "\\u0159"},\n\t"priority": "normal", "kind": "echo" }'
    )
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.invariant(4)
@pytest.mark.parametrize(
    "text", ["a", "a" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324", "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]
)
async def test_a_key_is_the_same_with_and_without_quotes(cluster: Cluster, text: str) -> None:
    key = (new_key() + text)[: max(1, min(255, len(text) + 16))]
    answers = [await send(cluster, given) for given in (key, f'"{key}"')]
    assert [answer.status_code for answer in answers] == [202, 200]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await send(cluster, key[:-1] + ("x" if key[-1] != "x" else "y"))).status_code == 202, "another key"


@pytest.mark.parametrize(
    "key",
    [
        "",
        '""',
        '"',
        "has space",
        "x" * 256,
        f'"{"x" * 256}"',
        'quo"te',
        '"open',
        'open"',
        "na\u00efve",
        "tab\tkey",
    ],
)
async def test_a_malformed_key_is_refused(cluster: Cluster, key: str) -> None:
    problem = check_problem(await send(cluster, key.encode()), 400, "invalid_idempotency_key")
    assert problem["errors"][0]["path"] == "header Idempotency-Key"


async def test_a_submission_without_a_key_always_makes_a_new_task(cluster: Cluster) -> None:
    one, other = [await ask(cluster, "noop") for _ in range(2)]
    assert (one.status_code, other.status_code) == (202, 202)
    assert one.json()["id"] != other.json()["id"]


@pytest.mark.invariant(4)
async def test_a_repeated_submission_is_answered_with_the_task_as_it_now_is(cluster: Cluster) -> None:
    key, body = new_key(), {"kind": "wait", "input": {"name": "gate-key"}}
    first = (await send(cluster, key, body)).json()
    await running(cluster, first["id"])
    again = await send(cluster, key, body)
    assert (again.status_code, again.json()["state"]) == (200, "running")
    cluster.open_gate("gate-key")
    done = await cluster.outcome(first["id"])
    again = await send(cluster, key, body)
    assert (again.status_code, again.json()["state"]) == (200, "succeeded")
    assert again.json()["finished_at"] == done["finished_at"]
    assert again.json()["created_at"] == done["created_at"]
    assert calls(cluster, first["id"]) == 1


@pytest.mark.invariant(4)
@pytest.mark.parametrize("delay", [0.29, 600])
async def test_a_repeated_delayed_submission_is_answered_as_the_first_was(cluster: Cluster, delay: float) -> None:
    key, body = new_key(), BODY | {"delay": delay}
    first, again = [await send(cluster, key, body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 200)
    if now() < instant(first.json()["due_at"]):  # else it is what became of it
        for same in ("id", "state", "due_at", "attempt", "max_attempts", "position"):
            assert again.json()[same] == first.json()[same], same
    await cancel(cluster, first.json()["id"])


@pytest.mark.invariant(4)
async def test_a_key_whose_task_was_cancelled_makes_no_second_task(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await worker.stop()
    for when in ({}, {"delay": 600}):
        key = new_key()
        task = (await send(cluster, key, BODY | when)).json()
        assert (await cancel(cluster, task["id"])).status_code == 200
        again = await send(cluster, key, BODY | when)
        assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, task["id"], "cancelled")
        check_problem(await send(cluster, key, BODY | when | {"priority": "low"}), 422, "idempotency_key_reused")
        assert (await names(cluster, task["id"]))[-1] == "finished"


@pytest.mark.invariant(4)
async def test_a_key_is_known_after_a_crash_of_nats(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    ran, later = new_key(), new_key()
    first = (await send(cluster, ran)).json()
    delayed = (await send(cluster, later, BODY | {"delay": 600})).json()
    await cluster.outcome(first["id"])
    await cluster.nats.kill()
    await cluster.nats.start()

    async def answered() -> httpx.Response | None:
        answer = await send(cluster, ran)
        return answer if answer.status_code != 503 else None

    again = await until(answered, "submissions to be answered again")
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, first["id"], "succeeded")
    again = await send(cluster, later, BODY | {"delay": 600})
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, delayed["id"], "pending")
    assert (calls(cluster, first["id"]), await timers(cluster, delayed["id"])) == (1, 1)


@pytest.mark.invariant(4)
@pytest.mark.parametrize(
    "when", [pytest.param({}, id="now"), pytest.param({"delay": 0.8}, id="later", marks=pytest.mark.slow)]
)
async def test_a_submission_sent_again_after_an_uncertain_answer_makes_no_second_task(
    make_cluster: MakeCluster, when: dict[str, float]
) -> None:
    cluster, key = await make_cluster(), new_key()
    async with proxy_to(int(cluster.nats.url.rpartition(":")[2])) as proxy:
        cluster.environ["HEADRACE_NATS_URL"] = proxy.url
        (api,) = await cluster.start("api")
        cluster.environ["HEADRACE_NATS_URL"] = cluster.nats.url
        await cluster.start("worker")
        await cluster.until_kinds_known()
        await send(cluster, new_key())  # so that nothing is to be asked before the next is appended
        proxy.hold_answers()
        submitting = asyncio.create_task(send(cluster, key, BODY | when))
        await proxy.passed(b"PUB hr.tasks." if not when else b"Nats-Batch-Commit")
        await api.kill()
        with pytest.raises(httpx.TransportError):
            await submitting
    await cluster.start("api")
    await cluster.until_kinds_known()
    again = await send(cluster, key, BODY | when)
    assert again.status_code in (200, 202)
    await cluster.all_finished([again.json()["id"]])
    assert len(await cluster.finishes()) == 2
    assert calls(cluster, again.json()["id"]) == 1


async def outlived(cluster: Cluster, key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Submit a task that is due so late that the log has nothing but its timer any more."""
    answer = await send(cluster, key, body)
    assert answer.status_code == 202, answer.text
    task = answer.json()
    await read(cluster, task["id"], at_least=task["position"])
    config = (await cluster.log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}"))["config"]
    retention = 9_000_000_000  # nanoseconds; long enough for what the test appends
    short = config | {"max_age": retention, "duplicate_window": retention}
    await cluster.log.jetstream.request(f"STREAM.UPDATE.{subjects.STREAM}", short)
    await purge(cluster.log, subjects.task_events("local", task["id"]))  # as if they were older than that
    return task


@pytest.mark.invariant(4)
@pytest.mark.slow
async def test_a_key_is_known_for_as_long_as_its_task_waits_however_long_the_log_keeps_events(
    make_cluster: MakeCluster,
) -> None:
    cluster, key, body = await make_cluster(), new_key(), BODY | {"delay": 3600}
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await outlived(cluster, key, body)
    (timer,) = await cluster.events(f"hr.timers.tasks.*.{task['id']}")
    shown = await read(cluster, task["id"])
    del shown["input"], shown["result"]
    shown["follow_link"] = None

    answers = await asyncio.gather(*(send(cluster, key, body) for _ in range(20)))
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, shown)] * 20
    for other in ({"delay": 0.05}, {"delay": 60}, {"delay": 0}, {"input": {"text": "twice"}}):
        check_problem(await send(cluster, key, body | other), 422, "idempotency_key_reused")
    (still,) = await cluster.events(f"hr.timers.tasks.*.{task['id']}")
    assert (still.sequence, await names(cluster, task["id"])) == (timer.sequence, [])

    assert (await cancel(cluster, task["id"])).status_code == 200
    again = await send(cluster, key, body)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, task["id"], "cancelled")
    assert await names(cluster, task["id"]) == ["finished"]


@pytest.mark.invariant(4)
async def test_without_the_read_model_a_repeated_submission_is_answered_from_its_timer(
    make_cluster: MakeCluster,
) -> None:
    cluster, key, body = await make_cluster(), new_key(), BODY | {"delay": 3600, "max_attempts": 3, "priority": "high"}
    *_, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await outlived(cluster, key, body)
    await projector.stop()
    await cluster.rows("TRUNCATE tasks")
    again = await send(cluster, key, body)
    assert again.status_code == 200
    for same in ("id", "kind", "priority", "owner", "state", "due_at", "expires_at", "attempt", "max_attempts"):
        assert again.json()[same] == task[same], same
    check_problem(await send(cluster, key, body | {"delay": 60}), 422, "idempotency_key_reused")


@pytest.mark.invariant(4)
@pytest.mark.slow
async def test_a_known_key_is_answered_also_when_the_log_is_full(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_MAX_BYTES=str(1 << 20))
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    large = BODY | {"input": {"text": "x" * (200 << 10)}, "delay": 600}
    answers = {key: await send(cluster, key, large) for key in (new_key() for _ in range(6))}
    first, *_, last = answers
    check_problem(answers[last], 503, "log_full")
    again = await send(cluster, first, large)
    assert (again.status_code, again.json()["id"]) == (200, answers[first].json()["id"])
    check_problem(await send(cluster, first, large | {"delay": 0}), 422, "idempotency_key_reused")
    check_problem(await send(cluster, last, large), 503, "log_full")


@pytest.mark.invariant(4)
async def test_a_known_key_is_answered_also_when_its_submission_has_become_too_old_to_be_accepted(
    cluster: Cluster,
) -> None:
    key, body = new_key(), BODY | {"run_at": "2026-01-01T00:00:00Z"}
    task = derived_id("local", key, "task")
    headers = {subjects.BODY_HASH: body_hash(msgspec.convert(body, Submission))}
    queued = Queued(attempt=1, fence=0, input=msgspec.Raw(b'{"text":"once"}'))  # as it was when it was due
    await cluster.log.appender.append(f"hr.tasks.queued.echo.normal.local.{task}", encode(queued), headers)
    again = await send(cluster, key, body)
    assert (again.status_code, again.json()["id"]) == (200, task)
    check_problem(await send(cluster, new_key(), body), 422, "invalid_input")
    await cluster.outcome(task)
