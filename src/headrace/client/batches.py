"""Submit, read, follow and cancel batches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any, TypedDict

import msgspec
from msgspec.structs import replace

from headrace.client.answers import UnusableRequest
from headrace.client.connection import Call, Connection, given, path
from headrace.client.links import LINK_SECONDS, link_call
from headrace.client.ndjson import BatchBody
from headrace.client.polling import POLL_SECONDS, read_until
from headrace.client.streams import FrameStream
from headrace.client.tasks import Input
from headrace.contracts.batch_results import BatchResult
from headrace.contracts.batches import Batch, BatchEventName, BatchState
from headrace.contracts.follow_links import FollowLink
from headrace.contracts.labels import label_entries
from headrace.contracts.tasks import Priority
from headrace.lines import split_lines

NDJSON = "application/x-ndjson"
ACCEPT_SECONDS = 60.0  # the API appends 100,000 inputs in a few seconds, and waits ten for a log that is away

_decode_result = msgspec.json.Decoder(BatchResult).decode
_EVENTS = frozenset({BatchEventName.COUNTED, BatchEventName.SETTLED})


class BatchOptions(TypedDict, total=False):
    """What a batch may say besides its kind and its inputs.

    Attributes:
        name: A name for people, on one line.
        priority: The lane its tasks wait in, low by default.
        max_attempts: Attempts of each task in all; the kind's own number by default.
        labels: What you call each of its tasks by, to find them again; see `headrace.contracts.labels.Labels`.
        key: The Idempotency-Key: visible ASCII characters, at most `headrace.contracts.tasks.KEY_CHARS_MAX`.
    """

    name: str | None
    priority: Priority | None
    max_attempts: int | None
    labels: Mapping[str, str] | None
    key: str | None


class Batches(Connection):
    """The part of `Client` for batches."""

    async def _batch(
        self,
        kind: str,
        inputs: Iterable[Input] | AsyncIterable[Input] | None,
        entries: Iterable[Input] | AsyncIterable[Input] | None,
        options: BatchOptions,
    ) -> Batch:
        said = given(**options)
        key, labels = said.pop("key", None), said.pop("labels", None)
        label = label_entries(labels) if labels else None
        params = given(kind=kind, **said, label=label, lines=None if entries is None else "entries")
        with BatchBody(_either(inputs, entries), self.driver, keep=key is not None) as body:
            return await self._ask(_submission(params, body, key), Batch)

    async def batch_of_files(
        self,
        kind: str,
        files: Iterable[str],
        input: Mapping[str, Any] | None = None,
        *,
        field: str | None = None,
        name: str | None = None,
        priority: Priority | None = None,
        max_attempts: int | None = None,
        labels: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Batch:
        """Submit a task for each of many files: all of them, or none when one file cannot be used.

        Args:
            kind: The kind of every task.
            files: The ids of the files, at most 100,000.
            input: What else the input of each task has.
            field: The field of the input that has the file, of a kind with several such fields.
            name: A name for people, on one line.
            priority: The lane its tasks wait in, low by default.
            max_attempts: Attempts of each task in all; the kind's own number by default.
            labels: What you call each of its tasks by, to find them again.
            key: The Idempotency-Key, as in `batch`.

        Raises:
            ProblemError: The API refused, and nothing was accepted. ``errors`` name wrong files as ``/files/<index>``.
            httpx.TransportError: The API does not answer, and may have accepted the batch. With a key, try again.
        """
        terms = given(input=dict(input or {}) or None, file_field=field, name=name, priority=priority)
        body = {"kind": kind, "files": list(files), **terms, **given(max_attempts=max_attempts, labels=labels or None)}
        call = Call(method="POST", path="/batches", body=body, key=key, repeatable=key is not None)
        return await self._ask(replace(call, patience=ACCEPT_SECONDS, awaits_start=True), Batch)

    async def batch_results(self, batch: str) -> AsyncGenerator[BatchResult]:
        """Give what became of each task of a batch, in the order of their inputs. Tasks that were deleted are left out.

        Args:
            batch: Its id. When it is not settled, open tasks are as they are now.

        Raises:
            ProblemError: There is no such batch, or the read model is not available.
            httpx.TransportError: The API does not answer, or the answer has broken off.
            ValueError: A line is longer than any of Headrace's own, see `headrace.lines.LINE_BYTES_MAX`.
        """
        async with self.open_content(path("batches", batch, "results"), 0) as answer:
            async for line in split_lines(self.driver.parts(answer)):
                yield _decode_result(line)

    async def get_batch(self, batch: str, wait: float = 0, at_least: str | None = None) -> Batch:
        """Read a batch and the number of its tasks in each state.

        Args:
            batch: Its id.
            wait: Seconds to wait until it settles, at most 60.
            at_least: Wait until the API's view reflects this position, for example that of a change just made.

        Raises:
            ProblemError: There is no such batch, or the read model is not available.
            httpx.TransportError: The API does not answer.
        """
        return await self._read(Batch, "batches", batch, wait=wait, at_least=at_least)

    async def settled(self, batch: str, timeout: float | None = None, at_least: str | None = None) -> Batch:
        """Wait until a batch settles, and return it; asks again when the API is not available for a while.

        Args:
            batch: Its id.
            timeout: Seconds to wait; for ever by default.
            at_least: Wait until it settles after this position. Pass that of running its tasks again.

        Raises:
            TimeoutError: The batch is not settled after ``timeout``.
            ProblemError: There is no such batch, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """

        async def read() -> Batch:
            return await self.get_batch(batch, wait=POLL_SECONDS, at_least=at_least)

        return await read_until(self, read, _is_settled, timeout, f"batch {batch} is settled")

    async def follow_batch(self, batch: str) -> AsyncGenerator[Batch]:
        """Give a batch as it is now, and again each time its counts have changed, until it settles.

        Changes that follow each other quickly come as one. The last one is settled. A connection that is cut is resumed.

        Args:
            batch: Its id.

        Raises:
            ProblemError: There is no such batch, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        newest: Batch | None = None
        stream = FrameStream(self.driver, path("batches", batch, "events"), "", BatchEventName.SETTLED, _EVENTS)
        async with aclosing(stream.frames()) as frames:
            async for frame in frames:
                view = stream.decode(frame, Batch)
                # After a cut connection the stream begins with the present view, which the caller may have already.
                if view != newest:
                    yield view
                newest = view

    async def cancel_batch(self, batch: str) -> Batch:
        """Cancel every task of a batch that is not over. They are cancelled one by one; the batch settles with the last.

        Args:
            batch: Its id.

        Raises:
            ProblemError: There is no such batch (`batch_not_found`), or all its tasks are over (`batch_settled`).
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(Call(method="PUT", path=path("batches", batch, "cancellation"), repeatable=True), Batch)

    async def follow_batch_link(self, batch: str, expires_in: float | timedelta = LINK_SECONDS) -> FollowLink:
        """Make a link with which a browser follows the counts of a batch, and does nothing else; see `Client.follow_link`.

        Args:
            batch: Its id.
            expires_in: Seconds until the link expires, at most a day.

        Raises:
            ProblemError: There is no such batch (`batch_not_found`), or the API makes no links (`follow_links_off`).
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(link_call("batches", batch, expires_in), FollowLink)


def _is_settled(batch: Batch) -> bool:
    return batch.state == BatchState.SETTLED


def _either(
    inputs: Iterable[Input] | AsyncIterable[Input] | None, entries: Iterable[Input] | AsyncIterable[Input] | None
) -> Iterable[Input] | AsyncIterable[Input]:
    if inputs is not None and entries is None:
        return inputs
    if entries is not None and inputs is None:
        return entries
    raise UnusableRequest("a batch has either inputs or entries; say one of them")


def _submission(params: Mapping[str, Any], body: BatchBody, key: str | None) -> Call:
    return Call(
        method="POST",
        path="/batches",
        params=params,
        body=body.parts,
        media_type=NDJSON,
        key=key,
        patience=ACCEPT_SECONDS,
        repeatable=key is not None,
        awaits_start=True,
    )
