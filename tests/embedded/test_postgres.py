from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from headrace.embedded.errors import HomeError, ServerError
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.embedded.postgres_user import check_named
from tests.embedded.conftest import alive, until

HOLDER = """
import asyncio, sys
from pathlib import Path
import asyncpg
from headrace.embedded.postgres import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    connection = await asyncpg.connect(await server.create("headrace"))
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS row")
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


async def rows(server: EmbeddedPostgres) -> int:
    connection = await asyncpg.connect(server.url("headrace"))
    try:
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


async def test_what_was_committed_survives_the_holder_being_killed(place: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, str(place / "postgres")), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    pid = int(await holder.stdout.readline())
    holder.kill()
    await holder.wait()

    async with EmbeddedPostgres(place / "postgres") as server:
        assert not alive(pid)
        assert await rows(server) == 1
    await until(lambda: not alive(pid), "the left-over")


async def test_it_recovers_from_being_killed_and_leaves_nothing_running_when_stopped(place: Path) -> None:
    server = EmbeddedPostgres(place / "postgres")
    await server.start()
    connection = await asyncpg.connect(await server.create("headrace"))
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS row")
    await connection.execute("SET synchronous_commit = on")
    await server.kill()
    await server.start()
    connection.terminate()
    assert await rows(server) == 1
    assert await server.create("headrace") == server.url("headrace")

    assert server.pid is not None
    processes = [server.pid, *(child.pid for child in psutil.Process(server.pid).children())]
    await server.stop()
    assert not [pid for pid in processes if alive(pid)]


async def test_a_server_that_an_earlier_run_left_behind_is_ended(place: Path) -> None:
    async with EmbeddedPostgres(place / "postgres") as left_over, EmbeddedPostgres(place / "postgres") as server:
        assert left_over.pid is None
        assert server.pid is not None


async def test_a_process_that_only_has_the_number_of_an_earlier_server_does_not_keep_it_from_starting(
    place: Path, held: psutil.Process
) -> None:
    async with EmbeddedPostgres(place / "postgres") as server:
        pid_file = server.directory / "data/postmaster.pid"
        left = pid_file.read_text()
        await server.stop()
        pid_file.write_text(left.replace(left.split("\n")[0], str(held.pid), 1))
        await server.start()


async def test_paths_may_be_long_and_have_spaces_and_an_unfinished_start_is_begun_again(place: Path) -> None:
    directory = place / ("a long name " * 10).strip() / "postgres"
    (directory / "data.new").mkdir(parents=True)
    async with EmbeddedPostgres(directory) as server:
        connection = await asyncpg.connect(await server.create("with space"))
        assert await connection.fetchval("SHOW fsync") == "on"
        await connection.close()
        sockets = server.socket_directory
        assert sockets != directory
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    sockets.rmdir()


async def test_paths_may_have_commas_and_any_letter_and_variables_for_another_postgres_do_not_matter(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {
        "PGHOST": "db.example",
        "PGPORT": "no port",
        "PGSERVICE": "theirs",
        "PGSSLMODE": "verify-full",
        "PGTARGETSESSIONATTRS": "standby",
        "PGOPTIONS": "-c nonsense=1",
        "PGDATA": "/nowhere",
        "LC_ALL": "xx_YY.UTF-8",
        "TZ": "garbage",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    async with EmbeddedPostgres(place / "josé, 😀") as server:
        url = await server.create("headrace")
        assert "," not in url
        assert {name: os.environ[name] for name in theirs} == theirs
        sockets = server.socket_directory
    sockets.rmdir()


def test_a_user_id_without_a_name_is_told_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 123_456)
    with pytest.raises(
        ServerError, match=r"123456, which has no name: add the id to /etc/passwd .*HEADRACE_DATABASE_URL"
    ):
        check_named()


async def test_a_socket_directory_that_is_not_ours_is_refused(place: Path) -> None:
    server = EmbeddedPostgres(place / ("long" * 25))
    server.socket_directory.symlink_to(place)
    with pytest.raises(HomeError, match="is another user's"):
        await server.start()
    server.socket_directory.unlink()


@as_root
def test_as_root_a_directory_that_the_other_user_cannot_enter_is_named_and_left_closed(place: Path) -> None:
    place.chmod(0o700)
    with pytest.raises(ServerError, match=f"who may not enter {place}: set HEADRACE_HOME"):
        asyncio.run(EmbeddedPostgres(place / "postgres").start())
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


async def test_it_ends_fast_and_cleanly_when_its_holder_is_interrupted(place: Path) -> None:
    async with EmbeddedPostgres(place / "postgres") as server:
        connection = await asyncpg.connect(server.url("postgres"))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGINT)
        assert await server.wait() == 0
        connection.terminate()
