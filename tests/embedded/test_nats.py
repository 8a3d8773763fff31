from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import nats
import psutil
import pytest
from nats.js.errors import Error as JetStreamError

from headrace.embedded.errors import ServerError
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.network import get
from headrace.log.permissions import SYSTEM


async def test_it_keeps_its_port_and_its_streams_when_it_is_killed_and_started_again(place: Path) -> None:
    async with EmbeddedNats(place / "with space", token='t"$x') as server:
        client = await nats.connect(server.url, token=server.token)
        await client.jetstream().add_stream(name="S", subjects=["s"])
        await client.jetstream().publish("s", b"kept")
        await client.close()
        before = server.url

        await server.kill()
        assert server.pid is None
        await server.start()

        assert server.url == before
        client = await nats.connect(server.url, token=server.token)
        assert (await client.jetstream().get_msg("S", 1)).data == b"kept"
        await client.close()


async def test_its_directory_may_have_any_letter(place: Path) -> None:
    async with EmbeddedNats(place / 'josé 😀, "a\\b"#$HOME') as server:
        assert server.pid is not None
        assert (server.directory / "jetstream").is_dir()


async def test_a_client_without_the_token_is_refused(place: Path) -> None:
    async with EmbeddedNats(place / "nats", token="secret") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"CONNECT {}\r\nPING\r\n")
        answer = await reader.read(4096) + await reader.read(4096)
        writer.close()
        assert b"-ERR 'Authorization Violation'" in answer


async def test_the_system_account_sees_the_server_and_the_monitoring_port_answers(place: Path) -> None:
    users = [{"user": "somebody", "password": "let me in"}]
    async with EmbeddedNats(place / "nats", users=users, system_password="see all", is_monitored=True) as server:
        client = await nats.connect(server.url, user="somebody", password="let me in")
        await client.jetstream().add_stream(name="S", subjects=["s"])
        await client.close()

        system = await nats.connect(server.url, user=SYSTEM, password="see all")
        answer = json.loads((await system.request("$SYS.REQ.SERVER.PING.JSZ", b"{}")).data)
        assert answer["data"]["streams"] == 1
        with pytest.raises(JetStreamError):
            await system.jetstream(timeout=1).account_info()
        await system.close()

        assert server.monitor_url is not None
        before = server.monitor_url
        host, port = server.monitor_url.removeprefix("http://").split(":")
        assert (await get(host, int(port), "/healthz"))[0] == 200
        await server.kill()
        await server.start()
        assert server.monitor_url == before


async def test_nobody_else_can_read_its_files(place: Path) -> None:
    async with EmbeddedNats(place / "nats", token="secret") as server:
        assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((server.directory / "nats-server.conf").stat().st_mode) == 0o600


async def test_a_server_that_an_earlier_run_left_behind_is_ended(place: Path) -> None:
    async with EmbeddedNats(place / "nats") as left_over, EmbeddedNats(place / "nats") as server:
        assert left_over.pid is None
        assert server.pid is not None


async def test_a_process_that_only_has_the_number_of_an_earlier_server_is_left_alone(
    place: Path, held: psutil.Process
) -> None:
    (place / "nats").mkdir()
    (place / "nats/nats-server.pid").write_text(str(held.pid))
    async with EmbeddedNats(place / "nats"):
        assert held.is_running()


async def test_a_server_that_does_not_start_says_why(place: Path) -> None:
    async with EmbeddedNats(place / "a") as first:
        with pytest.raises(ServerError, match=r"nats-server ended while it started \(exit code 1\).*in use"):
            await EmbeddedNats(place / "b", port=first.port).start()
