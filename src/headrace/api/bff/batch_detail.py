"""The page of one batch, for whoever may see it: members their own, administrators everybody's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from litestar import Response

from headrace.api.bff.absence import is_to_come
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.figures import STEP, first_minute, series_of
from headrace.api.bff.parts import Reading
from headrace.api.bff.rows import RowBuilder
from headrace.api.edge.request import AnyRequest, is_id
from headrace.api.list_orders import write_place
from headrace.api.state import ApiState, state_of
from headrace.batch_errors import BatchNotFound
from headrace.contracts.batches import Batch, BatchState
from headrace.contracts.filters import Filter
from headrace.contracts.screens.batch_detail import Archive, BatchDetailV1, BatchRate
from headrace.contracts.screens.rows import BatchRow, Series, TaskRow
from headrace.contracts.tasks import State
from headrace.errors import ReadModelBehind
from headrace.log import clock, subjects
from headrace.store.activity import read_ends as read_ends_by_minute
from headrace.store.batch_detail import Ends, Failures, find_batch, list_failed_alike, list_slowest, read_ends
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.filters import conditions_of
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY
from headrace.store.task_orders import Order, Place
from headrace.store.tasks import list_tasks

GROUPS_MAX = 10
SLOWEST_MAX = 5
ITEMS_MAX = PAGE_ROWS_MAX
RATE_WINDOW = timedelta(minutes=5)
RATE_SECONDS_MIN = 5.0  # a shorter span says nothing

NO_ARCHIVE = Archive(state="none", task=None, file=None)


class Items(NamedTuple):
    """Which tasks of the batch are asked for."""

    state: State | None
    after: Cursor | None
    limit: int


class Page(NamedTuple):
    """One page of tasks, and where the next one begins."""

    items: list[TaskRow]
    next_cursor: str | None


async def show_batch_detail(
    request: AnyRequest, owner: str | None, batch: str, items: Items, at_least: str | None
) -> Response[BatchDetailV1]:
    """Answer a request with the page of a batch.

    Args:
        request: The request.
        owner: Whose batch it has to be; None for administrators, who may see everybody's.
        batch: Its id, as the path has it.
        items: Which of its tasks are asked for.
        at_least: The position that the request asks for.

    Raises:
        BatchNotFound: There is no such batch, or it belongs to somebody else.
    """
    if not is_id(batch):
        raise BatchNotFound(f"there is no batch {batch[:80]!r}")
    api = state_of(request)
    reader = _BatchReader(api, owner, batch, items)
    source = FromReadModel(api, *reader.readings, at_least=at_least)
    return await api.screens.show(request, BatchDetailV1, reader.build, source)


class _BatchReader:
    """The parts of one batch from the read model, read one after the other; the first finds the batch."""

    def __init__(self, api: ApiState, owner: str | None, batch: str, items: Items) -> None:
        self._api = api
        self._owner = owner
        self._id = batch
        self._asked = items
        self._rows = RowBuilder(show_owners=owner is None)
        self._found: Batch | None = None
        self._now = clock.now()
        self.batch = Reading("batch", self._read_batch)
        self.rate = Reading("rate", self._read_rate)
        self.throughput = Reading("throughput", self._read_throughput)
        self.failures = Reading("failures", self._read_failures)
        self.slowest = Reading("slowest", self._read_slowest)
        self.items = Reading("items", self._read_items)
        self.readings: list[Reading[Any]] = [
            *(self.batch, self.items, self.rate, self.throughput, self.failures, self.slowest)
        ]

    def build(self, composed: Composed) -> BatchDetailV1:
        """Build the screen of what was read."""
        failures, page = composed.value(self.failures), composed.value(self.items)
        return BatchDetailV1(
            **composed.envelope,
            batch=composed.value(self.batch),
            rate=composed.value(self.rate),
            throughput=composed.value(self.throughput),
            failures=None if failures is None else failures.groups,
            failures_counted=None if failures is None else failures.counted,
            slowest=composed.value(self.slowest),
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
            archive=NO_ARCHIVE,
        )

    @property
    def _batch(self) -> Batch:
        if self._found is None:
            raise BatchNotFound(f"there is no batch {self._id!r}")
        return self._found

    async def _read_batch(self, session: Reads) -> BatchRow:
        self._found = await find_batch(session, self._owner or EVERYBODY, self._id)
        if self._found is None:
            await self._explain_absence(session)
        (row,) = await self._rows.batch_rows(session, [self._batch])
        return row

    async def _explain_absence(self, session: Reads) -> None:
        """Say so when the log has the batch, but not the read model.

        Raises:
            ReadModelBehind: It will be there in a moment.
            LogUnavailable: It may be there in a moment.
        """
        if await is_to_come(self._api.log, session, subjects.batch_event("*", self._owner or "*", self._id)):
            raise ReadModelBehind(
                "the batch was accepted a moment ago, and is shown as soon as it can be read; try again"
            )

    async def _read_rate(self, session: Reads) -> BatchRate | None:
        batch = self._batch
        if batch.state is BatchState.SETTLED:
            return None
        since = max(self._now - RATE_WINDOW, batch.created_at)
        return rate_of(batch, await read_ends(session, batch, since), self._now)

    async def _read_throughput(self, session: Reads) -> Series:
        batch, begin = self._batch, first_minute(self._now)
        first, last = batch.created_at - STEP, batch.settled_at or self._now
        ends = await read_ends_by_minute(session, batch.owner, begin)
        # Minutes are counted for an owner and a kind; so those are left out in which the batch was not open.
        of_batch = {(kind, at): each for (kind, at), each in ends.items() if kind == batch.kind and first < at <= last}
        return series_of(of_batch, begin)

    async def _read_failures(self, session: Reads) -> Failures:
        if not self._batch.counts.failed:
            return Failures([], 0)
        return await list_failed_alike(session, self._batch, GROUPS_MAX)

    async def _read_slowest(self, session: Reads) -> list[TaskRow]:
        found = await list_slowest(session, self._id, SLOWEST_MAX)
        return await self._rows.task_rows(session, found)

    async def _read_items(self, session: Reads) -> Page:
        state, after, limit = self._asked
        wanted = Filter(state=[] if state is None else [state], batch=self._id)
        conditions = conditions_of(self._batch.owner, wanted)
        place = None if after is None else Place(*after)
        found, more = await list_tasks(session, conditions, Order.NEWEST, place, limit)
        rows = await self._rows.task_rows(session, found)
        return Page(rows, write_place(more, Order.NEWEST))


def rate_of(batch: Batch, ends: Ends, now: datetime) -> BatchRate | None:
    """Return how fast a batch goes, and in how many seconds it is done; None when it is too early to say."""
    seconds = (now - ends.since).total_seconds()
    if seconds < RATE_SECONDS_MIN:
        return None
    per_second = ends.of_batch / seconds
    left = max(batch.total - batch.counts.final, batch.counts.open)
    eta = round(left / per_second, 1) if per_second else None
    return BatchRate(per_second=round(per_second, 3), eta_seconds=eta)
