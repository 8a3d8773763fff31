"""The backlog: how many tasks of a kind run or could run now, for whoever decides how many workers there should be.

Of each kind it is the tasks that workers hold and the queued tasks that none has taken, over all priorities. It counts what runs,
so that an autoscaler takes no worker away from tasks that are long. A kind with a limit to its concurrency counts as no more than
the limit, because further workers would have nothing to do. Of a paused kind only what runs still counts. Tasks that are not due
count when they are. A limit to the rate of a kind is not looked at.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from time import monotonic
from typing import Any

from headrace.contracts.tasks import KIND_PATTERN
from headrace.errors import KindNotFound
from headrace.log import consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, kind_consumers
from headrace.log.pauses import is_paused

KNOWN_SECONDS = 1.0  # for which an answer is reused; autoscalers ask every few seconds
WITHOUT_CONSUMERS = 1  # tasks of a kind whose consumers are gone, as after the loss of a log: enough for a first worker
SHOWN_CHARS_MAX = 80  # of what was asked for, in an error

Infos = Iterable[Mapping[str, Any]]


def backlog_by_kind(consumers: Infos) -> dict[str, int]:
    """Return the backlog of each kind that has consumers, from the server's descriptions of the consumers of the log."""
    found: dict[str, int] = defaultdict(int)
    for info in consumers:
        durable = info["name"]
        if (kind := consumer_names.kind_of_consumer(durable)) is None:
            continue
        tasks = info["num_ack_pending"] + (0 if is_paused(info) else info["num_pending"])
        limit = info["config"]["max_ack_pending"] if consumer_names.is_limited(durable) else tasks
        found[kind] += min(tasks, limit)
    return dict(found)


class Backlog:
    """Counts the backlog of kinds. The log is asked at most once a second, and by one request at a time.

    Args:
        log: The log.
        only: The kinds of a worker, whose user may not be permitted to look at others; every kind when None.
    """

    def __init__(self, log: Log, only: Collection[str] | None = None) -> None:
        self._log = log
        self._only = only
        self._lock = asyncio.Lock()
        self._known: dict[str, int] = {}
        self._known_until = 0.0

    async def count(self, kinds: frozenset[str]) -> int:
        """Return the backlog of these kinds together, of all when there are none, as it was up to a second ago.

        Raises:
            KindNotFound: No worker has run one of the kinds, or the worker that is asked runs others.
            LogUnavailable: JetStream does not answer.
        """
        async with self._lock:
            if monotonic() >= self._known_until:
                self._known = backlog_by_kind(await self._read())
                self._known_until = monotonic() + KNOWN_SECONDS
            if unknown := kinds - self._known.keys():
                self._known |= await self._find_queued(sorted(unknown))
        return sum(self._known[kind] for kind in kinds or self._known)

    async def _read(self) -> Infos:
        if self._only is None:
            return await all_consumers(self._log)
        found = await asyncio.gather(*(kind_consumers(self._log, kind) for kind in self._only))
        return [info for infos in found for info in infos.values()]

    async def _find_queued(self, kinds: list[str]) -> dict[str, int]:
        """Return a backlog for kinds without consumers that have queued tasks, so that a worker starts and makes consumers."""
        if self._only is not None and (others := [kind for kind in kinds if kind not in self._only]):
            raise KindNotFound(
                f"this worker does not run the kind {others[0][:SHOWN_CHARS_MAX]!r}; an API or a projector knows every kind"
            )
        for kind in kinds:
            if not await self._is_queued(kind):
                raise KindNotFound(
                    f"no worker has ever run the kind {kind[:SHOWN_CHARS_MAX]!r}; start one, or correct the name"
                )
        return dict.fromkeys(kinds, WITHOUT_CONSUMERS)

    async def _is_queued(self, kind: str) -> bool:
        if re.fullmatch(KIND_PATTERN, kind) is None:
            return False
        return bool((await self._log.replayer.page(subjects.queued_of(kind), records=1)).records)
