"""Filters of an event stream: which of the events that a client may see it wants to see. A filter never shows it more."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from headrace.api.edge.request import explain_joined, is_id
from headrace.api.streaming.forms import FULL, FrameForm
from headrace.api.streaming.frames import NO_LABELS, Frame
from headrace.contracts.events import EventName
from headrace.contracts.hints import HintName
from headrace.contracts.labels import LABELS_MAX, Labels, normal_value
from headrace.contracts.problems import FieldError
from headrace.errors import MalformedRequest
from headrace.log import subjects

TASKS_MAX = 100  # tasks in one filter; a client of more tasks filters by batch or kind, or not at all
VALUES_MAX = 20  # batches, kinds and events in one filter

_TASK_EVENTS = frozenset(EventName)


class EventFilter(NamedTuple):
    """The tasks, batches, kinds and names of the wanted events, and the labels that each has to have. An empty set stands for all
    of them.
    """

    tasks: frozenset[str]
    batches: frozenset[str]
    kinds: frozenset[str]
    events: frozenset[str]
    labels: frozenset[str] = NO_LABELS

    def __call__(self, frame: Frame) -> bool:
        """Return whether an event is wanted."""
        return (
            (not self.tasks or frame.task in self.tasks)
            and (not self.batches or frame.batch in self.batches)
            and (not self.kinds or frame.kind in self.kinds)
            and (not self.events or frame.event in self.events)
            and self.labels <= frame.labels
        )

    def subject(self, owner: str) -> str:
        """Return the narrowest log subject that has all wanted events of an owner."""
        return subjects.task_events(owner, _only(self.tasks), _only(self.kinds), _only(self.events & _TASK_EVENTS))

    @property
    def is_empty(self) -> bool:
        """Whether every event is wanted."""
        return not (self.tasks or self.batches or self.kinds or self.events or self.labels)

    def wants_hint(self, name: str, kind: str | None, batch: str | None) -> bool:
        """Return whether a hint is wanted: one of a wanted name that is about no kind and no batch but wanted ones."""
        return (
            (not self.events or name in self.events)
            and (not self.kinds or kind is None or kind in self.kinds)
            and (not self.batches or batch is None or batch in self.batches)
        )

    @property
    def has_hints(self) -> bool:
        """Whether any hint is wanted."""
        return not self.events or not self.events.isdisjoint(HintName)


def read_filter(
    tasks: list[str] | None,
    batches: list[str] | None,
    kinds: list[str] | None,
    events: list[str] | None,
    known_kinds: set[str],
    *,
    labels: list[str] | None = None,
    form: FrameForm = FULL,
) -> EventFilter:
    """Read a filter from a query.

    Args:
        tasks: Ids of tasks.
        batches: Ids of batches.
        kinds: Names of kinds.
        events: Names of events, and in a brief stream of hints.
        known_kinds: The kinds that there are.
        labels: Labels that each task has to have, as ``key=value``.
        form: The form of the stream.

    Raises:
        MalformedRequest: A kind or an event does not exist, an id or a label is not well formed, or there are too many values.
    """
    filled = EventFilter(*(frozenset(each or ()) for each in (tasks, batches, kinds, events, labels)))
    _check_values(filled)
    for name, ids in (("task", filled.tasks), ("batch", filled.batches)):
        for each in ids:
            if not is_id(each):
                _refuse(name, f"{each[:80]!r} is not an id")
    filled = filled._replace(labels=frozenset(map(_read_label, filled.labels)))
    for kind in filled.kinds - known_kinds:
        _refuse("kind", f"no worker ever announced a kind {kind[:80]!r}; see /api/v1/kinds")
    known = [*(each for each in EventName if each not in form.left_out), *form.hints]
    for event in filled.events - set(known):
        _refuse("event", f"there is no event {event[:80]!r}; there are {', '.join(known)}")
    return filled


_BOUNDS = {"task": TASKS_MAX, "batch": VALUES_MAX, "kind": VALUES_MAX, "event": VALUES_MAX, "label": LABELS_MAX}


def _check_values(filled: EventFilter) -> None:
    """Refuse too many values of a parameter, and values with commas in between."""
    for (name, most), values in zip(_BOUNDS.items(), filled, strict=True):
        if len(values) > most:
            _refuse(name, f"there are {len(values)} of them, {most} at most can be followed at once")
    # Only a label may have a comma in it.
    for name, values in zip(_BOUNDS, filled[:-1], strict=False):
        if joined := next((each for each in values if "," in each), None):
            _refuse(name, explain_joined(name, joined))


def _read_label(label: str) -> str:
    """Return a label as frames have it.

    Raises:
        MalformedRequest: It is none.
    """
    key, equals, value = label.partition("=")
    try:
        msgspec.convert({key: value}, Labels)
    except msgspec.ValidationError:
        equals = ""
    if not equals:
        _refuse("label", f"{label[:80]!r} is not a label, written as key=value")
    return f"{key}={normal_value(value)}"


def _only(values: frozenset[str]) -> str:
    return next(iter(values)) if len(values) == 1 else "*"


def _refuse(name: str, message: str) -> None:
    raise MalformedRequest(message, [FieldError(path=f"query {name}", message=message)])
