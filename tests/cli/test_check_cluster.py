"""`headrace check cluster` finds what an installation lacks, on real servers that lack it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import asyncpg
import msgspec
import pytest

from headrace.cli.terminal.cluster import processes
from headrace.cli.terminal.cluster.database import check_database
from headrace.cli.terminal.cluster.seen import Seen
from headrace.cli.terminal.nats_monitor import every_address
from headrace.contracts.processes import ProcessNotice
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.log import live_subjects
from headrace.log.greeting import is_new_enough, resolve_servers
from headrace.settings import DatabaseSettings
from headrace.store.revision import revisions
from tests.cli.canned import answering
from tests.cli.conftest import Done, Shell
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.nats_cluster import NatsCluster
from tests.waiting import until

PASSWORD = "only-for-this-test"


async def check(cluster: Cluster, *options: str, user: str = "api", **environ: str) -> Done:
    """Check a cluster as one of its users."""
    return await Shell(cluster.environ | {"HEADRACE_NATS_USER": user} | environ).call("check", "cluster", *options)


def lines(done: Done, about: str) -> list[tuple[str, str]]:
    """The state and the text of each line about something."""
    found = [line.split(maxsplit=2) for line in done.out.splitlines() if not line.startswith(" ")]
    return [(state, text) for state, word, text in found if word == about]


async def test_one_server_that_is_as_the_settings_say_is_well_and_what_cannot_be_seen_is_said(cluster: Cluster) -> None:
    done = await check(cluster)
    assert done.code == 0, done
    assert {state for line in done.out.splitlines() for state in line.split()[:1] if not line.startswith(" ")} == {
        *("ok", "unseen")
    }
    assert lines(done, "flushing") == [
        ("unseen", "how the servers flush, and how much memory JetStream may use, cannot be seen")
    ]
    assert lines(done, "permissions") == [
        ("ok", "NATS permits the work of api"),
        ("unseen", "whether NATS permits the work of projector, provisioner, worker was not tried"),
    ]
    assert lines(done, "streams")[0][1].endswith("one copy of each, as is wanted")
    assert lines(done, "files") == [("ok", "object storage answers")]
    assert lines(done, "migrations") == [
        ("ok", f"the database has revision {revisions()[-1]}, which this version needs")
    ]
    assert {text[:8] for _, text in lines(done, "clock")} == {"NATS is ", "Postgres"}


async def test_everything_is_there_as_json_with_the_level_and_without_a_password(cluster: Cluster) -> None:
    done = await check(cluster, "--json")
    found = json.loads(done.out)
    assert (done.code, found["level"]) == (0, "OK")
    assert {each["about"] for each in found["seen"]} == {
        *("servers", "flushing", "streams", "clock", "processes", "permissions", "migrations", "database", "files")
    }
    assert cluster.environ["HEADRACE_NATS_PASSWORD"] not in done.out


async def test_a_copy_less_than_the_setting_wants_is_critical(cluster: Cluster) -> None:
    done = await check(cluster, HEADRACE_STREAM_REPLICAS="3")
    assert done.code == 2
    assert ("critical", "HEADRACE has 1 copy, and HEADRACE_STREAM_REPLICAS wants 3") in lines(done, "streams")
    assert "run `headrace provision`" in done.out


async def test_a_server_that_does_not_flush_as_stated_is_critical(place: Path) -> None:
    async with EmbeddedNats(place / "nats", is_monitored=True) as nats:
        environ = {
            "HEADRACE_NATS_URL": nats.url,
            "HEADRACE_NATS_TOKEN": nats.token or "",
            "HEADRACE_NATS_MONITOR": nats.monitor_url or "",
        }
        stated = await Shell(environ | {"HEADRACE_NATS_SYNC": "always"}).call("check", "cluster")
        local = await Shell(environ | {"HEADRACE_NATS_SYNC": "1s"}).call("check", "cluster")
    ((state, text),) = lines(stated, "flushing")
    assert (stated.code, state) == (2, "critical")
    assert "acknowledges before it writes to its disk" in text
    assert "config.jetstream.merge" in stated.out
    assert lines(local, "flushing") == [("ok", "now and then, which local does not mind")]
    # The log was never provisioned.
    assert "there is no log yet" in local.out
    assert local.code == 2


async def test_what_does_not_answer_at_a_monitoring_port_is_a_warning(cluster: Cluster) -> None:
    async with answering(200, "<html>") as page:
        done = await check(cluster, HEADRACE_NATS_MONITOR=f"{page},http://127.0.0.1:1")
    assert done.code == 1
    warned = [text for state, text in lines(done, "servers") if state == "warning"]
    assert sorted(each.partition(" ")[0] for each in warned) == sorted([page, "http://127.0.0.1:1"])


@asynccontextmanager
async def greeting_with(version: str) -> AsyncGenerator[str]:
    """A server that begins as one of NATS of a version does."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f'INFO {{"server_name":"old","version":"{version}"}}\r\n'.encode())
        await writer.drain()
        writer.close()

    (port,) = free_ports(1)
    async with await asyncio.start_server(greet, LOOPBACK, port):
        yield f"nats://{LOOPBACK}:{port}"


