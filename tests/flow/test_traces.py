"""One trace from a click to the handler, and what is never in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.accounts import KEY
from tests.cluster import Cluster
from tests.collector import Collector, Span, collector
from tests.waiting import until

CLICK = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00"
CANARY = "canary-of-the-input"
KINDS = ["traced", "traced_in_thread"]


@pytest.fixture(scope="module")
def collected() -> Any:
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
async def traced(session_place: Any, make_database: Any, collected: Collector) -> AsyncGenerator[Cluster]:
    """A cluster whose processes export their spans and report their errors."""
    from tests.cluster import cluster_on

    place = session_place / "traced"
    place.mkdir()
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collected.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "SENTRY_DSN": collected.dsn,
        "HEADRACE_CONSUMERS": "tests.traced_kinds",
    }
    async with cluster_on(place, await make_database(), **environ) as made:
        await made.start("api", "worker", "projector")
        await made.until_kinds_known()
        yield made


async def submit(cluster: Cluster, kind: str, *, trace: str | None = CLICK, state: str = "", **body: Any) -> str:
    headers = ({"traceparent": trace} if trace else {}) | ({"tracestate": state} if state else {})
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": kind} | body, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def attempts(collected: Collector, task: str, count: int = 1) -> list[Span]:
    """The spans of the attempts of a task."""

    def found() -> list[Span] | None:
        spans = [each for each in collected.spans(task=task) if each.kind == "consumer"]
        return spans if len(spans) == count else None

    spans = await until(found, f"{count} attempts of {task} among {collected.spans()}")
    return sorted(spans, key=lambda each: each.attributes["headrace.task.attempt"])


async def creation(collected: Collector, task: str) -> Span:
    """The span of the submission of a task. The API exports on its own, maybe after the worker."""

    def found() -> list[Span]:
        return [each for each in collected.spans(task=task) if each.kind == "producer"]

    (span,) = await until(found, f"the creation of {task}")
    return span


@pytest.mark.parametrize("kind", KINDS)
async def test_a_click_is_one_trace_from_the_request_to_what_the_handler_does(
    traced: Cluster, collected: Collector, kind: str
) -> None:
    task = await submit(traced, kind, input={"secret": CANARY}, state="vendor=1")
    done = await traced.outcome(task)
    (consumer,) = await attempts(collected, task)
    producer = await creation(collected, task)
    (server,) = [each for each in collected.spans() if each.id == producer.parent]
    (inner,) = [each for each in collected.spans("ask somebody") if each.parent == consumer.id]
    assert {each.trace for each in (server, producer, consumer, inner)} == {CLICK[3:35]} == {done["result"]}
    assert (server.kind, server.name, server.parent) == ("server", "POST /api/v1/tasks", CLICK[36:52])
    assert (server.attributes["http.route"], server.attributes["http.response.status_code"]) == ("/api/v1/tasks", 202)
    assert (producer.name, producer.service) == ("publish hr.tasks.queued", "headrace-api")
    assert (consumer.name, consumer.service, consumer.parent) == (f"process {kind}", "headrace-worker", producer.id)
    assert consumer.links == [producer.place]
    assert consumer.attributes["headrace.task.outcome"] == "succeeded"
    assert consumer.state == "vendor=1"


async def test_records_carry_where_they_were_appended_and_the_queued_one_where_the_task_was_created(
    traced: Cluster, collected: Collector
) -> None:
    task = await submit(traced, "traced", input={}, state="vendor=1")
    await traced.outcome(task)
    (consumer,) = await attempts(collected, task)
    producer = await creation(collected, task)
    records = await traced.events(f"hr.tasks.*.*.*.*.{task}")
    said = {record.subject.split(".")[2]: record.headers for record in records}
    assert said["queued"]["traceparent"] == f"00-{producer.trace}-{producer.id}-01"
    for name in ("started", "progressed", "finished"):
        assert said[name]["traceparent"] == f"00-{consumer.trace}-{consumer.id}-01"
        assert said[name]["Headrace-Traceparent"] == said["queued"]["traceparent"]
        assert said[name]["tracestate"] == "vendor=1"


async def test_a_retry_and_a_replay_are_traces_of_their_own_linked_to_the_creation_and_to_the_attempt_before(
    traced: Cluster, collected: Collector
) -> None:
    task = await submit(traced, "traced", input={"secret": CANARY, "fails": 1})
    await traced.outcome(task)
    first, second = await attempts(collected, task, 2)
    producer = await creation(collected, task)
    assert (first.trace, first.parent, first.failed) == (producer.trace, producer.id, True)
    assert (first.attributes["error.type"], first.attributes["headrace.task.outcome"]) == ("raised", "retrying")
    assert (second.parent, second.links) == ("", [producer.place, first.place])
    assert second.trace != first.trace
    again = await traced.http.post(f"/api/v1/tasks/{task}/runs")
    assert again.status_code == 202
    _, replayed, _, retried = await attempts(collected, task, 4)
    assert (replayed.parent, replayed.links) == ("", [producer.place, second.place])
    assert (retried.parent, retried.links) == ("", [producer.place, replayed.place])
    assert len({first.trace, second.trace, replayed.trace, retried.trace}) == 4


async def test_batches_and_delays_are_traces_of_their_own_linked_to_their_creation(
    traced: Cluster, collected: Collector
) -> None:
    answer = await traced.http.post(
        "/api/v1/batches", json={"kind": "traced", "inputs": [{}, {}]}, headers={"traceparent": CLICK}
    )
    batch = answer.json()["id"]
    delayed = await submit(traced, "traced", input={}, delay=0.4)
    (producer,) = await until(
        lambda: [each for each in collected.spans() if each.attributes.get("headrace.batch.id") == batch], "the batch"
    )
    assert producer.attributes["messaging.batch.message_count"] == 2
    members = [record.subject.split(".")[-1] for record in await traced.events("hr.tasks.queued.traced.low.*.*")]
    for task in members:
        (consumer,) = await attempts(collected, task)
        assert (consumer.parent, consumer.links) == ("", [producer.place])
    (consumer,) = await attempts(collected, delayed)
    producer = await creation(collected, delayed)
    assert (consumer.parent, consumer.links) == ("", [producer.place])


async def test_what_its_caller_does_not_record_is_not_recorded_and_its_log_lines_still_say_the_trace(
    traced: Cluster, collected: Collector
) -> None:
    task = await submit(traced, "traced", trace=UNSAMPLED, input={"fails": 2})
    await traced.outcome(task)
    recorded = await submit(traced, "traced", input={})
    await attempts(collected, recorded)
    assert [each for each in collected.spans() if each.trace == UNSAMPLED[3:35]] == []
    assert collected.spans(task=task) == []
    worker = next(each for each in traced.members if each.name == "worker")
    line = await worker.until_logged("failed", task_id=task)
    assert line["trace_id"] == UNSAMPLED[3:35]
    records = await traced.events(f"hr.tasks.finished.*.*.*.{task}")
    assert records[0].headers["traceparent"] == UNSAMPLED


async def test_the_handler_in_a_process_of_its_own_is_within_the_span_of_its_attempt_and_has_none_of_its_own(
    traced: Cluster, collected: Collector
) -> None:
    task = await submit(traced, "traced_in_process", input={})
    done = await traced.outcome(task)
    (consumer,) = await attempts(collected, task)
    assert consumer.attributes["headrace.task.outcome"] == "succeeded"
    assert done["result"] == "0" * 32


async def test_a_failure_is_reported_with_its_places_and_never_with_its_input(
    traced: Cluster, collected: Collector
) -> None:
    task = await submit(traced, "traced", input={"secret": CANARY, "fails": 2}, trace=None)
    assert CANARY in (await traced.outcome(task))["error"]["message"]
    _, last = await attempts(collected, task, 2)
    (report,) = await until(
        lambda: [each for each in collected.reports if each["tags"].get("task_id") == task], "the report"
    )
    tags = {name: report["tags"][name] for name in ("process", "kind", "attempt", "code")}
    assert tags == {"process": "worker", "kind": "traced", "attempt": "2", "code": "raised"}
    (exception,) = report["exception"]["values"]
    assert exception["type"] == "ValueError"
    assert exception["stacktrace"]["frames"][-1]["function"] == "ask_somebody"
    assert report["contexts"]["trace"]["trace_id"]
    assert last.failed


async def test_no_span_and_no_report_has_an_input_an_owner_or_a_key(traced: Cluster, collected: Collector) -> None:
    somebody = await traced.make_user("owner-of-the-canary")
    body = {"kind": "traced", "input": {"secret": CANARY, "fails": 2}}
    answer = await traced.http_as(somebody.key).post("/api/v1/tasks", json=body, headers={"traceparent": CLICK})
    task = answer.json()["id"]
    await attempts(collected, task, 2)
    await until(lambda: [each for each in collected.reports if each["tags"].get("task_id") == task], "the report")
    everything = b"\n".join(collected.bodies)
    assert task.encode() in everything
    for secret in (CANARY, somebody.id, somebody.key, KEY, "Bearer"):
        assert secret.encode() not in everything, secret
