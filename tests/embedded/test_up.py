from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
import psutil

from headrace.embedded.network import get
from headrace.log.permissions import OPERATOR, SYSTEM
from tests.embedded.conftest import Up, alive, until

Start = Callable[..., Awaitable[Up]]


def operator_of(up: Up) -> dict[str, Any]:
    return {"user": OPERATOR, "password": up.home.nats_password(OPERATOR)}


async def test_it_starts_everything_and_on_sigterm_stops_it_in_order_and_leaves_nothing_running(
    start_up: Start,
) -> None:
    up = await (await start_up()).ready()
    pids = up.pids()
    info = up.home.running()
    assert info is not None
    assert info.up.pid == up.process.pid
    assert set(info.children) == {"api", "worker", "projector"}
    assert await get("127.0.0.1", up.port, "/") == (200, "ok")
    for user in (OPERATOR, SYSTEM):
        file = up.home.nats / f"context/{user}.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        context = json.loads(file.read_text())
        inboxes = context.get("inbox_prefix", "_INBOX")
        password = up.home.nats_password(user)
        assert context.items() >= {"url": info.nats_url, "user": user, "password": password}.items()
        client = await nats.connect(info.nats_url, user=user, password=password, inbox_prefix=inboxes)
        await client.close()
    assert info.nats_monitor_url is not None
    for name in info.children:
        await up.says(f"{name} runs as")  # ready speaks for the API only

    up.process.send_signal(signal.SIGTERM)

    assert await up.ends() == 0
    assert not [pid for pid in pids if alive(pid)]
    assert up.home.running() is None
    assert len(up.answered) == 1
    steps = [line.removeprefix("up        | ") for line in up.said if line.startswith("up ")]
    assert steps == [
        f"home {up.home.path}",
        "starting postgres",
        "starting nats",
        "migrating the database",
        "starting api, worker, projector",
        f"sign in, once and within 15 minutes: http://127.0.0.1:{up.port}/enter/s3cret",
        "stopping api",
        "stopping worker, projector",
        "stopping nats",
        "stopping postgres",
    ]
    told = [line for line in up.said if line.endswith("was told to stop")]
    assert told[0] == "api       | api was told to stop"
    assert len(told) == 3


async def test_what_ends_is_started_again_with_a_line_that_says_so(start_up: Start) -> None:
    up = await (await start_up()).ready()
    worker, server = up.pid_of("worker"), up.nats()
    assert worker is not None

    os.kill(worker, signal.SIGKILL)
    await up.says(r"up +\| worker ended \(killed by SIGKILL\); starting it again in 0.2 s")
    await until(lambda: up.pid_of("worker") not in (None, worker), "another worker")

    info = up.home.running()
    assert info is not None
    assert sum("provisioning as provisioner" in line for line in up.said) == 1
    server.kill()
    await up.says(r"up +\| nats ended \(killed by SIGKILL\); starting it again in 0.2 s")
    client = await nats.connect(info.nats_url, **operator_of(up), error_cb=_ignore, reconnect_time_wait=0.05)
    await client.close()
    # It may have lost its store, and nobody else may make the streams anew.
    await until(lambda: sum("provisioning as provisioner" in line for line in up.said) == 2, "the streams")


async def test_nothing_outlives_it_when_it_is_killed_and_the_next_one_works(start_up: Start) -> None:
    killed = await (await start_up()).ready()
    pids = killed.pids()
    killed.process.kill()
    await killed.ends()
    following = await start_up(port=killed.port)
    await following.ready()
    await until(lambda: not [pid for pid in pids if alive(pid)], "the end of what was left over")


async def test_a_second_one_on_the_same_home_is_refused(start_up: Start) -> None:
    first = await (await start_up()).ready()
    second = await start_up()
    assert await second.ends() == 2
    (line,) = second.said
    assert f"{first.home.path} is in use by pid {first.process.pid}: stop that one" in line