async def test_one_server_among_others_that_is_too_old_is_critical(cluster: Cluster) -> None:
    async with greeting_with("2.12.9") as old:
        done = await check(cluster, HEADRACE_NATS_URL=f"{cluster.nats.url},{old}")
    assert done.code == 2
    assert ("critical", "NATS 2.14 or newer is needed, and old is 2.12.9") in lines(done, "servers")


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [("2.14.0", True), ("2.14.0-RC.1", True), ("2.15.1", True), ("3.0", True), ("2.13.9", False), ("next", False)],
)
def test_versions_are_compared_as_numbers(version: str, is_enough: bool) -> None:
    assert is_new_enough(version) is is_enough


async def test_every_address_of_a_url_is_a_server() -> None:
    assert await resolve_servers("nats://127.0.0.1:4223, 127.0.0.2,tls://user:word@127.0.0.1:4223") == [
        ("127.0.0.1", 4223),
        ("127.0.0.2", 4222),
    ]


async def test_every_address_of_a_monitoring_port_is_asked() -> None:
    assert await every_address("http://127.0.0.1:8222") == ["http://127.0.0.1:8222"]
    assert await every_address("http://[::1]:8222/below") == ["http://[::1]:8222/below"]
    assert await every_address("https://localhost:8222") == ["https://localhost:8222"]
    assert await every_address("http://nowhere.invalid:8222") == ["http://nowhere.invalid:8222"]
    # It may have an address of each family, and on one of them nobody listens.
    assert len(await every_address("http://localhost:8222")) == 1


async def test_each_user_is_tried_with_its_own_password(cluster: Cluster, tmp_path: Path) -> None:
    for user in ("worker", "projector", "provisioner"):
        (tmp_path / user).write_text(cluster.environ["HEADRACE_NATS_PASSWORD"] + "\n")
    (tmp_path / "projector").write_text("not the password of it")
    done = await check(cluster, "--passwords", str(tmp_path))
    assert done.code == 2
    found = {text: state for state, text in lines(done, "permissions")}
    assert found["NATS permits the work of api, worker, provisioner"] == "ok"
    assert any(text.startswith("projector: NATS does not let us in") for text in found)
    assert "was not tried" not in done.out


