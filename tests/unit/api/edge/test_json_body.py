from __future__ import annotations

import msgspec
import pytest

from headrace.api.edge.json_body import decode_body, decode_strictly, require_body
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


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"role": "member", "role": "admin"}', "/role"),
        (b'{"limits": {"reads": 1, "r\\u0065ads": 2}}', "/limits/reads"),
        (b'[{"a": 1}, {"a": [{"b": 1, "c": 2, "b": 1}]}]', "/1/a/0/b"),
        (b'{"a/b~": {"x": 1}, "a/b~": 1}', "/a~1b~0"),
        (b'{"": 1, "": 1}', "/"),
    ],
)
def test_an_object_that_has_a_name_twice_is_refused(body: bytes, path: str) -> None:
    with pytest.raises(MalformedRequest, match="more than once; say it once") as refused:
        decode_strictly(decode, body)
    assert [each.path for each in refused.value.errors] == [path]


def test_names_may_be_there_again_in_another_object_and_numbers_may_be_long() -> None:
    body = b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}], "c": %s}' % (b"9" * 10_000)
    decode_strictly(msgspec.json.Decoder(dict[str, msgspec.Raw]).decode, body)
