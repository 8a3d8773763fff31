"""The copy of the log that leads, and what only it can say: that the log has no such record, or no newer one.

A server that was cut off from the others takes itself for the leader for up to ten seconds, and does not have what these have
accepted since. What has to be right nevertheless is asked by `headrace.log.agreed`, or with a sequence that the log has reached.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Coroutine, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, TypeVar

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.client import NatsClient
from headrace.log.jetstream import NO_RECORD, JetStream
from headrace.log.records import NO_HEADERS, Record

Out = TypeVar("Out")


class LeadingCopy:
    """Asks who leads the log. There may be two that take themselves for the leader, of which one does not know yet that it is none."""

    def __init__(self, connection: NatsClient) -> None:
        self._connection = connection
        self._jetstream = JetStream(connection)

    async def last(self, subject: str) -> int:
        """The sequence of the newest record whose subject matches, wildcards allowed; 0 for none.

        Raises:
            LogUnavailable: no answer in time.
        """
        message = await self._last_message(subject, no_hdr=True)
        return 0 if message is None else message["seq"]

    async def last_when_at(self, subject: str, sequence: int) -> int | None:
        """The same as `last`, of a leader that has the log up to a sequence.

        Args:
            subject: A subject, wildcards allowed.
            sequence: A sequence that the log has reached.

        Returns:
            None when who leads, or takes itself for the leader, has not reached the sequence.

        Raises:
            LogUnavailable: no answer in time.
        """
        return await self._ask_when_at(sequence, self.last(subject))

    async def last_record(self, subject: str) -> Record | None:
        """The newest record whose subject matches, wildcards allowed, if there is one.

        Raises:
            LogUnavailable: no answer in time.
        """
        message = await self._last_message(subject)
        if message is None:
            return None
        at, payload = datetime.fromisoformat(message["time"]), b64decode(message.get("data", ""))
        return Record(message["seq"], message["subject"], at, _read_headers(message.get("hdrs", "")), payload)

    async def has_dropped(self, sequence: int) -> bool:
        """Whether a record has left the log, which had it.

        Raises:
            LogUnavailable: no answer in time, or who leads, or takes itself for the leader, has not reached the record.
        """
        has = await self._ask_when_at(sequence, self._has(sequence))
        if has is None:
            raise LogUnavailable("the server that leads the log is behind the others; try again in a moment")
        return not has

    async def _has(self, sequence: int) -> bool:
        answer = await self._jetstream.call(f"STREAM.MSG.GET.{subjects.STREAM}", {"seq": sequence, "no_hdr": True})
        if (error := answer.get("error")) and error.get("err_code") not in NO_RECORD:
            raise LogUnavailable(f"JetStream refused to say what it has: {error['description']}")
        return not error

    async def _ask_when_at(self, sequence: int, question: Coroutine[Any, Any, Out]) -> Out | None:
        """Ask something of a leader that has the log up to a sequence; None when who leads has not."""
        with closing(question):
            before = self._connection.stats["reconnects"]
            info = await self._jetstream.request(f"STREAM.INFO.{subjects.STREAM}")
            if info["state"]["last_seq"] < sequence:
                return None
            answer = await question
            # Behind a reconnect, another server has answered it.
            return answer if self._connection.stats["reconnects"] == before else None

    async def _last_message(self, subject: str, *, no_hdr: bool = False) -> dict[str, Any] | None:
        wanted = {"last_by_subj": subject, "no_hdr": no_hdr}
        answer = await self._jetstream.call(f"STREAM.MSG.GET.{subjects.STREAM}", wanted)
        if error := answer.get("error"):
            if error.get("err_code") in NO_RECORD:
                return None
            raise LogUnavailable(f"JetStream refused to say what is last: {error['description']}")
        return answer["message"]


def _read_headers(encoded: str) -> Mapping[str, str]:
    """Read headers as STREAM.MSG.GET has them: in base64, a first line with the version, and then a header a line."""
    if not encoded:
        return NO_HEADERS
    lines = b64decode(encoded).decode("utf-8", "surrogateescape").split("\r\n")[1:]
    named = (line.partition(":") for line in lines if line)
    return {name: value.strip() for name, _, value in named}
