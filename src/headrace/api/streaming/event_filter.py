"""Filters of an event stream: which of the events that a client may see it wants to see. A filter never shows it more."""

from __future__ import annotations

from typing import NamedTuple

from headrace.api.edge.request import is_id
from headrace.api.streaming.frames import Frame
from headrace.contracts.events import EventName
from headrace.contracts.problems import FieldError
from headrace.errors import MalformedRequest
from headrace.log import subjects

TASKS_MAX = 100  # tasks in one filter; a client of more tasks filters by batch or kind, or not at all
VALUES_MAX = 20  # batches, kinds and events in one filter


class EventFilter(NamedTuple):
    """The tasks, batches, kinds and names of the wanted events. An empty set stands for all of them."""

    tasks: frozenset[str]
    batches: frozenset[str]
    kinds: frozenset[str]
    events: frozenset[str]

    def __call__(self, frame: Frame) -> bool:
        """Return whether an event is wanted."""
        return (
            (not self.tasks or frame.task in self.tasks)
            and (not self.batches or frame.batch in self.batches)
            and (not self.kinds or frame.kind in self.kinds)
            and (not self.events or frame.event in self.events)
        )

    def subject(self, owner: str) -> str:
        """Return the narrowest log subject that has all wanted events of an owner."""
        return subjects.task_events(owner, _only(self.tasks), _only(self.kinds), _only(self.events))

    @property
    def is_empty(self) -> bool:
        """Whether every event is wanted."""
        return not (self.tasks or self.batches or self.kinds or self.events)


def read_filter(
    tasks: list[str] | None,
    batches: list[str] | None,
    kinds: list[str] | None,
    events: list[str] | None,
    known_kinds: set[str],
) -> EventFilter:
    """Read a filter from a query.

    Raises:
        MalformedRequest: A kind or an event does not exist, an id is not well formed, or there are too many values.
    """
    filled = EventFilter(*(frozenset(each or ()) for each in (tasks, batches, kinds, events)))
    for name, values, most in zip(
        ("task", "batch", "kind", "event"), filled, (TASKS_MAX, VALUES_MAX, VALUES_MAX, VALUES_MAX), strict=True
    ):
        if len(values) > most:
            _refuse(name, f"there are {len(values)} of them, {most} at most can be followed at once")
    for name, ids in (("task", filled.tasks), ("batch", filled.batches)):
        for each in ids:
            if not is_id(each):
                _refuse(name, f"{each[:80]!r} is not an id")
    for kind in filled.kinds - known_kinds:
        _refuse("kind", f"no worker ever announced a kind {kind[:80]!r}; see /api/v1/kinds")
    for event in filled.events - set(EventName):
        _refuse("event", f"there is no event {event[:80]!r}; there are {', '.join(EventName)}")
    return filled


def _only(values: frozenset[str]) -> str:
    return next(iter(values)) if len(values) == 1 else "*"


def _refuse(name: str, message: str) -> None:
    raise MalformedRequest(message, [FieldError(path=f"query {name}", message=message)])
