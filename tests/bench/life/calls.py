"""What the parts ask of the API besides single submissions: batches, and pausing a kind."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar

import httpx
import msgspec

from headrace.contracts.batches import Batch, BatchState
from headrace.contracts.kinds import CatalogEntry
from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.stack import Stack

INPUT = b'{"text":"the quick brown fox jumps over the lazy dog"}'
PATIENCE_SECONDS = 600.0  # for very many tasks, on a machine that does something else as well

Answer = TypeVar("Answer")


class _Accepted(msgspec.Struct):
    id: str


class Submitted(NamedTuple):
    """A batch that was accepted: how long that took, and the size of the request's body."""

    batch: Batch
    seconds: float
    size: int

    @property
    def tasks(self) -> list[str]:
        """The ids of its tasks."""
        return [f"{self.batch.id}-{number}" for number in range(self.batch.total)]


class Calls:
    """A client of the API."""

    def __init__(self, stack: Stack, client: httpx.AsyncClient) -> None:
        self._stack = stack
        self._client = client

    async def submit(self, kind: str, tasks: int) -> Submitted:
        """Submit a batch as JSON."""
        body = b'{"kind":"%s","inputs":[%s]}' % (kind.encode(), b",".join([INPUT] * tasks))
        return await self._submit("/batches", body, "application/json", tasks)

    async def submit_for(self, kind: str, moment: datetime) -> str:
        """Submit one task that is due at a moment, and return its id."""
        body = b'{"kind":"%s","input":%s,"run_at":"%s"}' % (kind.encode(), INPUT, moment.isoformat().encode())
        headers = {"Content-Type": "application/json"}
        return (await self._ask("POST", "/tasks", 202, _Accepted, content=body, headers=headers)).id

    async def submit_lines(self, kind: str, tasks: int) -> Submitted:
        """Submit a batch as NDJSON."""
        return await self._submit(f"/batches?kind={kind}", (INPUT + b"\n") * tasks, "application/x-ndjson", tasks)

    async def until(self, batch: str, what_is_missing: Callable[[Batch], str]) -> Batch:
        """Look at a batch until nothing is missing."""
        found: Batch | None = None

        async def missing() -> str:
            nonlocal found
            found = await self._ask("GET", f"/batches/{batch}", 200, Batch)
            return what_is_missing(found)

        await self._stack.up.until(missing, PATIENCE_SECONDS)
        assert found is not None
        return found

    async def succeeded(self, submitted: Submitted) -> None:
        """Wait until a batch has settled; all of its tasks have to have succeeded."""
        found = await self.until(submitted.batch.id, _unsettled)
        if found.counts.succeeded != submitted.batch.total:
            raise BenchError(f"not all of a batch's {submitted.batch.total:,} tasks have succeeded: {found.counts}")

    async def cancel(self, submitted: Submitted) -> None:
        """Cancel a batch of which nothing has ended, and wait until it has settled."""
        await self._ask("PUT", f"/batches/{submitted.batch.id}/cancellation", 202, Batch)
        found = await self.until(submitted.batch.id, _unsettled)
        if found.counts.cancelled != submitted.batch.total:
            raise BenchError(f"not all of a batch's {submitted.batch.total:,} tasks were cancelled: {found.counts}")

    async def pause(self, kind: str) -> None:
        """Have no more tasks of a kind started."""
        await self._ask("PUT", f"/kinds/{kind}/pause", 200, CatalogEntry)

    async def resume(self, kind: str) -> None:
        """Have them started again."""
        await self._ask("DELETE", f"/kinds/{kind}/pause", 200, CatalogEntry)

    async def _submit(self, path: str, body: bytes, content_type: str, tasks: int) -> Submitted:
        began = time.perf_counter()
        batch = await self._ask("POST", path, 202, Batch, content=body, headers={"Content-Type": content_type})
        seconds = time.perf_counter() - began
        if batch.total != tasks:
            raise BenchError(f"a batch of {tasks:,} tasks was accepted as one of {batch.total:,}")
        return Submitted(batch, seconds, len(body))

    async def _ask(
        self,
        method: str,
        path: str,
        status: int,
        type_: type[Answer],
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        answer = await self._client.request(method, path, content=content, headers=headers)
        if answer.status_code != status:
            raise BenchError(f"{method} {path} answered {answer.status_code}, not {status}: {answer.text[:500]}")
        return msgspec.json.decode(answer.content, type=type_)


@asynccontextmanager
async def calling(stack: Stack) -> AsyncGenerator[Calls]:
    """A client of this stack's API."""
    base = f"http://{HOST}:{stack.up.port}/api/v1"
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS, headers=stack.up.signed) as client:
        yield Calls(stack, client)


def _unsettled(batch: Batch) -> str:
    return "" if batch.state == BatchState.SETTLED else f"batch {batch.id} has not settled: {batch.counts}"
