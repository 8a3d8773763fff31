"""The schemas of streamed events and of a task's timeline: unions that their field `event` discriminates.

OpenAPI describes a stream as text. So nothing refers to the schemas of its events; they are components of every document that
has a stream. `StreamEvents` and `BriefStreamEvents` say what the data is behind each name that an `event:` line may have.
"""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import NODEFAULT, Raw, Struct, defstruct

from headrace.api.edge.openapi_components import SCHEMAS, Json, refer_to
from headrace.api.edge.openapi_descriptions import on_one_line
from headrace.api.streaming.brief_frames import FIRST_ATTEMPT, LEFT_OUT, fields_left_out
from headrace.contracts.batches import Batch
from headrace.contracts.counts import OwnerCounts
from headrace.contracts.events import HIGH_RATE, Event, EventName
from headrace.contracts.frames import Beat, BriefError, BriefFrame, Bye, Reset, TaskFrame
from headrace.contracts.hints import Gauges, HintName, KindHint, ScheduleHint, UserHint
from headrace.contracts.problems import Problem
from headrace.contracts.screens.task_detail import TimelineItem
from headrace.contracts.tasks import TaskError, TimelineEntry

TASK_EVENT = "TaskEvent"
STREAM_EVENTS = "StreamEvents"
BRIEF_TASK_EVENT = "BriefTaskEvent"
BRIEF_STREAM_EVENTS = "BriefStreamEvents"
# The names of the unions, and how the names of their members end.
_TIMELINES = {TimelineEntry.__name__: "Entry", TimelineItem.__name__: "Item"}

_NO_TASK_EVENTS: dict[str, type[Struct]] = {"reset": Reset, "beat": Beat, "bye": Bye, "problem": Problem}
_HINTS: dict[str, type[Struct]] = {
    HintName.COUNTS: OwnerCounts,
    HintName.COUNTED: Batch,
    HintName.SETTLED: Batch,
    HintName.KIND: KindHint,
    HintName.SCHEDULE: ScheduleHint,
}
_HINTS_FOR_ADMINS: dict[str, type[Struct]] = {HintName.GAUGES: Gauges, HintName.USERS: UserHint}
_NOT_STREAMED = frozenset({"input", "stored_input", "withdrawn", "erased"})
# `attempt` stands beside the data of an entry.
_NOT_IN_TIMELINE = frozenset({"attempt", "input", "stored_input", "result", "stored_result", "withdrawn", "restored"})
# An answer always has all fields of an error. An event has what its worker wrote.
_IN_EVENTS = {TaskError.__name__: "EventError"}
_OF_EVERYBODY = "follow_everybody"
# The streams that have no other form.
_BRIEF_STREAMS = frozenset({_OF_EVERYBODY, "follow_own"})
# Where the first sentences of an event promise what its frames leave out.
_SAID_OF_FRAMES = {
    EventName.QUEUED: "A task may run now.",
    EventName.STARTED: "A worker is about to call the handler. ``delivered`` says how often this attempt was delivered to a worker, "
    "and is left out the first time.",
    EventName.STORED: "The task produced a file.",
}
_SAID_OF_BRIEF_FRAMES = _SAID_OF_FRAMES | {
    EventName.FINISHED: "The one end of a run: ``error`` with ``failed``, ``by`` with ``cancelled``.",
}
# A deleted task has no timeline.
_OF_TIMELINE = frozenset(EventName) - HIGH_RATE - {EventName.DELETED}


def streamed_events() -> dict[EventName, type[Struct]]:
    """Return what the data of a frame is, by the name of its event: the event's own fields and those of every frame."""
    return {
        name: _frame(f"{event.__name__}Event", name, event, TaskFrame, _NOT_STREAMED)
        for name, event in _events().items()
    }


def brief_events() -> dict[EventName, type[Struct]]:
    """Return what the data of a brief frame is, by the name of its event."""
    return {
        name: _frame(f"Brief{event.__name__}Event", name, event, BriefFrame, fields_left_out(name))
        for name, event in _events().items()
        if name not in LEFT_OUT
    }


def add_streamed(schemas: Json, operations: set[str]) -> tuple[str, ...]:
    """Add the schemas of what the streams among some operations send, such as `TaskEvent` with `FinishedEvent` and the others.

    Returns:
        The names of those to which nothing refers.
    """
    hints = _HINTS | (_HINTS_FOR_ADMINS if _OF_EVERYBODY in operations else {})
    roots = (BRIEF_TASK_EVENT, BRIEF_STREAM_EVENTS)
    _add_form(schemas, brief_events(), roots, "a brief stream", _NO_TASK_EVENTS | hints)
    if operations <= _BRIEF_STREAMS:
        return roots
    full = (TASK_EVENT, STREAM_EVENTS)
    _add_form(schemas, streamed_events(), full, "a stream", _NO_TASK_EVENTS)
    return (*full, *roots)


