from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.titles import (
    TITLE_CHARS_MAX,
    choose_title,
    make_title,
    marked_properties,
    short_id,
    title_of_input,
)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Essay 4711", "Essay 4711"),
        ("  a\n\tb\u00a0 c ", "a b c"),
        ("a\0b\x1b[31mc\u202ed\u061ce", "ab[31mcde"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("n\u00e4\u00efve \U0001f469\u200d\U0001f4bb", "n\u00e4\u00efve \U0001f469\u200d\U0001f4bb"),
        ("x" * 500, "x" * TITLE_CHARS_MAX),
        (" \n\0\u2028", None),
        ("", None),
        ("\u200b", None),
        ("\ufeff \u200b\u200d", None),
        ("\u200b" * 200 + "far", None),
        ("\u200bnear", "\u200bnear"),
        ("\N{WOMAN}\u200d\N{PERSONAL COMPUTER}", "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}"),
    ],
)
def test_a_title_is_the_beginning_of_a_text_on_one_line_without_control_characters(
    text: str, title: str | None
) -> None:
    assert make_title(text) == title


@given(st.text())
def test_a_title_is_its_own_title_and_goes_into_a_header_and_into_postgres(text: str) -> None:
    title = make_title(text)
    if title is not None:
        assert make_title(title) == title
        assert 0 < len(title) <= TITLE_CHARS_MAX
        assert title == title.strip()
        assert not set(title) & set("\0\r\n")
        title.encode()


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (b'{"pages":3,"note":" ","text":"the quick\\nbrown fox","more":"x"}', "the quick brown fox"),
        (b'{"text":"","deep":{"text":"not this"},"list":["nor this"]}', None),
        (b"{}", None),
        (b"[1]", None),
        (b"no json", None),
    ],
)
def test_an_input_is_called_by_its_first_property_that_is_a_text(value: bytes, title: str | None) -> None:
    assert title_of_input(value) == title


def test_the_short_id_of_a_task_is_the_random_end_of_its_id() -> None:
    assert short_id("01987b5e-9a7f-7000-8000-0123456789ab") == "0123456789ab"
    assert short_id("t1") == "t1"


TEXT = {"type": "string", "x-title": True}


@pytest.mark.parametrize(
    ("schema", "marked"),
    [
        ({"properties": {"text": {"type": "string"}, "heading": TEXT}}, ["heading"]),
        ({"$ref": "#/$defs/Essay", "$defs": {"Essay": {"properties": {"heading": TEXT}}}}, ["heading"]),
        ({"properties": {"heading": {"anyOf": [TEXT, {"type": "null"}], "default": None}}}, ["heading"]),
        ({"properties": {"heading": {"$ref": "#/$defs/Heading"}}, "$defs": {"Heading": TEXT}}, ["heading"]),
        ({"properties": {"a": TEXT, "b": TEXT}}, ["a", "b"]),
        ({"properties": {"deep": {"type": "object", "properties": {"heading": TEXT}}}}, []),
        ({"properties": {"heading": {"x-title": "yes"}, "any": True}}, []),
        ({"properties": [1], "$ref": 7, "$defs": {}}, []),
        ({}, []),
    ],
)
def test_a_schema_marks_the_property_that_is_the_title(schema: dict[str, Any], marked: list[str]) -> None:
    assert marked_properties(schema) == marked


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ({"text": "first", "heading": "Essay 4711"}, "Essay 4711"),
        ({"text": "first", "heading": " "}, "first"),
        ({"text": "first", "heading": 4711}, "first"),
        ({"pages": 3, "list": ["x"], "text": "first"}, "first"),
        ({str(each): each for each in range(1000)} | {"text": "behind too many others"}, None),
        ({}, None),
    ],
)
def test_a_task_is_called_by_the_marked_property_or_else_by_the_first_text(
    value: dict[str, Any], title: str | None
) -> None:
    assert choose_title(value, "heading") == title


@given(st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text() | st.lists(st.text()), max_size=8))
def test_the_title_of_an_input_is_the_same_before_and_after_it_was_written(value: dict[str, Any]) -> None:
    assert choose_title(value, None) == title_of_input(msgspec.json.encode(value))
