from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from headrace.contracts.kinds import KindDescription
from headrace.contracts.screens.new_task import example_of


class Shown(msgspec.Struct):
    url: Annotated[str, Meta(examples=["https://example.com", "x"])]
    pages: int = 3
    name: str | None = None


class NotShown(msgspec.Struct):
    url: str
    pages: Annotated[int, Meta(examples=[7])] = 3


class Defaults(msgspec.Struct):
    pages: int = 3


WHOLE = {"type": "object", "examples": [{"a": 1}, {"a": 2}]}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (msgspec.json.schema(Shown), {"url": "https://example.com", "pages": 3}),
        (msgspec.json.schema(NotShown), None),
        (msgspec.json.schema(Defaults), None),
        (WHOLE, {"a": 1}),
        ({"$ref": "#/$defs/A", "$defs": {"A": WHOLE}}, {"a": 1}),
        ({"$ref": "#/$defs/A", "$defs": {"A": True}}, None),
        ({"properties": {"a": True, "b": {"examples": [1]}}}, {"b": 1}),
        ({"examples": 7, "properties": {"a": {"examples": ["x"]}}}, None),
        ({}, None),
    ],
)
def test_an_example_of_an_input_is_what_its_schema_shows(schema: dict[str, Any], example: object) -> None:
    kind = KindDescription(name="k", description="", input_schema=schema, result_schema={}, timeout=1, max_attempts=1)
    assert example_of(kind) == example
