from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from headrace.embedded.nats import EmbeddedNats, nats_server
from headrace.errors import LogUnavailable
from headrace.log import bucket_names, live_subjects, replay, subjects
from headrace.log import client as client_module
from headrace.log.client import NatsClient, open_client
from headrace.log.denials import NotPermitted
from headrace.log.jetstream import JetStream, ProvisionError
from headrace.log.needs import NEEDS, missing_permissions
from headrace.log.opening import open_log
from headrace.log.permissions import PROVISIONER, USERS, WORKER, permissions, users_config
from headrace.log.provisioning import provision
from headrace.log.streams import provision_streams
from headrace.settings import Settings
from tests.waiting import until

ONE_KIND = "worker-echo"  # a worker that may run the kind `echo` and no other
PASSWORD = "let-me-in"

TASK = "normal.someone.a-task"
STREAM_CHANGES = [
    *(
        f"$JS.API.STREAM.{what}.HEADRACE"
        for what in ("CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "SEAL")
    ),
    *(f"$JS.API.STREAM.{what}.HEADRACE_COMPARED" for what in ("UPDATE", "DELETE", "PURGE")),
    *(f"$JS.API.STREAM.{what}.HEADRACE_RATES" for what in ("UPDATE", "DELETE", "PURGE")),
    *(f"$JS.API.STREAM.{what}.KV_HEADRACE_KINDS" for what in ("UPDATE", "DELETE", "PURGE", "MSG.DELETE")),
    *(f"$JS.API.STREAM.{what}.HEADRACE_LIMITS" for what in ("UPDATE", "DELETE", "PURGE")),
    *(f"$JS.API.STREAM.{what}.KV_HEADRACE_IDENTITY" for what in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE")),
    "$JS.API.STREAM.CREATE.ANOTHER",
    "$JS.API.STREAM.LEADER.STEPDOWN.HEADRACE",
]
TAKING_WORK = [
    *(f"$JS.API.CONSUMER.MSG.NEXT.HEADRACE.run-echo{lane}" for lane in ("", "-high", "-normal", "-low")),
    "$JS.ACK.HEADRACE.run-echo-normal.1.1.1.1.0",
    "$JS.ACK.hub.account.HEADRACE.run-echo-normal.1.1.1.1.0.x",
    "$JS.API.CONSUMER.CREATE.HEADRACE.run-echo-normal.hr.tasks.queued.echo.normal.>",
    "$JS.API.CONSUMER.CREATE.HEADRACE.mine.hr.tasks.queued.>",
    "$JS.API.CONSUMER.CREATE.HEADRACE",
    "$JS.API.CONSUMER.DURABLE.CREATE.HEADRACE.run-echo-normal",
    "$JS.API.CONSUMER.DELETE.HEADRACE.run-echo-normal",
    f"hr.tasks.started.echo.{TASK}",
    f"hr.tasks.emitted.echo.{TASK}",
]
READING_FOR_THE_READ_MODEL = [
    *(f"$JS.API.CONSUMER.MSG.NEXT.HEADRACE.{each}" for each in ("projector", "firings")),
    *(f"$JS.ACK.HEADRACE.{each}.1.1.1.1.0" for each in ("projector", "firings")),
    *(f"$JS.API.CONSUMER.{what}.HEADRACE.projector" for what in ("PAUSE", "DELETE", "RESET", "CREATE")),
    "$JS.API.CONSUMER.CREATE.HEADRACE.projector.hr.tasks.queued.echo.>",
]
IDENTITY = [
    *("$KV.HEADRACE_IDENTITY.revoked.key.k", "$KV.HEADRACE_IDENTITY.user.u", "$KV.HEADRACE_SETTINGS.current"),
    *("$JS.API.DIRECT.GET.KV_HEADRACE_IDENTITY", "$JS.API.STREAM.MSG.GET.KV_HEADRACE_IDENTITY"),
    *("hr.limits.sign-in.someone.1", "hr.long-limits.registration.someone.1", "hr.open-streams.a-process"),
]
APPENDS = [f"hr.tasks.queued.echo.{TASK}", "hr.timers.tasks.someone.a-task", f"hr.tasks.finished.echo.{TASK}"]

REFUSED_PUBLISHES = {
    "api": [
        *STREAM_CHANGES,
        *TAKING_WORK,
        *READING_FOR_THE_READ_MODEL,
        "$KV.HEADRACE_KINDS.echo",
        "hr.rates.echo.1",
        "hr.dropped.7",
    ],
    "worker": [
        *STREAM_CHANGES,
        *READING_FOR_THE_READ_MODEL,
        *IDENTITY,
        "$JS.API.CONSUMER.CREATE.HEADRACE.run-echo-normal.hr.tasks.>",
        "$JS.API.CONSUMER.CREATE.HEADRACE",
        "$JS.API.CONSUMER.DURABLE.CREATE.HEADRACE.run-echo-normal",
        "$JS.API.STREAM.MSG.DELETE.HEADRACE",
        *("hr.batches.created.someone.b", "hr.batches.settled.someone.b", "hr.schedules.saved.someone.s"),
        *("hr.timers.schedules.someone.s", "hr.compared", "hr.filler", "hr.dropped.7", "hr.cancelled.echo"),
    ],
    ONE_KIND: [
        *STREAM_CHANGES,
        *READING_FOR_THE_READ_MODEL,
        "$JS.API.CONSUMER.MSG.NEXT.HEADRACE.run-other-normal",
        "$JS.ACK.HEADRACE.run-other-normal.1.1.1.1.0",
        "$JS.API.CONSUMER.CREATE.HEADRACE.run-other-normal.hr.tasks.queued.other.normal.>",
        "$JS.API.CONSUMER.CREATE.HEADRACE.run-echo-normal.hr.tasks.queued.other.normal.>",
        *("$JS.API.CONSUMER.PAUSE.HEADRACE.run-other", "$JS.API.CONSUMER.DELETE.HEADRACE.run-other"),
        *(f"hr.tasks.queued.other.{TASK}", f"hr.tasks.finished.other.{TASK}", "hr.rates.other.1"),
        "$KV.HEADRACE_KINDS.other",
    ],
    "projector": [
        *STREAM_CHANGES,
        *IDENTITY,
        *TAKING_WORK,
        "$KV.HEADRACE_KINDS.echo",
        "hr.schedules.deleted.someone.s",
    ],
    "operator": [
        *STREAM_CHANGES,
        *TAKING_WORK,
        *APPENDS,
        *IDENTITY,
        *READING_FOR_THE_READ_MODEL,
        "$JS.API.STREAM.MSG.DELETE.HEADRACE",
    ],
    "provisioner": [
        *APPENDS,
        *IDENTITY,
        *TAKING_WORK,
        "$JS.API.DIRECT.GET.HEADRACE",
        "$JS.API.STREAM.MSG.GET.HEADRACE",
    ],
}
EVERYBODY = [">", "_INBOX.>", "hr.>", "hr.tasks.>", "hr.tasks.queued.>", "$JS.>", "$JS.ACK.>", "$SYS.>"]


@pytest.fixture(scope="module")
async def server(session_place: Path) -> AsyncGenerator[EmbeddedNats]:
    one_kind = {
        "user": ONE_KIND,
        "password": PASSWORD,
        "permissions": permissions(ONE_KIND, WORKER, ["echo"]).as_config(),
    }
    users = [*users_config(dict.fromkeys(USERS, PASSWORD)), one_kind]
    async with EmbeddedNats(session_place / "permissions", users=users) as server:
        yield server


def settings_of(user: str, server: EmbeddedNats, **environ: str) -> Settings:
    return Settings.read(
        {
            "HEADRACE_NATS_URL": server.url,
            "HEADRACE_NATS_USER": user,
            "HEADRACE_NATS_PASSWORD": PASSWORD,
            **environ,
        }
    )


class Asking:
    """A connection that notes what the server refuses."""

    def __init__(self, client: NatsClient) -> None:
        self._client = client
        self._refused: list[str] = []
        client._error_cb = self._note

    async def publishes(self, subject: str) -> bool:
        """Whether the user may publish to a subject."""
        await self._client.publish(subject, b"{}")
        return await self._was_permitted()

    async def subscribes(self, subject: str) -> bool:
        """Whether the user may subscribe to a subject."""
        await self._client.subscribe(subject)
        return await self._was_permitted()

    async def _was_permitted(self) -> bool:
        # The server answers in order.
        await self._client.flush()
        refused, self._refused = self._refused, []
        return not refused

    async def _note(self, error: Exception) -> None:
        self._refused.append(str(error))


@asynccontextmanager
async def asking_as(user: str, server: EmbeddedNats) -> AsyncGenerator[Asking]:
    async with open_client(settings_of(user, server).nats, "test") as client:
        yield Asking(client)


@pytest.mark.parametrize("user", REFUSED_PUBLISHES)
async def test_a_process_may_not_do_the_work_of_another(user: str, server: EmbeddedNats) -> None:
    async with asking_as(user, server) as asking:
        assert [each for each in REFUSED_PUBLISHES[user] if await asking.publishes(each)] == []


@pytest.mark.parametrize("user", REFUSED_PUBLISHES)
async def test_nobody_hears_what_is_meant_for_another(user: str, server: EmbeddedNats) -> None:
    inboxes = [f"{subjects.inbox(each)}.>" for each in (*USERS, ONE_KIND) if each != user]
    async with asking_as(user, server) as asking:
        # How many streams somebody has open is for the API processes alone.
        others = [] if user == "api" else ["hr.open-streams.*"]
        assert [each for each in (*EVERYBODY, *inboxes, *others) if await asking.subscribes(each)] == []
        assert await asking.subscribes(f"{subjects.inbox(user)}.>")


@pytest.mark.parametrize("user", ["api", "worker", ONE_KIND, "projector", "operator"])
async def test_whoever_reads_the_log_may_ask_its_leader_for_what_a_copy_does_not_have(
    user: str, server: EmbeddedNats
) -> None:
    async with asking_as(user, server) as asking:
        assert await asking.publishes("$JS.API.STREAM.MSG.GET.HEADRACE")


async def test_a_user_without_the_password_is_not_let_in(server: EmbeddedNats) -> None:
    settings = settings_of("worker", server, HEADRACE_NATS_PASSWORD="guessed")
    with pytest.raises(LogUnavailable, match="Authorization Violation"):
        async with open_client(settings.nats, "test", patience=2):
            pass


async def test_who_may_not_create_the_log_says_who_does_and_uses_it_as_it_was_provisioned(place: Path) -> None:
    users = users_config(dict.fromkeys(USERS, PASSWORD))
    async with EmbeddedNats(place / "nats", users=users) as empty:
        worker = settings_of("worker", empty)
        async with open_client(worker.nats, "test") as connection:
            with pytest.raises(LogUnavailable, match=r"HEADRACE does not exist, .* run `headrace provision`"):
                await provision_streams(JetStream(connection), worker.stream)
            await provision(settings_of(PROVISIONER, empty))
            made = await provision_streams(JetStream(connection), worker.stream)
            # While a new setting is rolled out the others go on.
            other = settings_of("worker", empty, HEADRACE_STREAM_RETENTION="3600")
            with capture_logs() as logged:
                assert await provision_streams(JetStream(connection), other.stream) == made
            assert "may not change max_age from" in str(logged)
        await provision(settings_of(PROVISIONER, empty, HEADRACE_STREAM_RETENTION="3600"))
        async with open_log(other, "test") as opened:
            assert opened.epoch == made.epoch


async def test_who_may_not_change_a_log_in_which_it_cannot_work_ends_and_says_who_may(place: Path) -> None:
    users = [*users_config(dict.fromkeys(USERS, PASSWORD)), {"user": "tester", "password": PASSWORD}]
    async with EmbeddedNats(place / "nats", users=users) as server:
        await provision(settings_of(PROVISIONER, server))
        async with open_client(settings_of("tester", server).nats, "test") as connection:
            jetstream = JetStream(connection)
            config = (await jetstream.request("STREAM.INFO.HEADRACE"))["config"]
            await jetstream.request("STREAM.UPDATE.HEADRACE", config | {"republish": None})
        api = settings_of("api", server)
        with pytest.raises(ProvisionError, match=r"may not change republish from .* run `headrace provision`"):
            async with open_log(api, "test"):
                pass


async def test_a_refused_subscription_is_made_again_once_it_is_permitted_and_what_was_missed_is_caught_up_with(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "SUBSCRIBE_AGAIN_SECONDS", 0.05)
    nobody = {"user": "worker", "password": PASSWORD, "permissions": {"subscribe": {"deny": "hr.cancelled.*"}}}
    allowed = {"user": "worker", "password": PASSWORD}
    server = EmbeddedNats(place / "nats", users=[nobody])
    async with server:
        caught_up = asyncio.Event()
        client = NatsClient("test", settings_of("worker", server).nats, on_reconnect=caught_up.set)
        await client.open()
        heard = await client.subscribe("hr.cancelled.*")
        await client.flush()
        assert "to subscribe to hr.cancelled.*" in (client.denials.lasting_problem or "")
        config = place / "nats" / "nats-server.conf"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"authorization": {"users": [allowed]}}))
        os.kill(server.pid or 0, signal.SIGHUP)
        await until(lambda: client.denials.problem is None, "the subscription to be permitted")
        assert caught_up.is_set()
        await client.publish("hr.cancelled.echo", b"now")
        assert (await heard.next_msg(timeout=5)).data == b"now"
        await client.flush_and_close()


