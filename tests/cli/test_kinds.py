"""`headrace kinds`: the catalog, and the fields of one kind."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec

from headrace.cli.terminal.kind_fields import DEPTH_MAX, FIELDS_MAX, KindField, fields_of, result_of
from headrace.task import Context, File, accepts, task
from tests.cli.conftest import Up


class Part(msgspec.Struct, frozen=True):
    number: int


class Whole(msgspec.Struct, frozen=True):
    photo: Annotated[File, accepts("image/*"), msgspec.Meta(description="The picture.\n\n    Seen from above.")]
    formats: list[Literal["png", "webp"]] = msgspec.field(default_factory=lambda: ["png"])
    others: list[File] | None = None
    part: Part | None = None
    size: int | str = 3
    anything: Any = None


@task()
async def assemble(input: Whole, context: Context) -> None:
    """Has a field of each sort."""


def test_each_field_says_what_it_takes_and_what_it_is_about() -> None:
    assert list(fields_of(assemble.describe().input_schema)) == [
        KindField("photo", "file", "required", "The picture. (image/*)"),
        KindField("formats", "list: one of png, webp", "", ""),
        KindField("others", "list: file", "", ""),
        KindField("part", "object", "", ""),
        KindField("  number", "integer", "required", ""),
        KindField("size", "integer or text", "3", ""),
        KindField("anything", "any JSON", "", ""),
    ]


class Tree(msgspec.Struct, frozen=True):
    name: str
    below: list[Tree] = []


class Circle(msgspec.Struct, frozen=True, tag="circle"):
    radius: float


class Square(msgspec.Struct, frozen=True, tag="square"):
    side: float


class Line(msgspec.Struct, frozen=True):
    """A line."""

    cells: Annotated[list[list[Part]], msgspec.Meta(description="Row by row.")]
    shape: Circle | Square | None = None


@task()
async def draw(input: Line, context: Context) -> list[Part] | None:
    """Has objects in lists and one of two."""
    return None


@task()
async def grow(input: Tree, context: Context) -> Tree:
    """Has itself."""
    return input


def test_fields_of_objects_in_lists_are_indented_and_one_of_several_objects_is_left_to_the_schema() -> None:
    assert list(fields_of(draw.describe().input_schema)) == [
        KindField("cells", "list: list: object", "required", "Row by row."),
        KindField("  number", "integer", "required", ""),
        KindField("shape", "object", "", ""),
        KindField("  …", "", "", "--json has the rest"),
    ]


def test_an_object_that_has_itself_ends_after_some_levels() -> None:
    names = [field.name for field in fields_of(grow.describe().input_schema)]
    levels = [name for depth in range(DEPTH_MAX + 1) for name in ("  " * depth + "name", "  " * depth + "below")]
    assert names == [*levels, "  " * (DEPTH_MAX + 1) + "…"]


def test_no_more_fields_are_shown_than_some_screens_have() -> None:
    schema = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(FIELDS_MAX + 1)}}
    fields = list(fields_of(schema))
    assert len(fields) == FIELDS_MAX + 1
    assert fields[-1] == KindField("…", "", "", "--json has the rest")


def test_a_result_is_said_in_a_few_words_and_its_fields_as_those_of_an_input() -> None:
    drawn = draw.describe().result_schema
    assert result_of(drawn) == "list: object or nothing"
    assert [field.name for field in fields_of(drawn)] == ["number"]
    assert result_of(grow.describe().result_schema) == "object"
    assert result_of(assemble.describe().result_schema) == "nothing"
    assert result_of({}) == "any JSON"


def test_an_input_that_is_no_object_has_no_fields() -> None:
    assert list(fields_of({"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "object"}}})) == []


async def test_one_kind_is_shown_with_its_fields_and_one_that_there_is_not_is_refused(up: Up) -> None:
    done = await up.shell.call("kinds", "shout")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[:3] for line in done.out.splitlines() if line.startswith("text ")] == [
        ["text", "text", "required"]
    ]
    assert "its result: object\n" in done.out
    counted = await up.shell.call("kinds", "word_count")
    assert "its result: object\n" in counted.out
    assert [line.split()[:2] for line in counted.out.partition("its result")[2].splitlines() if "words" in line] == [
        ["words", "integer"]
    ]
    whole = await up.shell.call("kinds", "shout", "--json")
    assert json.loads(whole.out)["name"] == "shout"
    none = await up.shell.call("kinds", "nope")
    assert (none.code, none.err) == (2, "there is no kind 'nope'; `headrace kinds` lists them\n")
