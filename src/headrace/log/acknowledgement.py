"""Acknowledgements: what the broker answers to an append, as a value or as an error of Headrace."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from nats.aio.msg import Msg

from headrace.errors import AppendRefused, HeadraceError, LogFull, LogUnavailable
from headrace.log import subjects

# JetStream error codes (nats-server, errors.json).
_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
_DUPLICATE_IN_BATCH = 10201
_IN_PROCESS = 10158  # the replicas have not agreed yet on another append with this `Nats-Msg-Id`
_STORE_FULL = frozenset({10047, 10077})


class InProcess(LogUnavailable):
    """The log cannot say yet whether an append is a duplicate."""


class Appended(NamedTuple):
    """An append that the log acknowledged.

    Attributes:
        sequence: The sequence of the record.
        duplicate: Whether the log had a record with the same `Nats-Msg-Id` already; the sequence is then that record's.
        counted: The value of a counter after the append; 0 for other subjects.
    """

    sequence: int
    duplicate: bool
    counted: int = 0


class _ApiError(msgspec.Struct):
    code: int
    err_code: int = 0
    description: str = ""


class _PublishAck(msgspec.Struct):
    seq: int = 0
    duplicate: bool = False
    val: str = ""
    error: _ApiError | None = None


_decoder = msgspec.json.Decoder(_PublishAck)


def read_acknowledgement(message: Msg) -> Appended | HeadraceError:
    """Return what an answer says about the append: it is in the log, or why it is not."""
    if message.headers and message.headers.get(subjects.STATUS) == "503":
        return LogUnavailable("NATS answers, but nobody there keeps the log; is JetStream still starting?")
    try:
        ack = _decoder.decode(message.data)
    except msgspec.MsgspecError as error:
        return LogUnavailable(f"the log answered with something that is no acknowledgement: {error}")
    if ack.error is None:
        return Appended(ack.seq, ack.duplicate, int(ack.val or 0))
    if ack.error.err_code in _WRONG_LAST_SEQUENCE or ack.error.err_code == _DUPLICATE_IN_BATCH:
        return AppendRefused(ack.error.description)
    if ack.error.err_code == _IN_PROCESS:
        return InProcess("the log is still taking in the same append from somebody else; try again in a moment")
    if ack.error.err_code in _STORE_FULL or "maximum bytes exceeded" in ack.error.description:
        return LogFull(
            "the log is full; try again later, or have its max_bytes raised or its disk enlarged"
            f" (NATS says: {ack.error.description})"
        )
    return LogUnavailable(f"the log refused: {ack.error.description} ({ack.error.err_code})")