async def test_a_refused_request_fails_at_once_and_what_nobody_waits_for_is_logged_once_with_user_and_subject(
    server: EmbeddedNats,
) -> None:
    async with open_client(settings_of("worker", server).nats, "test") as connection:
        with capture_logs() as logged:
            for _ in range(2):
                async with asyncio.timeout(2):
                    with pytest.raises(NotPermitted, match="does not permit the user 'worker' to publish"):
                        await JetStream(connection).call("STREAM.PURGE.HEADRACE", {})
            for _ in range(2):
                await connection.subscribe("hr.tasks.>")
            await connection.flush()
    assert [line["event"].partition(";")[0] for line in logged] == [
        "NATS does not permit the user 'worker' to subscribe to hr.tasks.>",
    ]


@pytest.mark.parametrize("user", NEEDS)
async def test_what_a_process_needs_is_permitted_to_its_own_user_alone_and_asked_without_an_effect(
    user: str, server: EmbeddedNats
) -> None:
    await provision(settings_of(PROVISIONER, server))
    missing: dict[str, list[str]] = {}
    for each in (*USERS, ONE_KIND):
        async with open_client(settings_of(each, server).nats, "test") as client:
            missing[each] = await missing_permissions(client, user)
    assert {each for each in missing if not missing[each]} == {user, *([ONE_KIND] if user == WORKER else [])}
    async with open_client(settings_of("operator", server).nats, "test") as client:
        for stream in ("HEADRACE", "HEADRACE_LIMITS"):
            assert (await JetStream(client).request(f"STREAM.INFO.{stream}"))["state"]["last_seq"] == 0


