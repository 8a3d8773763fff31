"""`headrace types --ts`: what kinds take and give, in TypeScript."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from headrace.cli.terminal.schema_types import DEPTH_MAX, TypeWriter
from headrace.cli.terminal.type_declarations import write_types
from headrace.contracts.kinds import KindDescription
from tests.cli.conftest import Up

T = TypeVar("T")


class Point(Struct, array_like=True):
    x: int
    y: int
    name: str = ""


class Circle(Struct, tag="circle"):
    """A circle. It ends */ here."""

    at: Point
    radius: float


class Square(Struct, tag="square"):
    side: float


class Page(Struct, Generic[T]):
    items: list[T]


class Everything(Struct):
    shape: Circle | Square
    pair: tuple[int, str]
    many: dict[str, list[int | None]]
    anything: Any
    size: Annotated[int | None, Meta(description="In bytes.")] = None
    mode: Literal["a b", 1] = "a b"
    page: Page[int] | None = None
    odd: str = msgspec.field(name="odd-name", default="")


def described(name: str, takes: Any, gives: Any = None) -> KindDescription:
    schemas = {"input_schema": msgspec.json.schema(takes), "result_schema": msgspec.json.schema(gives)}
    return KindDescription(name=name, description="", timeout=1, max_attempts=1, **schemas)


def text_of(words: str) -> type[Struct]:
    return msgspec.defstruct("Text", [(words, str)])


def test_each_part_of_a_schema_has_its_type() -> None:
    written = write_types([described("everything", Everything)])
    for line in (
        "  shape: Circle | Square;",
        "  pair: [number, string];",
        "  many: { [key: string]: (number | null)[] };",
        "  anything: unknown;",
        '  mode?: 1 | "a b";',
        "  page?: Page_int | null;",
        '  "odd-name"?: string;',
        "  /** In bytes. */\n  size?: number | null;",
        "export type Point = [number, number, string?, ...unknown[]];",
        '  type: "circle";',
        "/** A circle. It ends *\\/ here. */",
        "  everything: { input: Everything; result: null };",
    ):
        assert line in written
    assert "any;" not in written.replace("many;", "")


def test_the_order_of_kinds_does_not_matter() -> None:
    kinds = [described("b", Circle), described("a", Square, Circle)]
    assert write_types(kinds) == write_types(reversed(kinds))


def test_definitions_of_one_name_that_differ_are_told_apart() -> None:
    written = write_types(
        [described("one", text_of("a"), text_of("b")), described("two", text_of("a"), list[text_of("c")])]
    )
    assert "one: { input: OneInputText; result: OneResultText };" in written
    assert "two: { input: TwoInputText; result: TwoResultText[] };" in written
    assert written.count("export interface") == 5


def test_what_refers_to_a_name_of_two_meanings_is_told_apart_too() -> None:
    outer = [msgspec.defstruct("Outer", [("text", text_of(words))]) for words in ("a", "b")]
    written = write_types([described("one", outer[0]), described("two", outer[1])])
    assert "export interface OneInputOuter {\n  text: OneInputText;\n}" in written
    assert "export interface TwoInputOuter {\n  text: TwoInputText;\n}" in written


@pytest.mark.parametrize("name", ["string", "Kinds", "any"])
def test_a_name_that_no_type_may_have_is_changed(name: str) -> None:
    written = write_types([described("one", msgspec.defstruct(name, [("a", int)]))])
    assert f"export interface OneInput{name} {{" in written


def test_a_schema_that_has_no_end_is_unknown_below_its_bound() -> None:
    schema: Any = {"type": "string"}
    for _ in range(10_000):
        schema = {"type": "array", "items": schema}
    assert TypeWriter({}).write(schema) == "unknown" + "[]" * (DEPTH_MAX + 1)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda of: (
            st.lists(of)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "$ref",
                        "enum",
                        "const",
                        "anyOf",
                        "items",
                        "prefixItems",
                        "minItems",
                        "properties",
                        "required",
                        "additionalProperties",
                        "description",
                    ]
                ),
                of,
            )
        ),
    )
)
def test_whatever_a_worker_announces_as_a_schema_has_a_type(schema: Any) -> None:
    assert TypeWriter({}).write(schema)


async def test_the_types_of_the_api_are_those_of_the_package(up: Up) -> None:
    asked = await up.shell.run("types", "--ts")
    assert (asked.code, asked.err) == (0, "")
    loaded = await up.shell.run("types", "--ts", "--package", "tests.cli.kinds")
    assert loaded.out == asked.out
    one = await up.shell.run("types", "--ts", "nope")
    assert (one.code, one.err.strip()) == (2, "there is no kind 'nope'; `headrace kinds` lists them")


async def test_a_language_and_one_source_have_to_be_said(up: Up) -> None:
    assert "say in which language: --ts" in (await up.shell.run("types")).err
    both = await up.shell.run("types", "--ts", "--package", "x", "--url", "http://x")
    assert (both.code, "say either --package or --url" in both.err) == (2, True)
    missing = await up.shell.run("types", "--ts", "--package", "nowhere_to_be_found")
    assert (missing.code, "No module named 'nowhere_to_be_found'" in missing.err) == (2, True)
