from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.store.storable import EARLIEST, LATEST, make_storable, storable_instant, storable_text
from tests.unit.store.test_projection import AT, row


@given(st.text(st.characters()))
def test_a_text_comes_out_without_what_postgres_cannot_hold(text: str) -> None:
    stored = storable_text(text)
    stored.encode()
    assert "\0" not in stored
    if "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text):
        assert stored == text


@pytest.mark.parametrize(
    ("at", "stored"),
    [
        (datetime.min.replace(tzinfo=UTC), EARLIEST),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), EARLIEST),
        (datetime.max.replace(tzinfo=UTC), LATEST),
        (datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14))), LATEST),
        (AT, AT),
    ],
)
def test_an_instant_is_within_the_calendar(at: datetime, stored: datetime) -> None:
    assert storable_instant(at) == stored


def test_a_row_keeps_what_can_be_stored_and_has_the_nearest_of_what_cannot() -> None:
    odd = row(2**70, kind="a\0b", max_attempts=2**40, attempt=-(2**40), created_at=datetime.max.replace(tzinfo=UTC))
    expected = row(
        2**63 - 1, kind="a\N{REPLACEMENT CHARACTER}b", max_attempts=2**31 - 1, attempt=-(2**31), created_at=LATEST
    )
    assert make_storable(odd) == expected
