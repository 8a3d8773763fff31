"""What the tests of a task's life have in common: submitting with everything there is, and reading what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

from headrace.contracts.events import Event, Finished, decode
from tests.cluster import Cluster
from tests.waiting import until


class Happened(NamedTuple):
    """An event of a task as the log has it."""

    name: str
    sequence: int
    at: datetime
    event: Event


async def ask(cluster: Cluster, kind: str, key: str | None = None, **body: Any) -> httpx.Response:
    """Submit a task with whatever a submission may say."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await cluster.http.post("/api/v1/tasks", json={"kind": kind, "input": {}} | body, headers=headers)


async def accepted(cluster: Cluster, kind: str, key: str | None = None, **body: Any) -> dict[str, Any]:
    """The same; must be accepted as something new."""
    answer = await ask(cluster, kind, key, **body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def read(cluster: Cluster, task: str, at_least: str | None = None) -> dict[str, Any]:
    """A task, as the read model has it."""
    answer = await cluster.http.get(f"/api/v1/tasks/{task}", params={"at_least": at_least} if at_least else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def history(cluster: Cluster, task: str) -> list[Happened]:
    """What the log has of a task."""
    return [
        Happened(record.subject.split(".")[2], record.sequence, record.at, decode(record.payload))
        for record in await cluster.events(f"hr.tasks.*.*.*.*.{task}")
    ]


async def names(cluster: Cluster, task: str) -> list[str]:
    return [each.name for each in await history(cluster, task)]


async def timers(cluster: Cluster, task: str) -> int:
    """How many timers the broker holds for a task."""
    return len(await cluster.events(f"hr.timers.tasks.*.{task}"))


def calls(cluster: Cluster, task: str) -> int:
    """How often the handler of a task was called."""
    return [called for called, _ in cluster.calls()].count(task)


async def called(cluster: Cluster, task: str, times: int = 1) -> None:
    await until(lambda: calls(cluster, task) >= times, f"{task} to be called {times} times")


async def in_state(cluster: Cluster, task: str, state: str) -> dict[str, Any]:
    """Wait until the read model shows a task in a state."""

    async def there() -> dict[str, Any] | None:
        found = await read(cluster, task)
        return found if found["state"] == state else None

    return await until(there, f"{task} to be {state}")


async def running(cluster: Cluster, task: str) -> None:
    """Wait until the log has a start of a task."""

    async def there() -> bool:
        return "started" in await names(cluster, task)

    await until(there, f"{task} to be started")


async def cancel(cluster: Cluster, task: str) -> httpx.Response:
    return await cluster.http.put(f"/api/v1/tasks/{task}/cancellation")


async def run_again(cluster: Cluster, task: str) -> httpx.Response:
    return await cluster.http.post(f"/api/v1/tasks/{task}/runs")


async def in_bulk(cluster: Cluster, what: str, **body: Any) -> dict[str, Any]:
    """Ask for something to be done to many tasks, by a read model that has everything said so far."""
    state = await cluster.log.refresh()
    position = f"{state.epoch}-{state.last_sequence}"
    answer = await cluster.http.post(f"/api/v1/{what}", json=body, params={"at_least": position})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def tables(cluster: Cluster) -> list[list[dict[str, Any]]]:
    """The read model, when it has all of the log."""
    last = await cluster.log.refresh()

    async def reached() -> bool:
        found = await cluster.rows("SELECT epoch, sequence FROM projection WHERE name = 'tasks'")
        return bool(found) and (found[0]["epoch"], found[0]["sequence"]) >= (last.epoch, last.last_sequence)

    await until(reached, "the projector to have all of the log")
    return [
        await cluster.rows("SELECT * FROM tasks ORDER BY id"),
        await cluster.rows("SELECT * FROM task_events ORDER BY epoch, sequence"),
    ]


async def the_finish_of(cluster: Cluster, task: str) -> Finished:
    """The one finish of a task."""
    (finished,) = [each.event for each in await history(cluster, task) if isinstance(each.event, Finished)]
    return finished


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def now() -> datetime:
    return datetime.now(UTC)
