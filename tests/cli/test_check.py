from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest

from headrace.cli.terminal.check import check
from headrace.cli.terminal.check_nats import check_nats
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.log.permissions import USERS, users_config
from headrace.settings import Settings
from headrace.settings.production import refusals
from headrace.store.audit import OWNS_AUDIT
from tests.cli.canned import answering
from tests.cli.conftest import Shell
from tests.cluster import Cluster
from tests.unit.test_production import SAFE, SECRET, UNSAFE


async def test_check_names_everything_with_its_remedy_and_shows_no_secret() -> None:
    secrets = {"HEADRACE_DATABASE_URL": UNSAFE["HEADRACE_DATABASE_URL"], "HEADRACE_NATS_TOKEN": "hunter2"}
    done = await Shell(SAFE | UNSAFE | secrets | {"HEADRACE_API_SECRETS": "hunter2"}).call("check", "--explain")
    assert done.code == 2, "one of them cannot even be read"
    named = {line.split()[0] for line in done.out.splitlines() if line.startswith("HEADRACE_")}
    assert named == UNSAFE.keys() - {"HEADRACE_API_SECRETS", "HEADRACE_NATS_USER"}
    assert len(done.out.splitlines()) == 2 * len(named)
    assert "HEADRACE_API_SECRETS=(hidden)" in done.err
    assert "hunter2" not in done.out + done.err


@pytest.mark.parametrize("process", ["api", "worker", "projector", "provision", "up"])
async def test_a_process_does_not_start_in_production_with_what_is_refused(process: str) -> None:
    done = await Shell(SAFE | {"HEADRACE_NATS_SYNC": "1s", "HEADRACE_LOG_LEVEL": "debug"}).call(process)
    assert done.code == 2
    assert "production refuses these settings; `headrace check --explain` says what to do" in done.err
    named = {"HEADRACE_ENV"} if process == "up" else {"HEADRACE_NATS_SYNC", "HEADRACE_LOG_LEVEL"}
    assert {word for word in done.err.split() if word.startswith("HEADRACE_")} == named


async def test_check_is_content_with_local_settings_and_with_servers_that_answer(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await check(cluster.settings, None, [], explain=False, connect=True) == 0
    assert capsys.readouterr().out == "local: nothing is refused\n"


async def test_check_asks_the_servers_whether_they_are_what_the_settings_say(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    varz = '{"server_name":"nats-0","version":"2.15.1","uptime":"1s","jetstream":{"config":{"sync_always":false}}}'
    async with answering(200, varz) as monitor:
        settings = Settings.read(
            cluster.environ | {"HEADRACE_ENV": "production", "HEADRACE_NATS_MONITOR": f"{monitor},http://127.0.0.1:1"}
        )
        assert await check(settings, None, [], explain=False, connect=True) == 1
    assert capsys.readouterr().out.splitlines() == [
        "HEADRACE_STREAM_REPLICAS wants 3 copies of the log, and this NATS is one server that is in no cluster",
        f"HEADRACE_NATS_SYNC is not what the server of {monitor} does",
        "HEADRACE_NATS_MONITOR http://127.0.0.1:1 does not answer as a monitoring port (ConnectError)",
        (
            "warning: HEADRACE_DATABASE_URL names a role that may act as the owner of the audit, "
            "who can take away the triggers that keep it"
        ),
    ]


async def test_check_says_what_cannot_be_reached_within_seconds_and_without_passwords(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings.read(
        {
            "HEADRACE_NATS_URL": "nats://me:hunter2@127.0.0.1:1",
            "HEADRACE_DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/x",
            "HEADRACE_API_SECRETS": SECRET,
        }
    )
    async with asyncio.timeout(20):
        assert await check(settings, None, [], explain=True, connect=True) == 1
    out = capsys.readouterr().out
    assert "HEADRACE_NATS_URL names a NATS that cannot be used" in out
    assert "HEADRACE_DATABASE_URL names a Postgres that cannot be used" in out
    assert "hunter2" not in out


@pytest.mark.parametrize(
    "wrong", [{"HEADRACE_ENV": "prod"}, {"HEADRACE_ENV": "production", "HEADRACE_API_BIND": "8080"}]
)
async def test_check_passes_no_verdict_on_settings_that_cannot_be_read(wrong: dict[str, str]) -> None:
    done = await Shell(SAFE | wrong).call("check")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("HEADRACE_") == 1


async def test_check_says_what_the_user_may_not_do_and_which_user_may(
    place: Path,
) -> None:
    async with EmbeddedNats(place / "nats", users=users_config(dict.fromkeys(USERS, "let-me-in"))) as nats:
        of_worker = {
            "HEADRACE_NATS_URL": nats.url,
            "HEADRACE_NATS_USER": "worker",
            "HEADRACE_NATS_PASSWORD": "let-me-in",
        }
        said = [refusal async for refusal in check_nats(Settings.read(of_worker), "projector", set())]
        wrong = Settings.read(of_worker | {"HEADRACE_NATS_PASSWORD": "guessed"})
        not_let_in = [refusal async for refusal in check_nats(wrong, "worker", set())]
        known = [refusal async for refusal in check_nats(wrong, "worker", {"HEADRACE_NATS_PASSWORD"})]
    of_user, of_log = said
    assert of_user.reason.startswith("names worker, who may not publish to hr.batches.settled.any.any, ")
    assert of_user.reason.endswith(", subscribe to $KV.HEADRACE_SETTINGS.>")
    assert of_user.remedy.startswith("set it to projector")
    assert "with HEADRACE_NATS_USER=provisioner" in of_log.remedy
    assert [each.variable for each in not_let_in] == ["HEADRACE_NATS_USER"]
    assert known == [], "one cause is told once"


async def test_a_role_that_may_only_add_to_the_audit_and_read_it_is_no_owner(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.settings.database.url)
    role = f"api_{os.urandom(4).hex()}"
    try:
        assert await connection.fetchval(OWNS_AUDIT), "a superuser"
        await connection.execute(f"CREATE ROLE {role}; GRANT INSERT, SELECT ON audit TO {role}; SET ROLE {role}")
        assert not await connection.fetchval(OWNS_AUDIT)
        await connection.execute(f"RESET ROLE; CREATE ROLE {role}_owner; GRANT {role}_owner TO {role}")
        await connection.execute(f"BEGIN; ALTER TABLE audit OWNER TO {role}_owner; SET LOCAL ROLE {role}")
        assert await connection.fetchval(OWNS_AUDIT), "a member of the owner's role"
    finally:
        await connection.execute(f"ROLLBACK; RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}, {role}_owner")
        await connection.close()


async def test_check_says_when_the_database_has_to_be_migrated(
    postgres: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.read({"HEADRACE_DATABASE_URL": await postgres.create("not_migrated")})
    assert await check(settings, "migrate", [], explain=True, connect=True) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        "HEADRACE_DATABASE_URL names a database that lacks migrations\n    the database has no revision"
    )
    assert "run `headrace migrate`" in said


async def test_check_does_not_try_a_database_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.read({"HEADRACE_ENV": "production"})
    refused = refusals(settings, "migrate")
    assert await check(settings, "migrate", refused, explain=False, connect=True) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("HEADRACE_DATABASE_URL is missing: ")