async def test_a_user_who_is_not_permitted_the_work_of_its_process_is_critical(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with EmbeddedNats(
        tmp_path / "nats",
        users=[{"user": "worker", "password": PASSWORD, "permissions": {"publish": {"allow": ["hr.>"]}}}],
    ) as nats:
        done = await check(cluster, user="worker", HEADRACE_NATS_URL=nats.url, HEADRACE_NATS_PASSWORD=PASSWORD)
    assert done.code == 2
    assert any(
        state == "critical" and text.startswith("worker: NATS does not permit to publish to $JS.API.STREAM.INFO")
        for state, text in lines(done, "permissions")
    ), done.out


async def test_the_operator_sees_processes_and_a_worker_says_that_it_cannot(cluster: Cluster) -> None:
    operator = await check(cluster, user="operator")
    assert lines(operator, "processes")[0][0] == "ok"
    worker = await check(cluster, user="worker")
    assert lines(worker, "processes")[0][0] == "unseen"
    assert "ask as the user `api` or `operator`" in worker.out


async def test_processes_of_two_versions_are_a_warning(cluster: Cluster) -> None:
    notice = ProcessNotice(role="worker", name="old-1", version="0.0.1", since=datetime.now(UTC))
    asked = asyncio.Event()
    watching = await cluster.log.live.watch(live_subjects.PROCESSES_ASKED, lambda _subject, _payload: asked.set())

    async def answer() -> None:
        await asked.wait()
        await cluster.log.live.publish(live_subjects.process("worker", "old"), msgspec.json.encode(notice))

    answering_ = asyncio.create_task(answer())
    done = await check(cluster)
    await answering_
    await watching.close()
    ((state, text),) = lines(done, "processes")
    assert (done.code, state) == (1, "warning")
    assert "1 api, 2 worker, 1 projector" in text
    assert "1 of 0.0.1" in text


async def test_a_process_that_nobody_runs_is_critical(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody is there who would tell of itself later.
    monkeypatch.setattr(processes, "PATIENCE_SECONDS", 0.0)
    cluster = await make_cluster()
    done = await check(cluster)
    assert done.code == 2
    assert lines(done, "processes") == [("critical", f"no {role} runs") for role in ("api", "worker", "projector")]
    scaled_to_zero = await check(cluster, "--allow-no-workers")
    assert lines(scaled_to_zero, "processes") == [("critical", f"no {role} runs") for role in ("api", "projector")]


async def test_a_database_that_is_older_lacks_migrations_and_one_that_is_newer_waits_for_the_upgrade(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    url = await make_database()
    await execute(url, "UPDATE alembic_version SET version_num = '0001'")
    older = await about_migrations(url)
    assert older.state == "critical"
    assert older.what == f"the database has revision 0001, and this version needs {revisions()[-1]}"
    assert older.remedy == "run `headrace migrate`"
    await execute(url, "UPDATE alembic_version SET version_num = '9999'")
    newer = await about_migrations(url)
    assert newer.state == "warning"
    assert "9999, which is newer than" in newer.what
    await execute(url, "DROP TABLE alembic_version")
    none = await about_migrations(url)
    assert (none.state, none.what.partition(",")[0]) == ("critical", "the database has no revision")


async def about_migrations(url: str) -> Seen:
    """What is seen of the migrations of a database."""
    (seen,) = (each for each in await check_database(DatabaseSettings(url=url)) if each.about == "migrations")
    return seen


async def execute(url: str, *statements: str) -> None:
    """Change a database."""
    connection = cast("asyncpg.Connection", await asyncpg.connect(url))
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


async def test_a_role_without_a_privilege_is_critical(make_database: Callable[[], Awaitable[str]]) -> None:
    url = await make_database()
    role = f"reader_{secrets.token_hex(4)}"
    await execute(
        url,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE INSERT ON tasks FROM {role}",
        # Nobody has to change the audit.
        f"REVOKE UPDATE, DELETE ON audit FROM {role}",
    )
    try:
        found = await check_database(DatabaseSettings(url=as_role(url, role)))
    finally:
        await execute(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    assert [each.what for each in found if each.state == "critical"] == ["our role may not INSERT on tasks"]


def as_role(url: str, role: str) -> str:
    """The same database, as another role."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.rpartition('@')[2]}"


async def test_servers_that_are_away_are_critical_and_leave_the_rest_to_be_seen(cluster: Cluster) -> None:
    done = await check(
        cluster,
        HEADRACE_DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x",
        HEADRACE_OBJECTS_URL="s3://bucket",
        HEADRACE_OBJECTS_ENDPOINT="http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",
    )
    assert done.code == 2
    assert lines(done, "database")[0][0] == "critical"
    assert lines(done, "files")[0][0] == "critical"
    assert lines(done, "streams")[0][0] == "ok"
    assert "hunter2" not in done.out + done.err


@pytest.mark.slow
async def test_a_copy_that_is_away_is_a_warning_and_a_majority_that_is_away_is_critical(
    make_database: Callable[[], Awaitable[str]], place: Path
) -> None:
    async with NatsCluster(place / "servers") as nats:
        environ = {
            "HEADRACE_NATS_URL": nats.url,
            "HEADRACE_NATS_TOKEN": nats.token,
            "HEADRACE_STREAM_REPLICAS": "3",
            "HEADRACE_DATABASE_URL": await make_database(),
        }

        async def streams() -> set[str]:
            done = await Shell(environ).call("check", "cluster")
            return {state for state, _ in lines(done, "streams")}

        async def are(state: str) -> bool:
            return await streams() == {state}

        await until(lambda: are("ok"), "all copies")
        await nats.servers[2].kill()
        await until(lambda: are("warning"), "the copy that is away to be missed")
        done = await Shell(environ).call("check", "cluster")
        assert "2 of 3 copies of HEADRACE are up to date (nats-2 behind or away)" in done.out
        await nats.servers[1].kill()
        done = await Shell(environ).call("check", "cluster")
        assert done.code == 2, done
