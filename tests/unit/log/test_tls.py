from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.terminal.check_nats import check_nats
from headrace.embedded.nats import nats_server
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.process import Process
from headrace.errors import LogUnavailable
from headrace.log.client import NatsClient, open_client
from headrace.log.tls import UnusableCertificate
from headrace.settings import NatsSettings, Settings
from tests.certificates import Authority
from tests.waiting import until

PATIENCE_SECONDS = 1.0
USER = {"HEADRACE_NATS_USER": "api", "HEADRACE_NATS_PASSWORD": "hunter2hunter2hunter2"}


@asynccontextmanager
async def nats_with(place: Path, **configuration: Any) -> AsyncGenerator[str]:
    """A NATS with a user; returns its address without a scheme."""
    (port,) = free_ports(1)
    user = {"user": USER["HEADRACE_NATS_USER"], "password": USER["HEADRACE_NATS_PASSWORD"]}
    whole = {"listen": f"{LOOPBACK}:{port}", "authorization": {"users": [user]}, **configuration}
    (place / "nats.conf").write_text(json.dumps(whole))
    lines: list[str] = []
    process = await Process.start((nats_server(), "-c", str(place / "nats.conf")), on_line=lines.append)
    try:
        await until(lambda: any("Server is ready" in line for line in lines), f"NATS after {lines}")
        yield f"{LOOPBACK}:{port}"
    finally:
        await process.stop(5)


def settings(**environ: object) -> NatsSettings:
    return Settings.read(USER | {f"HEADRACE_NATS_{name}": str(value) for name, value in environ.items()}).nats


async def is_let_in(asked: NatsSettings) -> bool:
    async with open_client(asked, "test", 5) as client:
        await client.flush()
        return client._transport is not None and client._transport._io_writer.get_extra_info("cipher") is not None


async def why_not(asked: NatsSettings) -> str:
    with pytest.raises(LogUnavailable) as caught:
        async with open_client(asked, "test", PATIENCE_SECONDS):
            pass
    return caught.value.message


def tls(certificate: tuple[Path, Path], **more: Any) -> dict[str, Any]:
    return {"tls": {"cert_file": str(certificate[0]), "key_file": str(certificate[1]), **more}}


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_user_comes_in_over_tls_that_an_own_authority_has_signed(place: Path, scheme: str) -> None:
    authority = Authority(place)
    async with nats_with(place, **tls(authority.sign("server"))) as address:
        assert await is_let_in(settings(URL=f"{scheme}://{address}", CA=authority.path))


async def test_a_client_certificate_is_shown_to_a_server_that_asks_for_one(place: Path) -> None:
    authority = Authority(place)
    other = Authority(place, "other")
    asking = tls(authority.sign("server"), ca_file=str(authority.path), verify=True)
    async with nats_with(place, **asking) as address:
        known = {"URL": f"nats://{address}", "CA": authority.path}
        cert, key = authority.sign("client")
        assert await is_let_in(settings(**known, CERT=cert, KEY=key))
        (place / "both.pem").write_bytes(cert.read_bytes() + key.read_bytes())
        assert await is_let_in(settings(**known, CERT=place / "both.pem"))
        assert await why_not(settings(**known)) == (
            "NATS asks for a client's certificate: set HEADRACE_NATS_CERT and HEADRACE_NATS_KEY to the files of one"
        )
        strange = dict(zip(("CERT", "KEY"), other.sign("strange"), strict=True))
        assert "NATS does not take the certificate of HEADRACE_NATS_CERT" in await why_not(settings(**known, **strange))


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        (lambda own, other: other.sign("server"), "signed by nobody whom we know"),
        (
            lambda own, other: own.sign("server", days=-1),
            "the certificate of NATS has expired: give the server a new one",
        ),
        (lambda own, other: own.sign("server", host="127.0.0.2"), "the certificate of NATS is for another host"),
    ],
)
async def test_a_certificate_that_does_not_do_is_told_in_a_sentence_that_says_what_to_do(
    place: Path, signed: Callable[[Authority, Authority], tuple[Path, Path]], said: str
) -> None:
    own, other = Authority(place), Authority(place, "other")
    async with nats_with(place, **tls(signed(own, other))) as address:
        asked = settings(URL=f"nats://{address}", CA=own.path)
        assert said in await why_not(asked)
        (refusal,) = [each async for each in check_nats(Settings(nats=asked), "worker", set())]
        assert refusal.variable == "HEADRACE_NATS_URL"
        assert refusal.reason.startswith("names a NATS with which TLS does not come about: the certificate of NATS ")
        assert refusal.remedy.split()[0] in ("set", "give", "use")


async def test_nothing_is_sent_in_plain_text_when_tls_is_asked_for(place: Path) -> None:
    authority = Authority(place)
    async with nats_with(place) as address:
        for asked in (settings(URL=f"tls://{address}"), settings(URL=f"nats://{address}", CA=authority.path)):
            assert "NATS offers no TLS" in await why_not(asked)
        assert not await is_let_in(settings(URL=f"nats://{address}"))


async def test_a_server_that_leaves_tls_to_its_clients_is_asked_for_it(place: Path) -> None:
    authority = Authority(place)
    async with nats_with(place, allow_non_tls=True, **tls(authority.sign("server"))) as address:
        assert await is_let_in(settings(URL=f"tls://{address}", CA=authority.path))


async def test_a_renewed_certificate_is_used_at_the_next_reconnect(place: Path) -> None:
    authority = Authority(place)
    asking = tls(authority.sign("server"), ca_file=str(authority.path), verify=True)
    async with nats_with(place, **asking) as address:
        cert, key = authority.sign("client")
        client = NatsClient("test", settings(URL=f"nats://{address}", CA=authority.path, CERT=cert, KEY=key))
        await client.open(5)
        before = client._tls._context
        authority.sign("client")
        again = asyncio.Event()
        client._on_reconnect = again.set
        await client.force_reconnect()
        await asyncio.wait_for(again.wait(), 10)
        assert client._tls._context is before, "the context that nats-py holds"
        await client.flush_and_close()


def test_files_that_are_no_certificates_are_told_by_the_name_of_their_variable(place: Path) -> None:
    authority = Authority(place)
    cert, _ = authority.sign("client")
    _, other = authority.sign("other")
    (place / "text").write_text("hello")
    for asked, said in (
        (settings(CA=place / "text"), "HEADRACE_NATS_CA="),
        (settings(CERT=cert, KEY=other), "HEADRACE_NATS_CERT="),
        (settings(CERT=cert), "HEADRACE_NATS_CERT="),
    ):
        with pytest.raises(UnusableCertificate, match=said):
            NatsClient("test", asked)._options()
