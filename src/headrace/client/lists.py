"""List the tasks that a filter selects."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, TypedDict, Unpack

from headrace.client.connection import Call, Connection, given
from headrace.contracts.labels import label_entries
from headrace.contracts.tasks import FailureCode, State, TaskOrder, TaskPage, TaskSummary

PAGE_TASKS = 100  # of a request; the API gives 200 at most


class FilterFields(TypedDict, total=False):
    """The fields of `headrace.contracts.filters.Filter`, as keyword arguments. One that is left out restricts nothing."""

    state: Sequence[State]
    kind: Sequence[str]
    code: Sequence[FailureCode]
    batch: str | None
    schedule: str | None
    owner: str | None
    fingerprint: str | None
    q: str | None
    labels: Mapping[str, str]
    created_from: datetime | None
    created_before: datetime | None
    finished_from: datetime | None
    finished_before: datetime | None
    slower_than: float | None
    waited_longer_than: float | None


class Lists(Connection):
    """The part of `Client` for lists of tasks."""

    async def list(
        self,
        *,
        sort: TaskOrder | None = None,
        page_size: int = PAGE_TASKS,
        at_least: str | None = None,
        **select: Unpack[FilterFields],
    ) -> AsyncGenerator[TaskSummary]:
        """Give every task that a filter selects, without its input and its result; see `pages`.

            async for task in client.list(state=[State.FAILED], labels={"customer": "42"}):
                print(task.id, task.title)

        Raises:
            ProblemError: The API refused, for example because an administrator alone may name an ``owner``, or it failed.
            httpx.TransportError: The API did not answer `ATTEMPTS_MAX` times in a row.
        """
        async with aclosing(self.pages(sort=sort, page_size=page_size, at_least=at_least, **select)) as pages:
            async for page in pages:
                for task in page.items:
                    yield task

    async def pages(
        self,
        *,
        sort: TaskOrder | None = None,
        page_size: int = PAGE_TASKS,
        at_least: str | None = None,
        **select: Unpack[FilterFields],
    ) -> AsyncGenerator[TaskPage]:
        """Give the tasks that a filter selects page by page, each with the position that it reflects.

        A page is asked for when it is wanted, so tasks that change meanwhile may move to a page that was given, or out of the
        filter. `Client.cancel_all` and `Client.run_all` change the tasks that a filter with the same fields selects.

        Args:
            sort: The order; the newest first by default, or the longest first where the filter has a duration.
            page_size: Tasks of one request, 200 at most.
            at_least: Wait until the API's view reflects this position, for example that of a task just submitted.
            select: The fields of `headrace.contracts.filters.Filter`.

        Raises:
            ProblemError: The API refused, for example because an administrator alone may name an ``owner``, or it failed.
            httpx.TransportError: The API did not answer `ATTEMPTS_MAX` times in a row.
        """
        params = _parameters(select) | given(sort=sort, limit=page_size, at_least=at_least)
        while True:
            page = await self._ask(Call(method="GET", path="/tasks", params=params, repeatable=True), TaskPage)
            yield page
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor


def _parameters(select: FilterFields) -> dict[str, Any]:
    """Return the parameters of a query that say the same as a filter. Those of an empty list are left out."""
    fields = given(**select)
    labels = label_entries(fields.pop("labels", {}))
    written = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
    return written | ({"label": labels} if labels else {})