async def test_subjects_are_named_as_the_configuration_of_the_server_has_them(server: EmbeddedNats) -> None:
    async with open_client(settings_of("worker", server).nats, "test") as client:
        assert await missing_permissions(client, "api") == [
            "publish to $JS.API.DIRECT.GET.KV_HEADRACE_IDENTITY",
            "publish to hr.batches.created.any.any",
            "publish to hr.limits.any.any.0",
            *(f"subscribe to $KV.HEADRACE_{bucket}.>" for bucket in ("KINDS", "IDENTITY", "SETTINGS")),
        ]


async def test_who_may_not_read_a_stream_is_told_so_and_not_that_the_log_is_slow(
    server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "TRY_SECONDS", (0.2,))
    async with open_client(settings_of("worker", server).nats, "test") as client:
        replayer = replay.Replayer(client)
        await replayer.open()
        with pytest.raises(NotPermitted, match=r"'worker' to publish to \$JS\.API\.DIRECT\.GET\.KV_HEADRACE_IDENTITY;"):
            await replayer.page(bucket_names.IDENTITY_ENTRIES, stream=bucket_names.IDENTITY_STREAM)


async def test_who_may_create_no_streams_is_told_at_once_by_which_user_they_are_provisioned(
    server: EmbeddedNats,
) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(
            ProvisionError, match=r"the user 'api' to create streams; set HEADRACE_NATS_USER=provisioner"
        ):
            await provision(settings_of("api", server))


