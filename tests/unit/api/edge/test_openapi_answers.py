"""What a generated client relies on, in the document of each part of the API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Union

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Struct
from openapi_spec_validator import OpenAPIV31SpecValidator

from headrace.api.edge.openapi_components import SCHEMAS, operations_of, reachable
from headrace.api.edge.openapi_events import brief_events, streamed_events
from headrace.api.streaming.brief_frames import LEFT_OUT, encode_brief, encode_brief_with_owner
from headrace.api.streaming.frames import encode_frame
from headrace.contracts.events import Event, EventName, Outcome, encode
from headrace.contracts.hints import HintName
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from tests.examples import examples
from tests.openapi import documents
from tests.unit.strategies import EVENTS, texts

Json = dict[str, Any]

MADE = documents()

every_document = pytest.mark.parametrize("document", MADE.values(), ids=MADE)


def answers_of(document: Json) -> Iterator[tuple[str, str, Json]]:
    """The id of an operation, a status and the answer."""
    for operation in operations_of(document):
        for status, answer in operation["responses"].items():
            shared = answer.get("$ref", "").rpartition("/")[2]
            yield operation["operationId"], status, document["components"]["responses"].get(shared, answer)


@every_document
def test_a_document_is_valid(document: Json) -> None:
    OpenAPIV31SpecValidator(document).validate()


@every_document
def test_every_refusal_is_a_problem(document: Json) -> None:
    for operation, status, answer in answers_of(document):
        # A process that is not ready answers with its checks.
        if status >= "400" and operation != "health_ready":
            content = {"schema": {"$ref": SCHEMAS + "Problem"}}
            assert answer["content"] == {"application/problem+json": content}, (operation, status)


@every_document
def test_a_parameter_is_left_out_and_never_null(document: Json) -> None:
    for operation in operations_of(document):
        for parameter in operation.get("parameters", ()):
            assert "null" not in json.dumps(parameter["schema"]), (operation["operationId"], parameter["name"])


@every_document
def test_an_answer_always_has_all_of_its_fields(document: Json) -> None:
    schemas = document["components"]["schemas"]
    answered = reachable(schemas, [answer for _, status, answer in answers_of(document) if status < "400"])
    for name in answered:
        # The data of a timeline is what was stored with an event, by any version.
        if not name.endswith("Fields") and name != "EventError":
            schema = schemas[name]
            assert set(schema.get("required", ())) == set(schema.get("properties", ())), name


def test_what_a_request_may_leave_out_stays_optional() -> None:
    schemas = MADE["core"]["components"]["schemas"]
    assert set(schemas["Submission"]["required"]) == {"kind", "input"}
    assert set(schemas["NewSchedule"]["required"]) == {"kind", "input"}
    assert set(schemas["ScheduleDefinition"]["required"]) == set(schemas["NewSchedule"]["properties"])
    assert schemas["Schedule"]["properties"]["definition"] == {"$ref": SCHEMAS + "ScheduleDefinition"}


def test_no_answer_but_a_problem_leaves_fields_out() -> None:
    with_unset = {
        each.__name__
        for each in _structs(Struct)
        if each.__module__.startswith("headrace.contracts")
        and any(field.default is UNSET for field in msgspec.structs.fields(each))
    }
    assert with_unset == {"Problem"}


@every_document
def test_a_schema_says_what_its_type_says_and_a_field_keeps_its_own_words(document: Json) -> None:
    schemas = document["components"]["schemas"]
    own = {
        each.__name__: each for each in (*_structs(Struct), *_structs(Enum)) if "headrace.contracts." in each.__module__
    }
    of_types = {name: own[name.removesuffix("View")] for name in schemas if name.removesuffix("View") in own}
    assert len(of_types) > 30
    for name, of in of_types.items():
        assert schemas[name]["description"] == " ".join((of.__doc__ or "").split()), name
        _, told = msgspec.json.schema_components([of])
        for field, said in told[of.__name__].get("properties", {}).items():
            # The schema of a timeline is a union, whose members have the fields.
            if "description" in said and "properties" in schemas[name]:
                assert schemas[name]["properties"][field]["description"] == said["description"], (name, field)
    if document is MADE["core"]:
        total = schemas["Activity"]["properties"]["total"]
        assert total == {"allOf": [{"$ref": SCHEMAS + "ActivityCounts"}], "description": "The whole span."}


@every_document
def test_a_frame_promises_no_field_that_it_lacks(document: Json) -> None:
    schemas = document["components"]["schemas"]
    frames = [name for name in schemas if name.endswith("Event") and "properties" in schemas[name]]
    assert frames
    for name in frames:
        promised = {*re.findall(r"``(\w+)``", schemas[name]["description"])}
        assert promised <= schemas[name]["properties"].keys() | {*Outcome}, name


@every_document
def test_an_object_about_whose_names_nothing_is_said_may_have_any(document: Json) -> None:
    def check(said: Any) -> None:
        if isinstance(said, dict):
            assert said.get("type") != "object" or said.keys() & {"properties", "additionalProperties"}, said
        for each in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
            check(each)

    check({"paths": document["paths"], "components": document["components"]})
    if document is MADE["core"]:
        assert document["components"]["schemas"]["Submission"]["properties"]["input"]["additionalProperties"] is True


def _structs(of: type[Any]) -> Iterator[type[Any]]:
    for each in of.__subclasses__():
        yield each
        yield from _structs(each)


@every_document
def test_the_schema_of_a_body_has_a_name(document: Json) -> None:
    for operation in operations_of(document):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            # Of NDJSON each line is a body, and a file is what it is.
            is_plain = media_type in ("application/x-ndjson", "application/octet-stream")
            assert "$ref" in content["schema"] or is_plain, operation["operationId"]
    if document is MADE["core"]:
        body = document["paths"]["/api/v1/batches"]["post"]["requestBody"]["content"]["application/json"]
        assert body == {"schema": {"$ref": SCHEMAS + "BatchSubmission"}}


@every_document
def test_an_operation_says_in_a_line_and_in_sentences_what_it_does(document: Json) -> None:
    for operation in operations_of(document):
        assert operation["summary"], operation["operationId"]
        assert operation["description"], operation["operationId"]


@every_document
def test_a_reader_takes_no_offence_at_a_field_of_a_later_version(document: Json) -> None:
    schemas = document["components"]["schemas"]
    answered = reachable(schemas, [answer for _, _, answer in answers_of(document)])
    assert [name for name in answered if schemas[name].get("additionalProperties") is False] == []


@pytest.mark.parametrize(
    ("part", "timeline"), [("core", "TimelineEntry"), ("member", "TimelineItem"), ("admin", "TimelineItem")]
)
def test_an_entry_of_a_timeline_is_one_of_a_union_by_its_event(part: str, timeline: str) -> None:
    schemas = MADE[part]["components"]["schemas"]
    members = schemas[timeline]["discriminator"]["mapping"]
    assert members.keys() >= {"queued", "deferred", "started", "finished"}
    for event, refers in members.items():
        properties = schemas[refers.removeprefix(SCHEMAS)]["properties"]
        assert properties["event"] == {"const": event, "type": "string"}
        assert properties["data"]["$ref"].removeprefix(SCHEMAS) in schemas


@every_document
def test_an_operation_has_a_tag_and_a_name_that_says_enough(document: Json) -> None:
    for operation in operations_of(document):
        assert "_" in operation["operationId"] or operation["operationId"] == "register"
        is_stream = "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
        assert (operation["tags"] == ["events"]) == is_stream


@every_document
def test_a_document_has_no_schema_of_another_part(document: Json) -> None:
    components = document["components"]
    kept = reachable(components["schemas"], document["paths"], components["responses"])
    streamed = {"BriefTaskEvent", "BriefStreamEvents"}
    if document is MADE["core"]:
        streamed |= {"TaskEvent", "StreamEvents"}
    of_streams = reachable(components["schemas"], [{"$ref": SCHEMAS + each} for each in streamed])
    assert streamed <= set(components["schemas"]) == kept | of_streams


def test_members_have_none_of_the_schemas_of_administrators() -> None:
    assert "RunTimeSettings" not in MADE["member"]["components"]["schemas"]
    assert "RunTimeSettings" not in MADE["core"]["components"]["schemas"]
    assert "RunTimeSettings" in MADE["admin"]["components"]["schemas"]


@every_document
def test_what_a_stream_sends_has_a_schema_by_the_name_of_the_event(document: Json) -> None:
    schemas = document["components"]["schemas"]
    brief = {each for each in EventName if each not in LEFT_OUT}
    others, hints = {"reset", "beat", "bye", "problem"}, {*HintName} - {HintName.GAUGES, HintName.USERS}
    for_admins = {*HintName} if document is MADE["admin"] else hints
    assert schemas["BriefStreamEvents"]["properties"].keys() == brief | others | for_admins
    if document is MADE["core"]:
        assert schemas["StreamEvents"]["properties"].keys() == {*EventName} | others
    for name in {*schemas} & {"StreamEvents", "BriefStreamEvents"}:
        for refers in schemas[name]["properties"].values():
            assert refers["$ref"].removeprefix(SCHEMAS) in schemas
    for hint in for_admins:
        data = schemas[schemas["BriefStreamEvents"]["properties"][hint]["$ref"].removeprefix(SCHEMAS)]
        assert {*data["required"]} == {*data["properties"]}


@cache
def validator(name: str) -> Any:
    components = MADE["core"]["components"]
    return jsonschema_rs.Draft202012Validator({"$ref": SCHEMAS + name, "components": components})


@pytest.mark.parametrize("name", EventName)
@given(data=st.data())
@examples(30)
def test_the_data_of_every_frame_is_the_member_of_the_union_that_its_event_names(
    name: EventName, data: st.DataObject
) -> None:
    event: Event = data.draw(EVENTS[name])
    batch, at = data.draw(st.none() | texts), datetime(2026, 1, 2, tzinfo=UTC)
    headers = {} if batch is None else {"Headrace-Batch": batch}
    subject = str(TaskSubject(name, "echo", "normal", "u1", "t1"))
    frame = encode_frame(Record(42, subject, at, headers, encode(event)), 1)
    assert frame is not None
    encoded = frame.encoded.partition(b"\ndata: ")[2]
    sent = json.loads(encoded)
    validator("TaskEvent").validate(sent)
    validator(
        MADE["core"]["components"]["schemas"]["TaskEvent"]["discriminator"]["mapping"][name].rpartition("/")[2]
    ).validate(sent)
    decoded = UNION.decode(encoded)
    assert type(decoded).__name__ == f"{type(event).__name__}Event"
    assert (decoded.task, decoded.batch, decoded.attempt) == ("t1", batch, event.attempt)
    # What is sent besides is documented: a client sees no field that the document does not have.
    assert set(sent) <= {"event", *(each.encode_name for each in msgspec.structs.fields(type(decoded)))}


@pytest.mark.parametrize("name", sorted(set(EventName) - LEFT_OUT))
@given(data=st.data())
@examples(20)
def test_the_data_of_every_brief_frame_is_the_member_of_its_union(name: EventName, data: st.DataObject) -> None:
    event: Event = data.draw(EVENTS[name])
    headers = data.draw(st.fixed_dictionaries({}, optional=BRIEF_HEADERS))
    subject = str(TaskSubject(name, "echo", "normal", "u1", "t1"))
    record = Record(42, subject, datetime(2026, 1, 2, tzinfo=UTC), headers, encode(event))
    for frame, owner in ((encode_brief(record, 1), None), (encode_brief_with_owner(record, 1), "u1")):
        assert frame is not None
        encoded = frame.encoded.partition(b"\ndata: ")[2]
        sent = json.loads(encoded)
        validator("BriefTaskEvent").validate(sent)
        decoded = BRIEF_UNION.decode(encoded)
        assert type(decoded).__name__ == f"Brief{type(event).__name__}Event"
        assert decoded.priority == (None if name == EventName.FINISHED else "normal")
        assert (decoded.owner, decoded.attempt) == (owner, event.attempt)
        assert set(sent) <= {"event", *(each.encode_name for each in msgspec.structs.fields(type(decoded)))}


UNION: Any = msgspec.json.Decoder(Union[tuple(streamed_events().values())])  # noqa: UP007 - made of a sequence
BRIEF_UNION: Any = msgspec.json.Decoder(Union[tuple(brief_events().values())])  # noqa: UP007 - made of a sequence
BRIEF_HEADERS = {
    "Headrace-Batch": texts,
    "Headrace-Schedule": st.just("s1") | texts,
    "Headrace-Title": texts,
    "Headrace-Labels": st.just('{"customer":"42"}') | texts,
}


def test_the_document_offers_no_key_to_what_wants_a_session() -> None:
    of_session = {
        operation["operationId"]
        for document in MADE.values()
        for operation in operations_of(document)
        if operation.get("security") and not any("bearer" in each for each in operation["security"])
    }
    assert of_session == {"list_sessions", "end_session", "end_sessions", "replace_preferences"}


def test_every_list_of_tasks_says_what_an_order_by_a_duration_leaves_out() -> None:
    said = {
        operation["operationId"]: parameter["description"]
        for document in MADE.values()
        for operation in operations_of(document)
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "sort"
    }
    assert len(said) == 3
    for description in said.values():
        assert "is of one owner, and has only the tasks of which it is known" in description
