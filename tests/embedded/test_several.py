"""Several APIs and several workers under one `up`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from headrace.cli import cli
from headrace.embedded.children import OPERATIONS, find_not_ready, plan_children, waited_for
from headrace.embedded.counts import APIS_MAX, WORKERS_MAX, Counts
from headrace.embedded.credentials import Credentials
from headrace.embedded.errors import PortError
from headrace.embedded.network import LOOPBACK, check_port, free_ports, get, hold_port
from headrace.listening import bind
from headrace.settings import split_bind
from tests.embedded.conftest import Up, alive, until
from tests.waiting import until as until_found

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over several APIs")

Start = Callable[..., Awaitable[Up]]
REPOSITORY = Path(__file__).parents[2]
TWO_EACH = {"FAKE_APIS": "2", "FAKE_WORKERS": "2"}
NAMES = ["api-1", "api-2", "worker-1", "worker-2", "projector"]
ROLES = ("api", "worker", "projector")
ANSWERS = 20  # each API gets one of them but once in half a million times


@pytest.mark.parametrize("option", ["--apis", "--workers"])
@pytest.mark.parametrize("count", ["0", "17", "-1", "two"])
def test_a_number_of_processes_that_cannot_be_is_refused_with_a_sentence(option: str, count: str) -> None:
    refused = CliRunner().invoke(cli, ["up", option, count])
    assert refused.exit_code == 2
    assert re.search(rf"Invalid value for '{option}': '?{count}'? is not ", refused.output)


def test_several_apis_are_refused_where_the_system_does_not_spread_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    refused = CliRunner().invoke(cli, ["up", "--apis", "2"])
    assert refused.exit_code == 2
    assert "'--apis': only Linux spreads connections over several APIs: leave it at 1" in refused.output


async def test_each_has_a_name_and_a_record_of_its_own_and_apis_are_stopped_first(start_up: Start) -> None:
    up = await (await start_up(environ=TWO_EACH)).ready()
    pids = up.pids()
    info = up.home.running()
    assert info is not None
    assert list(info.children) == NAMES
    given = {name: psutil.Process(child.pid).environ() for name, child in info.children.items()}
    assert [given[name].get("HEADRACE_WORKER_RECORD", "").rpartition("/")[2] for name in NAMES] == [
        *("", ""),
        *("worker-runs-1", "worker-runs-2"),
        "",
    ]
    for name in NAMES:
        await up.says(rf"{name} +\| {name.partition('-')[0]} runs as {info.children[name].pid}$")
    up.process.send_signal(signal.SIGTERM)
    assert await up.ends() == 0
    assert not [pid for pid in pids if alive(pid)]
    steps = [line.removeprefix("up        | ") for line in up.said if line.startswith("up ")]
    assert [step for step in steps if "api" in step or "worker" in step] == [
        "starting api-1, api-2, worker-1, worker-2, projector",
        "stopping api-1, api-2",
        "stopping worker-1, worker-2, projector",
    ]


async def test_a_port_that_several_apis_share_is_refused_to_another_up_whether_it_would_share_it_or_not(
    start_up: Start, place: Path
) -> None:
    up = await (await start_up(environ=TWO_EACH)).ready()
    refused = f"up        | cannot listen on 127.0.0.1:{up.port} (Address already in use): stop what uses it, or choose another port"
    for environ in ({}, TWO_EACH):
        other = await start_up(place / "other", port=up.port, environ=environ)
        assert await other.ends() == 2
        assert other.said[1:] == [refused]


async def test_a_port_that_one_api_has_is_refused_to_several(start_up: Start, place: Path) -> None:
    up = await (await start_up()).ready()
    other = await start_up(place / "other", port=up.port, environ=TWO_EACH)
    assert await other.ends() == 2
    assert "Address already in use" in other.said[-1]


def test_a_port_is_held_before_anybody_listens_there_and_only_who_shares_it_may() -> None:
    (port,) = free_ports(1)
    with hold_port(LOOPBACK, port):
        for take in (hold_port, check_port):
            with pytest.raises(PortError, match="in use"):
                take(LOOPBACK, port)
        bind(LOOPBACK, port, "X", is_shared=True).close()
    check_port(LOOPBACK, port)


async def test_of_several_each_is_waited_for_and_the_first_that_is_not_ready_is_named(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    plans = plan_children(ROLES, Counts(1, 2), {}, tmp_path, (LOOPBACK, 1))
    assert [plan.name for plan in plans] == ["api", "worker-1", "worker-2", "projector"]
    waited = waited_for(plans)
    assert [plan.name for plan in waited] == ["worker-1", "worker-2"]
    one, two = waited
    async with await asyncio.start_server(answer, *one.health):
        assert await find_not_ready(waited) == ("worker-2", "it does not listen yet")
        async with await asyncio.start_server(answer, *two.health):
            assert await find_not_ready(waited) is None


def test_operations_ports_follow_the_one_that_is_named_and_must_be_free_for_each(tmp_path: Path) -> None:
    def ports(counts: Counts, **given: str) -> list[int]:
        environ = {OPERATIONS[role]: f"{LOOPBACK}:{port}" for role, port in given.items()}
        return [plan.health[1] for plan in plan_children(ROLES, counts, environ, tmp_path, (LOOPBACK, 8080))]

    assert ports(Counts(2, 3), api="9000", worker="9100", projector="9200") == [9000, 9001, 9100, 9101, 9102, 9200]
    assert len(set(ports(Counts(APIS_MAX, WORKERS_MAX)))) == APIS_MAX + WORKERS_MAX + 1
    with pytest.raises(
        PortError, match=r"projector would have .* 127.0.0.1:9101, which is for worker-2: HEADRACE_PROJ"
    ):
        ports(Counts(1, 2), worker="9100", projector="9101")
    with pytest.raises(
        PortError, match=r"api-2 would have .* which is for clients: HEADRACE_API_OPS names the first of 2"
    ):
        ports(Counts(2, 1), api="8079")
    with pytest.raises(PortError, match="and ports end at 65,535"):
        ports(Counts(1, 2), worker="65535")


@pytest.mark.slow
async def test_two_apis_and_two_workers_share_the_work_and_one_that_is_killed_is_missed_by_nobody(place: Path) -> None:
    async with _real_up(place) as up:
        credentials = Credentials.read(up.home.credentials)
        assert credentials is not None
        ask = _Ask(up, {"Authorization": f"Bearer {credentials.api_key}"})
        await until_found(ask.kinds, "the kinds of the workers")

        done = [await ask.submit() for _ in range(ANSWERS)]
        assert sum([await ask.accepted_by(name) for name in ("api-1", "api-2")]) == ANSWERS
        assert all([await ask.accepted_by(name) for name in ("api-1", "api-2")])
        ran = {await ask.worker_of(task) for task in done}
        await until_found(lambda: _both(up, ran, ask), "tasks that either worker has run")

        killed = up.pid_of("api-1")
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await up.says(r"up +\| api-1 ended \(killed by SIGKILL\); starting it again in 0.2 s")
        for _ in range(ANSWERS):
            await ask.worker_of(await ask.submit())
        await until(lambda: up.pid_of("api-1") not in (None, killed), "another api-1")
        await until_found(lambda: ask.is_ready("api-1"), "api-1 to be ready again")
        assert up.pid_of("api-2") in up.pids()


async def _both(up: Up, ran: set[str], ask: _Ask) -> bool:
    """Have another task run; returns whether both workers have run some by now."""
    ran.add(await ask.worker_of(await ask.submit()))
    return {name.rpartition("-")[2] for name in ran} == {str(up.pid_of(name)) for name in ("worker-1", "worker-2")}


class _Ask:
    """Asks the processes of an `up`, each time over a connection of its own."""

    def __init__(self, up: Up, signed: dict[str, str]) -> None:
        self._up = up
        self._signed = signed

    async def kinds(self) -> bool:
        async with self._client() as client:
            return bool((await client.get("/api/v1/kinds")).json()["items"])

    async def submit(self) -> str:
        async with self._client() as client:
            answer = await client.post("/api/v1/tasks", json={"kind": "shout", "input": {"text": "a"}})
            assert answer.status_code == 202, answer.text
            return answer.json()["id"]

    async def worker_of(self, task: str) -> str:
        """The worker that has run a task, once it is over."""
        async with self._client() as client:
            found = (await client.get(f"/api/v1/tasks/{task}", params={"wait": 10})).json()
            assert found["state"] == "succeeded"
            attempts = await client.get(f"/api/v1/tasks/{task}/attempts", params={"at_least": found["position"]})
            return attempts.json()["items"][0]["worker"]

    async def accepted_by(self, name: str) -> int:
        """How many tasks a process says that it has accepted."""
        async with httpx.AsyncClient() as client:
            page = (await client.get("http://{}:{}/metrics".format(*self._operations(name)))).text
        samples = [each for family in text_string_to_metric_families(page) for each in family.samples]
        return int(sum(each.value for each in samples if each.name == "headrace_tasks_submitted_total"))

    async def is_ready(self, name: str) -> bool:
        try:
            return (await get(*self._operations(name), "/health/ready"))[0] == 200
        except OSError:
            return False

    def _operations(self, name: str) -> tuple[str, int]:
        variable = OPERATIONS[name.partition("-")[0]]
        return split_bind(psutil.Process(self._up.pid_of(name)).environ()[variable])

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{self._up.port}", headers=self._signed, timeout=30)


@asynccontextmanager
async def _real_up(place: Path) -> AsyncIterator[Up]:
    (port,) = free_ports(1)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    environ |= {"PYTHONPATH": str(REPOSITORY), "HEADRACE_CONSUMERS": "tests.cli.kinds"}
    arguments = ("--no-web", "--home", str(place / "home"), "--port", str(port), "--apis", "2", "--workers", "2")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "headrace", "up", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
    )
    up = Up(process, place / "home", port)
    try:
        yield await up.ready()
    finally:
        await up.discard()
