"""What the client does not try again, because it would fail each time, and what it does not try for ever."""

from __future__ import annotations

import asyncio
import logging
import ssl

import httpx
import pytest

from headrace.client import ATTEMPTS_MAX, Client, ProblemError, UnusableRequest, driver, retries
from tests.cli.canned import STREAM, Answer, Server, frame, problem, refused, stream

ENOUGH_SECONDS = 5.0  # without pauses, all attempts take milliseconds


def untrusted(_: httpx.Request) -> httpx.Response:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed")
    raise error


def malformed(_: httpx.Request) -> httpx.Response:
    raise httpx.LocalProtocolError("Illegal header value")


@pytest.mark.parametrize(
    "answer", [untrusted, malformed, problem(501, "follow_links_off"), problem(404, "x"), problem(302, "x")]
)
async def test_what_fails_each_time_is_tried_once(at_once: None, answer: Answer | httpx.Response) -> None:
    for call in (
        lambda client: client.submit("k", {}, key="k"),
        lambda client: client.result("t"),
        lambda client: anext(client.follow("t")),
        lambda client: client.cancel("t"),
    ):
        server = Server(answer)
        async with server.client() as client:
            with pytest.raises((ProblemError, httpx.TransportError)):
                await call(client)
        assert len(server.requests) == 1


async def test_a_stream_that_ends_before_it_begins_is_not_asked_for_for_ever(at_once: None) -> None:
    server = Server(httpx.Response(200, headers=STREAM, content=b""))
    async with server.client() as client, asyncio.timeout(ENOUGH_SECONDS):
        with pytest.raises(httpx.RemoteProtocolError, match="the stream ended before it began"):
            await anext(client.follow("t"))
    assert len(server.requests) == ATTEMPTS_MAX


async def test_a_stream_that_ends_early_now_and_then_is_resumed_without_a_limit(at_once: None) -> None:
    begun = [stream(frame(number, "logged", message="m")) for number in range(1, 2 * ATTEMPTS_MAX)]
    server = Server(*begun, stream(frame(2 * ATTEMPTS_MAX, "finished", outcome="succeeded")))
    async with server.client() as client, asyncio.timeout(ENOUGH_SECONDS):
        assert len([event async for event in client.follow("t")]) == 2 * ATTEMPTS_MAX


async def test_each_further_attempt_is_told(at_once: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "headrace.client")
    for call in (lambda client: client.result("t"), lambda client: anext(client.follow("t"))):
        caplog.clear()
        async with Server(refused).client() as client:
            with pytest.raises(httpx.ConnectError):
                await call(client)
        assert len(caplog.messages) == ATTEMPTS_MAX - 1
        assert all(said.endswith(": refused; trying again") for said in caplog.messages)


async def test_a_pause_that_a_server_asks_for_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(driver.asyncio, "sleep", sleep)
    server = Server(
        stream(b"retry: 999999999\n\n", frame(1, "logged")), stream(frame(2, "finished", outcome="succeeded"))
    )
    async with server.client() as client:
        assert len([event async for event in client.follow("t")]) == 2
    (pause,) = paused
    assert pause <= 1.5 * retries.PAUSE_SECONDS_MAX


@pytest.mark.parametrize("key", ["a\nb", "ключ", "\x7f", "a\0", "\udcff"])
async def test_a_key_that_no_header_may_have_is_refused_and_nothing_is_sent(key: str) -> None:
    server = Server(refused)
    async with server.client() as client:
        with pytest.raises(UnusableRequest, match="cannot be sent: a key is 1 to 255 visible ASCII characters"):
            await client.submit("k", {}, key=key)
    assert server.requests == []


async def test_text_that_is_not_unicode_is_refused_and_nothing_is_sent() -> None:
    server = Server(refused)
    async with server.client() as client:
        with pytest.raises(UnusableRequest, match="is not Unicode text"):
            await client.submit("k", {"text": "\udcff"})
        with pytest.raises(UnusableRequest, match="is not Unicode text"):
            await client.batch("k", [{}], name="\udcff")
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "127.0.0.1:8080",
        "ftp://h",
        "http://",
        "http:///x",
        "http://h:99999",
        "http://h:x",
        "http://[::1",
        "http://a b",
        "http://h/?q=1",
        "http://h/#f",
        "http://xn--a",
        "http://\udcff",
        "http://h\n",
        "http://\x1b[31m",
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(UnusableRequest, match="is no address of an API: write it as http://host:port") as caught:
        Client(url)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("url", ["http://h", "https://h:443/", "http://[::1]:8080", "http://h/prefix/"])
async def test_an_address_may_have_a_path_and_a_port(url: str) -> None:
    async with Client(url) as client:
        assert client.url == url.rstrip("/")
