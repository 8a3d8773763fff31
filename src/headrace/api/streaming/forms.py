"""The forms in which the events of a subject are encoded. Each is made once for all who want it, and only while somebody does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from headrace.api.streaming.brief_frames import LEFT_OUT, encode_brief, encode_brief_with_owner
from headrace.api.streaming.frames import Frame, encode_frame
from headrace.contracts.frames import Form
from headrace.contracts.hints import FOR_ADMINS, HintName
from headrace.log.records import Record
from headrace.log.subjects import event_of


class FrameForm(NamedTuple):
    """A form of frames.

    Attributes:
        name: What tells it from the others.
        encode: Encodes a record; None for one that cannot be read.
        left_out: The events that it does not have.
        hints: The hints that it has.
    """

    name: str
    encode: Callable[[Record, int], Frame | None]
    left_out: frozenset[str] = frozenset()
    hints: tuple[HintName, ...] = ()

    def has(self, record: Record) -> bool:
        """Return whether it has the event of a record."""
        return event_of(record.subject) not in self.left_out


FULL: Final = FrameForm("full", encode_frame)
BRIEF: Final = FrameForm("brief", encode_brief, LEFT_OUT, tuple(hint for hint in HintName if hint not in FOR_ADMINS))
BRIEF_WITH_OWNER: Final = FrameForm("brief with owner", encode_brief_with_owner, LEFT_OUT, tuple(HintName))


def form_of(asked: Form, *, names_owner: bool = False) -> FrameForm:
    """Return the form that a client asks for. ``names_owner`` is for a stream of the tasks of everybody."""
    if asked is Form.FULL:
        return FULL
    return BRIEF_WITH_OWNER if names_owner else BRIEF
