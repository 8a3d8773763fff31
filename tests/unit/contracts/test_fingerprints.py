from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.fingerprints import FINGERPRINT_PATTERN, fingerprint


def of(message: str, kind: str = "echo", code: str = "raised") -> str:
    return fingerprint(kind, code, message)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 12 has no value", "row 1234 has no value"),
        ("no file 'a b.csv' here", "no file 'c.csv' here"),
        ('no column "x"', 'no column "it\'s"'),
        ("no user 0198c1a2-77aa-7bcd-8000-aaaabbbbcccc", "no user 0198c1a2-77aa-7bcd-8000-ddddeeeeffff"),
        ("timed out after 30.5 s", "timed out after 2.25 s"),
        ("cannot  reach\n10.0.0.1:80", "cannot reach 10.0.0.254:8080"),
    ],
)
def test_failures_that_differ_in_numbers_quoted_parts_and_ids_look_alike(one: str, other: str) -> None:
    assert of(one) == of(other)


def test_failures_of_another_kind_or_code_or_in_other_words_do_not() -> None:
    alike = [of("no"), of("no", kind="other"), of("no", code="timeout"), of("yes"), of("can't do"), of("can't open")]
    assert len(set(alike)) == len(alike)


@given(st.text())
def test_any_message_has_a_fingerprint_and_always_the_same(message: str) -> None:
    assert re.match(FINGERPRINT_PATTERN, of(message))
    assert of(message) == of(message)
    assert re.match(FINGERPRINT_PATTERN, of(message + "\ud800"))
