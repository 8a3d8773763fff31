from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st
from nats.aio.client import Client

from headrace.log.client import NatsClient

names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=41)
values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=60)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.dictionaries(names, values, max_size=8))
def test_headers_are_read_as_nats_py_reads_them(headers: dict[str, str]) -> None:
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    ours, theirs = NatsClient._parse_header_lines(raw), Client._parse_header_lines(raw)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        # str.strip takes Unicode's white space off, bytes.strip only ASCII's; ids and numbers have neither
        assert value == theirs[name].strip()


def test_the_method_that_is_replaced_is_the_one_that_nats_py_calls() -> None:
    assert "_parse_header_lines" in Client._process_headers.__code__.co_names
