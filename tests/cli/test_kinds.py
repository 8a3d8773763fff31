"""`headrace kinds`: the catalog, and the fields of one kind."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec

from headrace.cli.terminal.kind_fields import KindField, fields_of
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
        KindField("size", "integer or text", "3", ""),
        KindField("anything", "any JSON", "", ""),
    ]


def test_an_input_that_is_no_object_has_no_fields() -> None:
    assert list(fields_of({"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "object"}}})) == []


async def test_one_kind_is_shown_with_its_fields_and_one_that_there_is_not_is_refused(up: Up) -> None:
    done = await up.shell.call("kinds", "shout")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[:3] for line in done.out.splitlines() if line.startswith("text ")] == [
        ["text", "text", "required"]
    ]
    whole = await up.shell.call("kinds", "shout", "--json")
    assert json.loads(whole.out)["name"] == "shout"
    none = await up.shell.call("kinds", "nope")
    assert (none.code, none.err) == (2, "there is no kind 'nope'; `headrace kinds` lists them\n")
