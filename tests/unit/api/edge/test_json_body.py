from __future__ import annotations

import msgspec
import pytest

from headrace.api.edge.json_body import decode_body, require_body
from headrace.errors import MalformedRequest

decode = msgspec.json.Decoder().decode


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"text": "caf\xe9"}', "not UTF-8"),
        (b'{"caf\xe9": 1}', "not UTF-8"),
        ('{"text": "x"}'.encode("utf-16"), "malformed"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"text": "\\ud800"}', "cannot be used"),
        (b'{"text": 1e999}', "out of range"),
        (b'{"text": "\0"}', "malformed"),
        (b"{", "truncated"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_malformed_with_the_reason(body: bytes, words: str) -> None:
    with pytest.raises(MalformedRequest, match=words) as refused:
        decode_body(decode, body)
    assert [each.path for each in refused.value.errors] == [""]


def test_an_empty_body_is_called_empty() -> None:
    with pytest.raises(MalformedRequest, match="has no body; send JSON"):
        require_body(b"")
