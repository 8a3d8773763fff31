"""Batches: submitted from any number of inputs, read, followed, cancelled."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing

import msgspec

from headrace.client.connection import ANSWER_SECONDS, Call, Connection, given, path
from headrace.client.ndjson import Lines
from headrace.client.streams import frames
from headrace.client.tasks import Input
from headrace.contracts.batches import Batch, BatchEventName
from headrace.contracts.tasks import Priority

NDJSON = "application/x-ndjson"
ACCEPT_SECONDS = 60.0  # a hundred thousand inputs are appended in a few, and the API waits ten for a log that is away


class Batches(Connection):
    """What a client does with batches."""

    async def batch(
        self,
        kind: str,
        inputs: Iterable[Input] | AsyncIterable[Input],
        *,
        name: str | None = None,
        priority: Priority | None = None,
        max_attempts: int | None = None,
        key: str | None = None,
    ) -> Batch:
        """Submit many tasks of one kind: all of them, or none when one input is wrong.

        Inputs are sent as they come and are never in memory together. With a ``key``, they are kept in a file until the
        batch is accepted, so that it can be sent again when there is no answer; it is made once, as in `Client.submit`.

        Args:
            kind: Of each task.
            inputs: What the kind's JSON Schema asks for, a task each.
            name: For people, one line.
            priority: The lane its tasks wait in, low by default.
            max_attempts: Attempts of each task in all, instead of what the kind says.
            key: 1 to 255 visible ASCII characters.

        Raises:
            ProblemError: it was refused; nothing was accepted. ``errors`` say which inputs are wrong, as ``/inputs/<index>``.
            httpx.TransportError: no answer. Whether it was accepted is then not known; with a key, try again.
        """
        params = given(kind=kind, name=name, priority=priority, max_attempts=max_attempts)
        with Lines(inputs, keep=key is not None) as lines:
            call = Call(
                method="POST",
                path="/batches",
                params=params,
                body=lines.parts,
                media_type=NDJSON,
                key=key,
                patience=ACCEPT_SECONDS,
                repeatable=key is not None,
            )
            return await self._ask(call, Batch)

    async def get_batch(self, batch: str, wait: float = 0, at_least: str | None = None) -> Batch:
        """A batch and how many of its tasks are in each state.

        Args:
            batch: Its id.
            wait: Seconds to wait until it settles, at most 60.
            at_least: Wait until the API's view reflects this position, as of what was just changed.

        Raises:
            ProblemError: there is no such batch, or the read model is away.
            httpx.TransportError: no answer.
        """
        params = given(wait=wait or None, at_least=at_least)
        return await self._ask(
            Call(method="GET", path=path("batches", batch), params=params, patience=wait + ANSWER_SECONDS), Batch
        )

    async def follow_batch(self, batch: str) -> AsyncGenerator[Batch]:
        """A batch as it is, and whenever its counts have changed, until it has settled; resumes by itself.

        Changes that follow each other quickly are given as one. The last one that comes is settled.

        Args:
            batch: Its id.

        Raises:
            ProblemError: there is no such batch, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: the API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        newest: Batch | None = None
        stream = frames(self._http, path("batches", batch, "events"), "", BatchEventName.SETTLED)
        async with aclosing(stream) as found:
            async for frame in found:
                if frame.event not in (BatchEventName.COUNTED, BatchEventName.SETTLED):
                    continue  # of a later version
                told = msgspec.json.decode(frame.data, type=Batch)
                if told != newest:  # as it was before the connection was cut
                    yield told
                newest = told

    async def cancel_batch(self, batch: str) -> Batch:
        """Cancel what is not over of a batch. Its tasks are cancelled one after the other; it settles with the last.

        Args:
            batch: Its id.

        Raises:
            ProblemError: there is no such batch (`batch_not_found`), or all of it is over (`batch_settled`).
            httpx.TransportError: no answer.
        """
        return await self._ask(Call(method="PUT", path=path("batches", batch, "cancellation"), repeatable=True), Batch)
