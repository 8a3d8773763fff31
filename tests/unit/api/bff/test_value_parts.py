"""Inputs and results on screens."""

from __future__ import annotations

import msgspec

from headrace.api.bff.value_parts import value_part
from headrace.contracts.screens.parts import PART_BYTES_MAX, LargePart, NoPart

_encode = msgspec.json.Encoder().encode


def test_a_value_is_sent_as_it_is_stored_however_deep_it_is_nested() -> None:
    for stored in ("null", '{"a":1,"a":2.50}', "9" * 5_000, "[" * 5_000 + "]" * 5_000, '"\\u0000\\ud800"'):
        assert _encode(value_part(stored)) == f'{{"kind":"whole","value":{stored}}}'.encode()


def test_a_value_that_is_large_or_missing_is_not_sent() -> None:
    assert value_part(b"1" * (PART_BYTES_MAX + 1)) == LargePart(bytes=PART_BYTES_MAX + 1)
    assert value_part(None) == NoPart()