async def test_a_port_that_is_in_use_is_named_before_anything_starts(start_up: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = await start_up(port=port)
        assert await up.ends() == 2
    assert up.said[1:] == [
        f"up        | cannot listen on 127.0.0.1:{port} (Address already in use): stop what uses it, or choose another port"
    ]


async def test_a_home_that_cannot_be_written_is_named(start_up: Start, place: Path) -> None:
    (place / "file").touch()
    up = await start_up(place / "file" / "home")
    assert await up.ends() == 2
    assert up.said == [
        f"up        | {place}/file/home cannot be written (Not a directory): set HEADRACE_HOME to a directory of yours"
    ]


async def test_servers_of_somebody_else_are_used_when_they_are_set(start_up: Start) -> None:
    theirs = {"HEADRACE_NATS_URL": "nats://127.0.0.1:1", "HEADRACE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}
    up = await (await start_up(environ=theirs)).ready()
    info = up.home.running()
    assert info is not None
    assert (info.nats_url, info.database_url) == tuple(theirs.values())
    assert len(up.pids()) == 3


async def test_an_empty_setting_counts_as_not_set_and_those_for_another_server_do_not_reach_ours(
    start_up: Start, tmp_path: Path
) -> None:
    theirs = {
        "HEADRACE_API_FOLLOW_SECRETS": "",
        "HEADRACE_NATS_CREDENTIALS": str(tmp_path / "their.creds"),
        "HEADRACE_NATS_URL": "",
    }
    (tmp_path / "their.creds").touch()
    up = await (await start_up(environ=theirs)).ready()
    await up.says(r"api +\| api has [0-9]{2,} letters of secrets, credentials: None")


async def test_a_failed_migration_is_reported_and_everything_is_stopped(start_up: Start) -> None:
    up = await start_up(environ={"FAKE_MIGRATE": "fails"})
    assert await up.ends() == 1
    assert up.said[-3:] == [
        "up        | stopping nats",
        "up        | stopping postgres",
        "up        | the migration failed (exit code 1): no such column",
    ]


async def test_the_link_to_sign_in_is_said_once_beside_the_other_lines_and_before_the_line_ready(
    start_up: Start,
) -> None:
    up = await (await start_up()).ready()
    url = f"http://127.0.0.1:{up.port}"
    await up.says(rf"admin +\| made with --credentials {up.home.path}/credentials.json --link {url}")
    assert [line for line in up.said if "s3cret" in line] == [
        f"up        | sign in, once and within 15 minutes: {url}/enter/s3cret"
    ]
    assert up.answered == [f"ready {url}"]


async def test_the_link_waits_for_the_web_app_and_nothing_else_does(start_up: Start, place: Path) -> None:
    built = place / "built"
    up = await (await start_up(environ={"FAKE_WEB": str(built)})).ready()
    assert not [line for line in up.said if "s3cret" in line]
    await up.says("the link to sign in follows when the web app is built")
    built.touch()
    await up.says(rf"sign in, once and within 15 minutes: http://127.0.0.1:{up.port}/enter/s3cret")
    assert up.said.index("up        | building the web app") < up.said.index("up        | starting nats")


async def test_where_there_is_no_web_app_it_says_how_to_get_it_in_place_of_a_link_that_opens_nothing(
    start_up: Start, place: Path
) -> None:
    up = await (await start_up(environ={"FAKE_APP": "missing"})).ready()
    await up.says("this installation has no web app, so there is no link to sign in with: .*web_app` builds it")
    built = place / "built"
    up.process.send_signal(signal.SIGTERM)
    await up.ends()
    building = await (await start_up(environ={"FAKE_APP": "missing", "FAKE_WEB": str(built)})).ready()
    # A build may fail.
    built.touch()
    await building.says("this installation has no web app")
    assert not [line for line in up.said + building.said if "s3cret" in line]


async def test_it_says_before_the_line_ready_that_its_worker_ends_again_and_again(start_up: Start) -> None:
    up = await (await start_up(environ={"FAKE_WORKER": "fails"})).ready()
    await up.says(
        r"up +\| worker has ended ([2-9]) times: no task will run until it starts; its lines say why it ended"
    )


async def test_a_build_of_the_web_app_ends_with_it(start_up: Start, place: Path) -> None:
    up = await (await start_up(environ={"FAKE_WEB": str(place / "never")})).ready()
    up.process.send_signal(signal.SIGTERM)
    assert await up.ends() == 0
    assert not [line for line in up.said if "s3cret" in line]


async def test_each_process_is_given_its_own_settings_and_the_variables_of_handlers_and_no_other_secret(
    start_up: Start,
) -> None:
    given = {
        "HEADRACE_ADMIN_PASSWORD": "a long pass phrase",
        "HEADRACE_API_KEY": "hr_of_whoever_starts_it",
        "HEADRACE_API_OLD_SECRETS": "misspelt",
        "OWN_VALUE": "of a handler",
    }
    up = await (await start_up(environ=given)).ready()
    of_nats, of_database = "HEADRACE_NATS_PASSWORD", "HEADRACE_DATABASE_URL"
    of_api = ["HEADRACE_API_FOLLOW_SECRETS", "HEADRACE_API_OLD_SECRETS", "HEADRACE_API_SECRETS"]
    for name, names in {
        "api": [*of_api, of_database, of_nats, "OWN_VALUE"],
        "worker": [of_nats, "OWN_VALUE"],
        "projector": [of_database, of_nats, "OWN_VALUE"],
    }.items():
        await up.says(re.escape(f"{name} may read {names}") + "$")
    servers = [each for each in psutil.Process(up.process.pid).children() if each.name() in ("nats-server", "postgres")]
    assert len(servers) == 2
    assert not [name for each in servers for name in each.environ() if name.startswith("HEADRACE_")]


async def test_a_first_administrator_that_cannot_be_made_is_reported_and_everything_is_stopped(start_up: Start) -> None:
    up = await start_up(environ={"FAKE_ADMIN": "fails"})
    assert await up.ends() == 1
    assert up.said[-1] == "up        | the first administrator: failed (exit code 1): no such table"


async def test_a_second_signal_kills_what_takes_its_time(start_up: Start) -> None:
    up = await (await start_up(environ={"FAKE_STOP": "never"})).ready()
    pids = up.pids()
    up.process.send_signal(signal.SIGINT)
    await up.says(r"api +\| api was told to stop")
    up.process.send_signal(signal.SIGINT)
    assert await up.ends() == 130
    assert not [pid for pid in pids if alive(pid)]


async def test_it_can_be_stopped_while_it_starts(start_up: Start) -> None:
    up = await start_up()
    await up.says("starting postgres")
    up.process.send_signal(signal.SIGINT)
    assert await up.ends() == 0
    assert up.answered == []


async def _ignore(_: Exception) -> None: ...
