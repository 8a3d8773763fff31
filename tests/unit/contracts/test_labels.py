from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.labels import (
    LABEL_KEY_PATTERN,
    decode_labels,
    encode_labels,
    label_entries,
    labels_of_entries,
)

KEYS = st.from_regex(LABEL_KEY_PATTERN.partition("$")[0], fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=63)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_labels_come_back_from_a_header_and_from_a_row_as_they_were(labels: dict[str, str]) -> None:
    assert decode_labels(encode_labels(labels)) == labels
    assert labels_of_entries(label_entries(labels)) == labels


@pytest.mark.parametrize(
    "written",
    [
        "",
        "no json",
        "[]",
        '{"a": 1}',
        '{"A": "b"}',
        '{"": "b"}',
        '{"a": ""}',
        '{"a=b": "c"}',
        '{"a": "b\\n"}',
        '{"a": "b\\u0000"}',
        '{"a": "\\ud800"}',
        '{"a": "' + "x" * 64 + '"}',
        "{" + ",".join(f'"k{n}": "v"' for n in range(9)) + "}",
    ],
)
def test_what_can_be_no_labels_is_none(written: str) -> None:
    assert decode_labels(written) == {}


def test_entries_are_sorted_and_a_value_may_have_any_printable_character() -> None:
    labels = {"b": "x=y", "a": 'say "é"'}
    assert label_entries(labels) == ['a=say "é"', "b=x=y"]
    assert labels_of_entries(label_entries(labels)) == labels
