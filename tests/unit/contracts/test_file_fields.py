"""Where the inputs of a kind name files."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from headrace.contracts.file_fields import FileFields, NamedFile, is_accepted
from headrace.contracts.titles import choose_title
from headrace.inputs import InputCheck
from headrace.sdk.files import File, accepts
from headrace.task import Context, task


class Page(msgspec.Struct, tag="page", frozen=True):
    scan: Annotated[File, accepts("image/*", "application/pdf")]


class Note(msgspec.Struct, tag="note", frozen=True):
    scan: str


class Folder(msgspec.Struct, frozen=True):
    name: str
    parts: list[Page | Note] = []
    inside: list[Folder] = []
    by_name: dict[str, File] = {}
    pair: tuple[int, File] | None = None
    cover: File | None = None
    main: File = ""


class Plain(msgspec.Struct, frozen=True):
    name: str
    inside: list[Plain] = []


@task()
async def keep(input: Folder, context: Context) -> None:
    pass


def fields_of(struct: Any) -> FileFields:
    return FileFields(msgspec.json.schema(struct))


def test_a_field_that_is_a_file_is_marked_in_the_schema_with_what_it_takes() -> None:
    described = keep.describe()
    assert described.input_schema["$defs"]["Page"]["properties"]["scan"] == {
        "type": "string",
        "x-file": True,
        "x-accept": ["image/*", "application/pdf"],
    }
    check = InputCheck(described.input_schema, described.input_type)
    given: dict[str, Any] = {"name": "a", "parts": [{"type": "page", "scan": "f1"}], "main": "f2"}
    assert check.accepts(given, msgspec.json.encode(given))
    assert not check.accepts({"name": "a", "main": 4}, b'{"name":"a","main":4}')


def test_files_are_found_wherever_the_schema_has_them() -> None:
    given = {
        "name": "f0",
        "parts": [{"type": "page", "scan": "f1"}, {"type": "note", "scan": "no file"}],
        "inside": [{"name": "x", "inside": [{"name": "y", "main": "f2"}]}],
        "by_name": {"a/b~c": "f3"},
        "pair": [1, "f4"],
        "cover": None,
        "main": "f5",
        "more": {"main": "unknown"},
    }
    assert fields_of(Folder).find(given, "/input") == [
        NamedFile("/input/parts/0/scan", "f1", ("image/*", "application/pdf")),
        NamedFile("/input/inside/0/inside/0/main", "f2", ()),
        NamedFile("/input/by_name/a~1b~0c", "f3", ()),
        NamedFile("/input/pair/1", "f4", ()),
        NamedFile("/input/main", "f5", ()),
    ]


def test_a_kind_without_files_has_none_to_look_for() -> None:
    assert not fields_of(Plain)
    assert fields_of(Plain).find({"name": "f", "inside": [{"name": "g"}]}, "") == []
    assert fields_of(Folder)
    # A default that looks like the keyword is a value.
    assert not FileFields({"type": "object", "properties": {"a": {"default": {"x-file": True}}}})


def test_lists_of_files_are_told_from_fields_that_are_one() -> None:
    class Lists(msgspec.Struct):
        one: File
        some: Annotated[list[File], msgspec.Meta(min_length=1)] | None = None
        pairs: list[list[File]] = []
        texts: list[str] = []

    assert (fields_of(Lists).at_top, fields_of(Lists).lists_at_top) == ({"one"}, {"some"})


def test_the_name_of_a_file_is_a_title_and_its_id_is_none() -> None:
    fields = fields_of(Folder)
    assert fields.at_top == {"cover", "main"}
    given = {"main": "f5", "name": "the name"}
    assert choose_title(given, None, fields.at_top, {"f5": "cat.jpeg"}) == "cat.jpeg"
    assert choose_title(given, None, fields.at_top) == "the name"
    assert choose_title({"main": "f5"}, None, fields.at_top) is None


@pytest.mark.parametrize(
    ("media_type", "accept", "is_taken"),
    [
        ("image/png", ("image/*",), True),
        ("Image/PNG; x=y", ("image/png",), True),
        ("text/csv", ("image/*", "text/csv"), True),
        ("text/html", ("image/*",), False),
        ("text/html", (), True),
    ],
)
def test_a_field_takes_files_of_its_media_types(media_type: str, accept: tuple[str, ...], is_taken: bool) -> None:
    assert is_accepted(media_type, accept) is is_taken


def test_what_is_no_media_type_cannot_be_accepted() -> None:
    for each in ("jpeg", ".png", "image/", "a b/c"):
        with pytest.raises(ValueError, match="say a media type"):
            accepts(each)
