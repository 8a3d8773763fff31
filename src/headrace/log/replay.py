"""Reading history: batch direct get (ADR-31), for which nats-py has no call.

The server itself finds a page of records by subject and sequence. It answers inside the connection's read loop, so the log
keeps a second connection for reading: replay must not hold up appends.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from headrace.contracts.events import EventName
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.client import NatsClient
from headrace.log.denials import NotPermitted
from headrace.log.leading_copy import LeadingCopy
from headrace.log.nats_errors import nats_errors_as_unavailable
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

PAGE_RECORDS = 256  # records; larger pages hold the server's read loop for longer than 10 ms
PAGE_BYTES_MAX = 16 << 20  # bytes; a page of large inputs ends early
# Any copy may answer. For up to a minute, servers send every third question to one that is cut off, and it is lost. So
# a question that nobody has begun to answer is asked again, seldom enough not to add to the load of servers that are slow.
TRY_SECONDS = (0.5, 0.5, 1.0, 1.0, 2.0)
SUBJECTS_MAX = 1024  # subjects; the server's limit for one request of the last record of each

_END_OF_PAGE = "204"
_NO_MATCH = "404"


class Page(NamedTuple):
    """Records in log order, and whether more records that match follow."""

    records: list[Record]
    more: bool


class First(NamedTuple):
    """The first record that matches, None when there is none, and how many more match behind it."""

    record: Record | None
    following: int


class _Collecting:
    __slots__ = ("done", "records")

    def __init__(self) -> None:
        self.records: list[Record] = []
        # How many more records match, once the page has ended.
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def drop(self) -> None:
        """Take no answer any more."""
        if not self.done.cancel() and not self.done.cancelled():
            # Beside another that was taken it may be an error, of which asyncio would complain that nobody looked at it.
            self.done.exception()


class Replayer:
    """Reads records that the log has, in pages. Any copy of the log answers, and a copy may be behind.

    Attributes:
        leading: The copy that leads, which can be asked for less.
    """

    def __init__(self, connection: NatsClient) -> None:
        self._connection = connection
        self.leading = LeadingCopy(connection)
        self._inbox = connection.new_inbox()
        self._collecting: dict[str, _Collecting] = {}
        self._count = 0
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Subscribe to answers."""
        self._subscription = await self._connection.subscribe(f"{self._inbox}.*", cb=self._on_message)

    async def page(
        self,
        subject: str,
        *,
        start: int = 1,
        records: int = PAGE_RECORDS,
        since: str | None = None,
        stream: str = subjects.STREAM,
    ) -> Page:
        """The next records at or after a sequence whose subject matches.

        Args:
            subject: A subject, wildcards allowed.
            start: The first sequence that may be in the page, from 1.
            records: How many records at most.
            since: An RFC 3339 time to begin at, instead of ``start``.
            stream: The stream to read.

        Raises:
            NotPermitted: this process's user may not read the stream.
            LogUnavailable: no answer in time.
        """
        wanted: dict[str, Any] = {"next_by_subj": subject, "batch": records, "max_bytes": PAGE_BYTES_MAX}
        wanted |= {"start_time": since} if since else {"seq": max(start, 1)}
        found, more = await self._get(stream, wanted)
        return Page(found, more > 0)

    async def sparse_page(self, subject: str, *, start: int = 1, through: int | None = None) -> Page:
        """The same as `page`, for a subject of tasks of which the log may have few records, far from its end.

        Behind the last record that matches, the server searches the rest of the log for more while a page has room for more. So
        the first record is read alone: with it the server says how many follow. Most tasks have each event once, and the newest
        of each are found without a search. If they are not all that there is, a page of exactly as many as follow is read.

        Args:
            subject: A subject of task events, wildcards allowed.
            start: The first sequence that may be in the page, from 1.
            through: A sequence that the log has, up to which the page has to be complete; None if it may not leave out anything
                that is appended meanwhile.

        Raises:
            NotPermitted: this process's user may not read the log.
            LogUnavailable: no answer in time.
        """
        first, following = await self._first_of(subject, start)
        if not first or not following:
            return Page(first, more=following > 0)
        if through is not None and following < len(EventName):
            of_task = TaskSubject.parse(first[0].subject).of("*")
            newest = await self.last_of_each(of_task, up_to=through)
            found = [each for each in newest if each.sequence >= start and _is_match(each.subject, subject)]
            # As many different records up to `through` as match in all: so these are all of them.
            if len(found) == following + 1:
                return Page(sorted(found, key=lambda record: record.sequence), more=False)
        rest = await self.page(subject, start=first[-1].sequence + 1, records=min(following, PAGE_RECORDS - 1))
        return Page(first + rest.records, rest.more)

    async def first(self, subject: str, start: int = 1) -> First:
        """The first record at or after a sequence whose subject matches, and how many follow. The server counts these.

        Args:
            subject: A subject, wildcards allowed.
            start: The first sequence that may be it, from 1.

        Raises:
            LogUnavailable: no answer in time.
        """
        found, following = await self._get(subjects.STREAM, {"next_by_subj": subject, "batch": 1, "seq": max(start, 1)})
        return First(found[0] if found else None, following)

    async def _first_of(self, subject: str, start: int) -> tuple[list[Record], int]:
        """Return the first record at or after a sequence, if there is one, and how many more match."""
        if not subject.endswith("*"):
            # Of one task, the server knows without looking into a block how many there are in all.
            found = await self._get(subjects.STREAM, {"next_by_subj": subject, "batch": 1, "seq": 1})
            if not found[0] or found[0][0].sequence >= start:
                return found
        return await self._get(subjects.STREAM, {"next_by_subj": subject, "batch": 1, "seq": max(start, 1)})

    async def count(self, subject: str, *, since: str | None = None, stream: str = subjects.STREAM) -> int:
        """How many records match a subject, wildcards allowed. The server counts; only the first record is read.

        Args:
            subject: The subject.
            since: An RFC 3339 time before which records do not count.
            stream: The stream to read.

        Raises:
            LogUnavailable: no answer in time.
        """
        begin = {"start_time": since} if since else {"seq": 1}
        found, more = await self._get(stream, {"next_by_subj": subject, "batch": 1, **begin})
        return len(found) + more

    async def last(self, subject: str) -> Record | None:
        """The newest record whose subject matches (wildcards allowed), if the replica that answers has one.

        Raises:
            LogUnavailable: no answer in time.
        """
        return max(await self.last_of_each(subject), key=lambda record: record.sequence, default=None)

    async def last_of_each(self, *filters: str, up_to: int | None = None) -> list[Record]:
        """The newest record of every subject that matches, for at most `SUBJECTS_MAX` subjects.

        Args:
            filters: Subjects, wildcards allowed.
            up_to: The last sequence that may be in the answer; None for the last of the log.

        Raises:
            LogUnavailable: no answer in time.
        """
        bound = {} if up_to is None else {"up_to_seq": up_to}
        found, _ = await self._get(subjects.STREAM, {"multi_last": filters, "batch": SUBJECTS_MAX, **bound})
        return found

    async def _get(self, stream: str, wanted: dict[str, Any]) -> tuple[list[Record], int]:
        if not self._connection.is_connected:
            raise LogUnavailable("the log cannot be reached; try again in a moment")
        subject, asked = subjects.api(f"DIRECT.GET.{stream}"), msgspec.json.encode(wanted)
        tries: dict[str, _Collecting] = {}
        try:
            for pause in TRY_SECONDS:
                if not any(each.records for each in tries.values()):
                    self._count += 1
                    token = str(self._count)
                    tries[token] = self._collecting[token] = _Collecting()
                    await self._ask(subject, asked, token)
                answered = await _first_done([each.done for each in tries.values()], pause)
                if answered is not None:
                    following = answered.result()
                    return next(each.records for each in tries.values() if each.done is answered), following
                if refusal := self._connection.explain_refusal(subject):
                    raise NotPermitted(refusal)
        finally:
            for token, each in tries.items():
                del self._collecting[token]
                each.drop()
        raise LogUnavailable(f"the log did not answer within {sum(TRY_SECONDS):g} s")

    async def _ask(self, subject: str, asked: bytes, token: str) -> None:
        with nats_errors_as_unavailable():
            await self._connection.publish(subject, asked, f"{self._inbox}.{token}")

    async def _on_message(self, message: Msg) -> None:
        collecting = self._collecting.get(message.subject.rpartition(".")[2])
        if collecting is None or collecting.done.done():
            return
        headers = message.headers or {}
        status = headers.get(subjects.STATUS)
        if status is None:
            collecting.records.append(Record.stored(message))
        elif status == _END_OF_PAGE:
            collecting.done.set_result(int(headers.get(subjects.NUM_PENDING, "0")))
        elif status == _NO_MATCH:
            collecting.done.set_result(0)
        else:
            reason = "no such stream, or NATS is starting" if status == "503" else headers.get(subjects.DESCRIPTION, "")
            collecting.done.set_exception(LogUnavailable(f"the log cannot be read: {status} {reason}"))


async def _first_done(futures: list[asyncio.Future[int]], patience: float) -> asyncio.Future[int] | None:
    """Return the first of these to be done, None when none is within ``patience`` seconds."""
    done, _ = await asyncio.wait(futures, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    return next((each for each in futures if each in done), None)


def _is_match(subject: str, pattern: str) -> bool:
    """Whether a subject matches another one, whose parts may be ``*``."""
    parts, wanted = subject.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(want in ("*", part) for part, want in zip(parts, wanted, strict=True))