def _add_form(
    schemas: Json,
    events: dict[EventName, type[Struct]],
    names: tuple[str, str],
    stream: str,
    others: dict[str, type[Struct]],
) -> None:
    _add(schemas, [*events.values()])
    _add(schemas, [*others.values()], is_complete=True)
    members = {str(name): event.__name__ for name, event in events.items()}
    union, by_name = names
    schemas[union] = _union(f"What {stream} sends of a task.", members)
    members |= {str(name): data.__name__ for name, data in others.items()}
    schemas[by_name] = {
        "title": by_name,
        "description": f"The data of what {stream} sends, by the name in the `event:` line. No answer has this form.",
        "type": "object",
        "properties": {name: {"$ref": SCHEMAS + member} for name, member in members.items()},
    }


def add_timelines(schemas: Json) -> None:
    """Replace the schema of an entry of a timeline, here and on a screen, by a union of what the entries of each event have."""
    for name, ending in _TIMELINES.items():
        if name in schemas:
            _add_timeline(schemas, name, ending)


def _add_timeline(schemas: Json, timeline: str, ending: str) -> None:
    data = {
        name: defstruct(f"{event.__name__}Fields", _fields(event, _NOT_IN_TIMELINE), kw_only=True)
        for name, event in _events().items()
        if name in _OF_TIMELINE
    }
    _add(schemas, [*data.values()])
    entry = schemas[timeline]
    members = {name.value: f"{_events()[name].__name__}{ending}" for name in data}
    for name, member in members.items():
        own = {"event": {"const": name, "type": "string"}, "data": {"$ref": SCHEMAS + data[EventName(name)].__name__}}
        schemas[member] = {**entry, "title": member, "properties": entry["properties"] | own}
    schemas[timeline] = _union(entry["description"], members)


def _frame(
    title: str, name: EventName, event: type[Struct], base: type[Struct], left_out: frozenset[str]
) -> type[Struct]:
    is_brief = base is BriefFrame
    said = (_SAID_OF_BRIEF_FRAMES if is_brief else _SAID_OF_FRAMES).get(name) or _first_sentences(event)
    return defstruct(
        title,
        _fields(event, left_out, is_brief=is_brief),
        bases=(base,),
        tag_field="event",
        tag=name.value,
        kw_only=True,
        namespace={"__doc__": said},
    )


def _events() -> dict[EventName, type[Struct]]:
    return {EventName(str(each.__struct_config__.tag)): each for each in get_args(Event)}


def _fields(event: type[Struct], left_out: frozenset[str], *, is_brief: bool = False) -> list[Any]:
    """Return the fields of an event as `defstruct` takes them. In a brief frame the error is short, and the attempt 1 is left out."""
    hints = get_type_hints(event, include_extras=True)
    if is_brief and "error" in hints:
        hints["error"] = BriefError | None
    given = [each for each in msgspec.structs.fields(event) if each.name not in left_out]
    fields: list[Any] = [
        (each.name, hints[each.name]) if each.required else (each.name, hints[each.name], _default(each))
        for each in given
    ]
    return [(*each, FIRST_ATTEMPT) if is_brief and each[0] == "attempt" else each for each in fields]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    # A document cannot show JSON that is encoded already.
    return None if isinstance(field.default, Raw) else field.default


def _first_sentences(event: type[Struct]) -> str:
    """Return the first paragraph of what an event says of itself; the others are about the log."""
    return on_one_line((event.__doc__ or "").partition("\n\n")[0])


def _add(schemas: Json, structs: list[type[Struct]], *, is_complete: bool = False) -> None:
    """Add the schemas of Structs, unless the document has them. ``is_complete`` says that all fields are always sent."""
    _, made = msgspec.json.schema_components(structs, ref_template=SCHEMAS + "{name}")
    refer_to([*made.values()], _IN_EVENTS)
    for name, schema in made.items():
        for each in schema.get("properties", {}).values():
            # An event leaves out what it has no value for.
            each.pop("default", None)
        if "description" in schema:
            schema["description"] = on_one_line(schema["description"])
        if is_complete and "properties" in schema:
            schema["required"] = [*schema["properties"]]
        schemas.setdefault(_IN_EVENTS.get(name, name), schema)


def _union(description: str, members: dict[str, str]) -> Json:
    references = {name: SCHEMAS + member for name, member in members.items()}
    return {
        "description": description,
        "oneOf": [{"$ref": each} for each in references.values()],
        "discriminator": {"propertyName": "event", "mapping": references},
    }