async def test_more_copies_than_there_are_servers_are_refused_by_the_name_of_the_setting(server: EmbeddedNats) -> None:
    with pytest.raises(ProvisionError, match="non-clustered mode; HEADRACE_STREAM_REPLICAS asks for more copies"):
        await provision(settings_of(PROVISIONER, server, HEADRACE_STREAM_REPLICAS="3"))


LIVE_ROW = re.compile(r"^\| `(hr\.[a-z.*-]+)` \| ([a-z, ]+) \| ([a-z, ]+) \|", re.MULTILINE)


def _covers(permitted: str, subject: str) -> bool:
    parts, wanted = permitted.split("."), subject.split(".")
    if parts[-1] == ">":
        return wanted[: len(parts) - 1] == parts[:-1]
    return len(parts) == len(wanted) and all(a in ("*", b) or b == "*" for a, b in zip(parts, wanted, strict=True))


def test_the_table_of_operations_says_of_each_live_subject_who_may_publish_it_and_who_may_hear_it() -> None:
    note = (Path(__file__).parents[3] / "docs/operations.md").read_text()
    rows = {subject: (by.split(", "), heard.split(", ")) for subject, by, heard in LIVE_ROW.findall(note)}
    lines = [line.split() for line in (live_subjects.__doc__ or "").splitlines()]
    subjects_there = {re.sub("<[a-z]+>", "*", line[0]) for line in lines if line and line[0].startswith("hr.")}
    assert rows.keys() == subjects_there
    allowed = {user: permissions(user) for user in USERS}
    for subject, (publishers, hearers) in rows.items():
        may_publish = {user for user in USERS if any(_covers(each, subject) for each in allowed[user].publish)}
        may_hear = {user for user in USERS if any(_covers(each, subject) for each in allowed[user].subscribe)}
        assert (may_publish, may_hear) == (set(publishers), set(hearers)), subject


async def test_the_example_is_a_configuration_that_nats_takes() -> None:
    example = Path(__file__).parents[3] / "docs/nats-accounts.conf"
    names = [line.partition("$")[2].partition(",")[0].partition(" ")[0] for line in example.read_text().splitlines()]
    passwords = {name: PASSWORD for name in names if name.startswith("NATS_")}
    assert len(passwords) == len(USERS) + 2
    process = await asyncio.create_subprocess_exec(
        *(nats_server(), "-t", "-c", str(example)),
        env=os.environ | passwords,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said
