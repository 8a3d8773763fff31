from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidCursor
from headrace.store.cursors import Cursor, DurationCursor
from tests.unit.strategies import instants


@given(instants, st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_a_cursor_that_was_handed_out_is_read_back(created_at: object, row_id: str) -> None:
    cursor = Cursor(created_at, row_id)  # pyright: ignore[reportArgumentType]
    assert Cursor.parse(str(cursor)) == cursor


@given(st.floats(0, allow_nan=False, allow_infinity=False), st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_a_cursor_of_a_list_by_duration_is_read_back(seconds: float, row_id: str) -> None:
    cursor = DurationCursor(seconds, row_id)
    assert DurationCursor.parse(str(cursor)) == cursor
    with pytest.raises(InvalidCursor, match="not one that such a list handed out"):
        Cursor.parse(str(cursor))


def test_a_cursor_of_a_list_by_age_is_none_of_a_list_by_duration() -> None:
    made_up = (urlsafe_b64encode(f"{seconds} t1".encode()).decode() for seconds in ("long", "nan", "inf", "-inf"))
    for text in (str(Cursor(datetime.now(UTC), "t1")), "", "ä", *made_up):
        with pytest.raises(InvalidCursor, match="begin again without it"):
            DurationCursor.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ä",
        "====",
        urlsafe_b64encode(b"2026-01-02T00:00:00 t1").decode(),
        urlsafe_b64encode(b"now t1").decode(),
    ],
)
def test_a_cursor_that_nobody_handed_out_is_refused_with_its_parameter_named(text: str) -> None:
    with pytest.raises(InvalidCursor, match="begin again without it") as refused:
        Cursor.parse(text)
    assert [each.path for each in refused.value.errors] == ["query cursor"]


def test_a_refused_cursor_is_called_as_the_parameter_that_it_is_in() -> None:
    for parameter in ("cursor", "items_cursor"):
        with pytest.raises(InvalidCursor) as refused:
            Cursor.parse("x", parameter)
        assert [each.path for each in refused.value.errors] == [f"query {parameter}"]
