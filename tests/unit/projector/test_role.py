from __future__ import annotations

import socket
from typing import Any

import pytest

from headrace.embedded.nats import EmbeddedNats
from headrace.log import jetstream
from headrace.log.connection import Log
from headrace.projector import role as role_module
from headrace.projector.role import ANSWER_SECONDS, LEADING, Role
from tests.unit.conftest import stopped


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(role_module, "monotonic", lambda: now[0])
    monkeypatch.setattr(role_module, "PATIENCE_SECONDS", 0.2)
    return now


async def test_a_postgres_that_has_stopped_answering_is_said_by_its_name_although_its_session_still_waits(
    shared_log: Log, now: list[float]
) -> None:
    # The system takes connections for who does not.
    silent = socket.create_server(("127.0.0.1", 0))
    host, port = silent.getsockname()
    role = Role(shared_log, f"postgresql://me@{host}:{port}/headrace?sslmode=disable")
    assert await role.checks() == OK | {"postgres": "starting"}
    role.set(LEADING)
    role.note_answer()
    assert await role.checks() == OK
    now[0] += ANSWER_SECONDS
    assert await role.checks() == OK | {"postgres": "cannot use Postgres: no answer within 0.2 s"}
    silent.close()
    assert "ConnectionRefusedError" in (await role.checks())["postgres"]


async def test_what_keeps_a_projector_from_its_work_is_said_of_the_server_to_blame(
    nats: EmbeddedNats, log: Log, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    role = Role(log, "postgresql://me@127.0.0.1:1/headrace")
    role.note_answer()
    role.blame("log", "cannot use the log: JetStream does not answer")
    assert await role.checks() == OK | {"log": "cannot use the log: JetStream does not answer"}
    role.blame("postgres", "cannot use Postgres: no answer in time")
    assert await role.checks() == OK | {"postgres": "cannot use Postgres: no answer in time"}
    role.set(LEADING)
    assert await role.checks() == OK
    monkeypatch.setattr(jetstream, "API_TIMEOUT_SECONDS", 0.2)
    with stopped(nats):
        found = await role.checks()
    assert found == OK | {"log": found["log"]}
    assert "did not answer" in found["log"]


OK: dict[str, Any] = dict.fromkeys(("nats", "log", "clock", "postgres"), "ok")
