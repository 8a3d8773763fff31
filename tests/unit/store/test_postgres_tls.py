"""Connecting to a Postgres with TLS: the API's engine, the projector's session, the migrations and the check agree.

The Postgres of the tests is built without TLS, so a proxy before it has it, as PgBouncer may.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import text

from headrace.cli.terminal.check import check
from headrace.embedded.network import LOOPBACK
from headrace.embedded.postgres import SOCKET_NAME, EmbeddedPostgres
from headrace.settings import DatabaseSettings, Settings
from headrace.store.engine import open_session
from headrace.store.leadership import LeaderSession
from headrace.store.migrate import MigrationFailed, migrate
from headrace.store.outages import describe_outage
from headrace.tls_errors import explain_tls
from tests.certificates import Authority

PASSWORD = "p@ss/w:rd %"
NAME = "read model"


@asynccontextmanager
async def tls_before(
    postgres: EmbeddedPostgres, certificate: tuple[Path, Path], clients: Path | None = None
) -> AsyncGenerator[int]:
    """A port of loopback that speaks TLS, and asks for certificates that ``clients`` has signed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_NONE if clients is None else ssl.CERT_REQUIRED

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if (await reader.readexactly(8))[4:] != b"\x04\xd2\x16\x2f":
                writer.close()
                return
            writer.write(b"S")
            await writer.start_tls(context)
            behind = await asyncio.open_unix_connection(str(postgres.socket_directory / SOCKET_NAME))
            await asyncio.gather(pump(reader, behind[1]), pump(behind[0], writer))

    server = await asyncio.start_server(forward, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def database(**environ: object) -> dict[str, str]:
    return {f"HEADRACE_DATABASE_{name}": str(value) for name, value in environ.items()}


async def why_not(environ: dict[str, str]) -> str:
    settings = Settings.read(environ).database
    with pytest.raises((OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
        await LeaderSession.connect(settings.url)
    with pytest.raises(MigrationFailed) as failed:
        await asyncio.to_thread(migrate, settings)
    said = describe_outage(caught.value)
    assert str(failed.value) == said, "whoever connects says the same"
    return said


async def who_am_i(settings: DatabaseSettings) -> list[str]:
    asked = "SELECT current_user || ' in ' || current_database()"
    leader = await LeaderSession.connect(settings.url)
    async with open_session(settings) as session:
        found = [await leader.connection.fetchval(asked), await session.scalar(text(asked))]
    leader.close()
    return found


async def test_the_read_model_is_reached_over_tls_by_parts_and_by_a_url(
    postgres: EmbeddedPostgres, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(place)
    await postgres.create(NAME)
    async with tls_before(postgres, authority.sign("postgres")) as port:
        parts = database(HOST=LOOPBACK, PORT=port, NAME=NAME, USER="postgres", PASSWORD=PASSWORD, CA=authority.path)
        url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@{LOOPBACK}:{port}/{quote(NAME)}"
        await asyncio.to_thread(migrate, Settings.read(parts).database)
        for given in (parts, database(URL=url, CA=authority.path)):
            assert await who_am_i(Settings.read(given).database) == [f"postgres in {NAME}"] * 2
            assert await check(Settings.read(given), "migrate", [], explain=False, connect=True) == 0
    assert capsys.readouterr().err == ""


async def test_what_is_wrong_with_tls_is_told_in_a_sentence_that_says_what_to_do(
    postgres: EmbeddedPostgres, place: Path
) -> None:
    authority, other = Authority(place), Authority(place, "other")
    known = {"HOST": LOOPBACK, "USER": "postgres", "NAME": "postgres", "CA": authority.path}
    client = dict(zip(("CERT", "KEY"), authority.sign("client"), strict=True))
    async with tls_before(postgres, authority.sign("postgres"), clients=authority.path) as port:
        given = Settings.read(database(**known, PORT=port, **client)).database
        assert await who_am_i(given) == ["postgres in postgres"] * 2
        assert "signed by nobody whom we know" in await why_not(database(**known | {"CA": other.path}, PORT=port))
    async with tls_before(postgres, authority.sign("old", days=-1)) as port:
        assert "the certificate of Postgres has expired" in await why_not(database(**known, PORT=port))
    async with tls_before(postgres, authority.sign("other-host", host="127.0.0.2")) as port:
        assert "is for another host" in await why_not(database(**known, PORT=port))


async def test_a_postgres_without_tls_is_told_from_one_that_is_away() -> None:
    server = await asyncio.start_server(_refuse_tls, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        asked = database(HOST=LOOPBACK, PORT=port, USER="headrace", SSLMODE="require")
        assert "Postgres has no TLS, and we are to use it" in await why_not(asked)


async def _refuse_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(8)
    writer.write(b"N")
    writer.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("connection requires a valid client certificate", "asks for a client's certificate"),
        ('no pg_hba.conf entry for host "10.0.0.7", user "x", database "y", no encryption', "in plain text"),
    ],
)
def test_what_postgres_itself_says_of_tls_is_understood(error: str, said: str) -> None:
    explained = explain_tls(asyncpg.InvalidAuthorizationSpecificationError(error), "Postgres", "HEADRACE_DATABASE")
    assert said in str(explained)
