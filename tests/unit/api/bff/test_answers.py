"""A screen on the wire: the time does not change its ETag, and it is compressed for whoever takes that."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from headrace.api.bff.answers import answer, encode_screen, encode_time, takes_gzip
from headrace.contracts.screens.envelope import Screen


class Example(Screen, frozen=True, kw_only=True):
    text: str


def example(text: str = "short", second: int = 1) -> Example:
    return Example(at=datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC), position="1-5", stale=[], text=text)


def sent(text: str = "short", **headers: str) -> Any:
    encoded = encode_screen(example(text))
    return answer({name.replace("_", "-"): value for name, value in headers.items()}, *encoded, encoded.etag)


def test_the_etag_is_of_everything_but_the_time() -> None:
    first, later, other = (encode_screen(each) for each in (example(), example(second=2), example("other")))
    assert first.etag == later.etag
    assert first.etag != other.etag
    assert first.at != later.at
    assert msgspec.json.decode(first.at + b"," + first.body, type=Example) == example()
    assert encode_time(example().at) == first.at


@pytest.mark.parametrize("given", ["{etag}", '"other", {etag}', "*", "{strong}"])
def test_whoever_has_it_is_told_so_and_sent_nothing(given: str) -> None:
    etag = encode_screen(example()).etag
    answered = sent(if_none_match=given.format(etag=etag, strong=etag.removeprefix("W/")))
    assert (answered.status_code, answered.content) == (304, None)
    assert answered.headers["ETag"] == etag


def test_whoever_has_another_one_is_sent_it() -> None:
    answered = sent(if_none_match='W/"other"')
    assert answered.content
    assert answered.headers["Vary"] == "Cookie, Authorization, Accept-Encoding"


def test_a_long_one_is_compressed_and_has_the_same_etag() -> None:
    text = "x" * 2000
    plain, packed, short = sent(text), sent(text, accept_encoding="gzip, br"), sent(accept_encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < 200
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert "Content-Encoding" not in plain.headers | short.headers


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        *(("gzip", True), ("br, GZIP;q=0.5", True), ("*", True), ("deflate, *;q=0.1", True)),
        *(("", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.000", False), ("*, gzip;q=0", False)),
    ],
)
def test_gzip_is_for_whoever_takes_it(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) is takes
