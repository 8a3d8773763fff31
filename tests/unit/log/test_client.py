from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from headrace.embedded.nats import EmbeddedNats
from headrace.log.client import NatsClient, open_client
from headrace.settings import NatsSettings
from tests.examples import examples
from tests.waiting import until

names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=41)
values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=60)


@examples(300)
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


# nats-py leaves the connection of an attempt that is refused to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_connection_whose_password_is_refused_says_so_until_it_is_let_in_again(place: Path) -> None:
    before, after = ([{"user": "worker", "password": password}] for password in ("before", "after"))
    async with EmbeddedNats(place / "nats", users=before) as nats:
        settings = NatsSettings(url=nats.url, user="worker", password="before")
        async with open_client(settings, "test") as client:
            assert client.refusal is None
            await nats.stop()
            async with EmbeddedNats(place / "nats", users=after, port=nats.port):
                await until(lambda: client.refusal is not None, "the server to refuse the password")
                assert client.refusal == (
                    "NATS does not let us in: nats: 'Authorization Violation'; check HEADRACE_NATS_USER and _PASSWORD, "
                    "_TOKEN or _CREDENTIALS, and start this process again: it reads them once"
                )
            await nats.start()
            await until(lambda: client.is_connected, "the server to let it in again")
            assert client.refusal is None
