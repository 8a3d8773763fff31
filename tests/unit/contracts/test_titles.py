from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.titles import TITLE_CHARS_MAX, make_title, short_id, title_of_input


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Essay 4711", "Essay 4711"),
        ("  a\n\tb\u00a0 c ", "a b c"),
        ("a\0b\x1b[31mc\u202ed", "ab[31mcd"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("n\u00e4\u00efve \U0001f469\u200d\U0001f4bb", "n\u00e4\u00efve \U0001f469\u200d\U0001f4bb"),
        ("x" * 500, "x" * TITLE_CHARS_MAX),
        (" \n\0\u2028", None),
        ("", None),
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
