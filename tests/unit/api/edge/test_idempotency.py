from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.api.edge.idempotency import body_hash, derived_id, read_key
from headrace.contracts.tasks import KEY_CHARS_MAX, KEY_PATTERN, Submission
from headrace.errors import InvalidKey
from tests.unit.api.edge.asgi import requests

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'), min_size=1, max_size=255)


def key_of(given_header: str | None) -> str | None:
    headers: dict[str, Any] = {} if given_header is None else {"Idempotency-Key": given_header}
    return read_key(requests.post("/", headers=headers))


@settings(deadline=None)  # the first request imports half of the framework
@given(KEYS)
def test_a_key_is_the_same_with_quotes_and_without(key: str) -> None:
    assert key_of(key) == key_of(f'"{key}"') == key
    assert re.search(KEY_PATTERN, key)
    assert re.search(KEY_PATTERN, f'"{key}"')


def test_a_request_without_the_header_has_no_key() -> None:
    assert key_of(None) is None


@pytest.mark.parametrize("text", ["", '""', "two words", 'a"b', "ä", "x" * (KEY_CHARS_MAX + 1)])
def test_a_key_that_cannot_be_one_is_refused_with_the_header_named(text: str) -> None:
    with pytest.raises(InvalidKey, match="255 visible ASCII characters") as refused:
        key_of(text)
    assert [each.path for each in refused.value.errors] == ["header Idempotency-Key"]
    # The document says so as well.
    assert re.search(KEY_PATTERN, text) is None


@given(KEYS, KEYS)
def test_ids_derive_from_owner_key_and_what_they_name(one: str, other: str) -> None:
    assert derived_id("u1", one, "task") == derived_id("u1", one, "task")
    assert uuid.UUID(derived_id("u1", one, "task")).version == 5
    assert derived_id("u1", one, "task") != derived_id("u1", one, "batch")
    assert derived_id("u1", one, "task") != derived_id("u2", one, "task")
    assert (derived_id("u1", one, "task") == derived_id("u1", other, "task")) is (one == other)


def test_the_order_of_fields_does_not_change_the_hash_of_a_body() -> None:
    one = Submission(kind="echo", input={"a": 1, "b": {"c": 2, "d": 3}})
    same = Submission(kind="echo", input={"b": {"d": 3, "c": 2}, "a": 1})
    other = Submission(kind="echo", input={"a": 1, "b": {"c": 2, "d": 4}})
    assert body_hash(one) == body_hash(same)
    assert body_hash(one) != body_hash(other)
