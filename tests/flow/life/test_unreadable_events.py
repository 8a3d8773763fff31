"""Events that a worker of another make has written so that nobody can read them."""

from __future__ import annotations

import pytest

from headrace.contracts.events import EventName
from headrace.log.subjects import TaskSubject
from tests.cluster import Cluster
from tests.flow.batch_steps import settled, submit
from tests.sse import follow
from tests.waiting import until

ERROR_PAGE = b'{"event":"finished","attempt":1,"outcome":"succeeded","result":<html>}'


@pytest.mark.invariant(1)
@pytest.mark.invariant(6)
async def test_an_end_that_cannot_be_read_is_a_failure_for_everybody_and_stands_in_nobodys_way(shared: Cluster) -> None:
    batch = await submit(shared, "wait", [{"name": "never"}, {"name": "soon"}])
    listed = {"batch": batch["id"], "at_least": batch["position"]}
    unread, other = [each["id"] for each in (await shared.http.get("/api/v1/tasks", params=listed)).json()["items"]]
    subject = TaskSubject("", "wait", "low", "local", unread)
    headers = {"Headrace-Batch": batch["id"]}
    async with follow(shared.http, f"/api/v1/tasks/{unread}/events") as stream:
        for event, payload in (
            (EventName.EMITTED, b'{"chunks":[<html>'),
            (EventName.LOGGED, b'{"event":"logged","attempt":1,"level":"info","message":"a line"}'),
            (EventName.FINISHED, ERROR_PAGE),
        ):
            await shared.log.appender.append(subject.of(event), payload, headers)
        seen = await stream.rest()
    assert [each.event for each in seen if each.event not in ("queued", "started", "progressed")] == [
        "logged",
        "finished",
    ]
    assert seen[-1].data["error"]["code"] == "result_invalid"

    found = await shared.outcome(unread)
    assert (found["state"], found["error"]["code"]) == ("failed", "result_invalid")
    assert (await shared.http.put(f"/api/v1/tasks/{unread}/cancellation")).status_code == 409
    cancelled = await shared.http.post("/api/v1/cancellations", json={"select": {"batch": batch["id"]}})
    assert (cancelled.status_code, cancelled.json()["done"]) == (200, 1), cancelled.text
    assert (await shared.outcome(other))["state"] == "cancelled"
    assert (await settled(shared, batch["id"]))["counts"]["failed"] == 1

    again = await shared.http.post("/api/v1/runs", json={"select": {"code": ["result_invalid"], "batch": batch["id"]}})
    assert (again.status_code, again.json()["done"]) == (200, 1), again.text
    shared.open_gate("never")
    shared.open_gate("soon")

    async def succeeded() -> bool:
        return (await shared.outcome(unread))["state"] == "succeeded"

    await until(succeeded, "the task to run again")
