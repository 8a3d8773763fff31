"""The schemas of streamed events and of a task's timeline: unions that their field `event` discriminates.

OpenAPI describes a stream as text. So nothing refers to the schemas of its events; they are components of every document that
has a stream.
"""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import NODEFAULT, Raw, Struct, defstruct

from headrace.api.edge.openapi_components import SCHEMAS, Json, refer_to
from headrace.contracts.events import HIGH_RATE, Event, EventName
from headrace.contracts.frames import Reset, TaskFrame
from headrace.contracts.tasks import TaskError, TimelineEntry

TASK_EVENT = "TaskEvent"
TIMELINE_ENTRY = TimelineEntry.__name__

_NO_TASK_EVENTS = (Reset,)
_NOT_STREAMED = frozenset({"input", "withdrawn", "erased"})
# `attempt` stands beside the data of an entry.
_NOT_IN_TIMELINE = frozenset({"attempt", "input", "result", "withdrawn", "restored"})
# An answer always has all fields of an error. An event has what its worker wrote.
_IN_EVENTS = {TaskError.__name__: "EventError"}
# A deleted task has no timeline.
_OF_TIMELINE = frozenset(EventName) - HIGH_RATE - {EventName.DELETED}

STREAMED = (TASK_EVENT, *(each.__name__ for each in _NO_TASK_EVENTS))


def streamed_events() -> dict[EventName, type[Struct]]:
    """Return what the data of a frame is, by the name of its event: the event's own fields and those of every frame."""
    return {
        name: defstruct(
            f"{event.__name__}Event",
            _fields(event, _NOT_STREAMED),
            bases=(TaskFrame,),
            tag_field="event",
            tag=name.value,
            kw_only=True,
            namespace={"__doc__": _first_sentences(event)},
        )
        for name, event in _events().items()
    }


def add_streamed(schemas: Json) -> None:
    """Add the schemas of what streams send: `TaskEvent`, its members such as `FinishedEvent`, and the frames that are no events."""
    events = streamed_events()
    _add(schemas, [*events.values(), *_NO_TASK_EVENTS])
    members = {name: event.__name__ for name, event in events.items()}
    schemas[TASK_EVENT] = _union("What a stream sends of a task.", members)


def add_timeline(schemas: Json) -> None:
    """Replace the schema of an entry of a timeline by a union of what the entries of each event have."""
    if TIMELINE_ENTRY not in schemas:
        return
    data = {
        name: defstruct(f"{event.__name__}Fields", _fields(event, _NOT_IN_TIMELINE), kw_only=True)
        for name, event in _events().items()
        if name in _OF_TIMELINE
    }
    _add(schemas, [*data.values()])
    entry = schemas[TIMELINE_ENTRY]
    members = {name: f"{_events()[name].__name__}Entry" for name in data}
    for name, member in members.items():
        own = {"event": {"const": name.value, "type": "string"}, "data": {"$ref": SCHEMAS + data[name].__name__}}
        schemas[member] = {**entry, "title": member, "properties": entry["properties"] | own}
    schemas[TIMELINE_ENTRY] = _union("One event of a task's history, as kept in the read model.", members)


def _events() -> dict[EventName, type[Struct]]:
    return {EventName(str(each.__struct_config__.tag)): each for each in get_args(Event)}


def _fields(event: type[Struct], left_out: frozenset[str]) -> list[Any]:
    """Return the fields of an event as `defstruct` takes them."""
    hints = get_type_hints(event, include_extras=True)
    given = [each for each in msgspec.structs.fields(event) if each.name not in left_out]
    return [
        (each.name, hints[each.name]) if each.required else (each.name, hints[each.name], _default(each))
        for each in given
    ]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    # A document cannot show JSON that is encoded already.
    return None if isinstance(field.default, Raw) else field.default


def _first_sentences(event: type[Struct]) -> str:
    """Return the first paragraph of what an event says of itself; the others are about the log."""
    return " ".join((event.__doc__ or "").partition("\n\n")[0].split())


def _add(schemas: Json, structs: list[type[Struct]]) -> None:
    _, made = msgspec.json.schema_components(structs, ref_template=SCHEMAS + "{name}")
    refer_to([*made.values()], _IN_EVENTS)
    for name, schema in made.items():
        for each in schema.get("properties", {}).values():
            # An event leaves out what it has no value for.
            each.pop("default", None)
        schemas.setdefault(_IN_EVENTS.get(name, name), schema)


def _union(description: str, members: dict[EventName, str]) -> Json:
    references = {str(name): SCHEMAS + member for name, member in members.items()}
    return {
        "description": description,
        "oneOf": [{"$ref": each} for each in references.values()],
        "discriminator": {"propertyName": "event", "mapping": references},
    }
