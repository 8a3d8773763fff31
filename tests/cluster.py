"""A whole Headrace for tests: a NATS server, a database, and processes that a test starts, stops and kills."""

from __future__ import annotations

import asyncio
import collections
import os
import secrets
import signal
import sys
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.network import free_ports
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.permissions import USERS, WORKER, permissions, users_config
from headrace.parent_watch import PARENT_PIPE
from headrace.settings import Settings
from tests.accounts import KEY, SECRET, Made, make_administrator, make_user
from tests.forked import ForkedProcess
from tests.member import Member
from tests.waiting import WAIT_SECONDS, until

ONLY_FLAKY = "worker-flaky"  # a worker that may run the kind `flaky` and no other
TESTER = "tester"  # the user of the tests themselves, who may do everything


class Cluster:
    """NATS, a database, and processes started by name."""

    def __init__(
        self, place: Path, nats: EmbeddedNats, database_url: str, environ: dict[str, str], password: str | None = None
    ) -> None:
        self.place = place
        self.nats = nats
        self.database_url = database_url
        self.members: list[Member] = []
        self._has_users = password is not None
        api_port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{api_port}"
        self.environ = {
            "HEADRACE_NATS_URL": nats.url,
            "HEADRACE_NATS_TOKEN": nats.token or "",
            **({"HEADRACE_NATS_USER": TESTER, "HEADRACE_NATS_PASSWORD": password} if password else {}),
            "HEADRACE_DATABASE_URL": database_url,
            "HEADRACE_API_SECRETS": SECRET,
            "HEADRACE_API_BIND": f"127.0.0.1:{api_port}",
            "HEADRACE_CONSUMERS": "tests.kinds",
            "HEADRACE_LOG_FORMAT": "json",
            "HEADRACE_STREAM_ACK_WAIT": "2",
            "HEADRACE_TEST_DIR": str(place),
            "HEADRACE_OBJECTS_URL": (place / "objects").as_uri(),
            **environ,
        }
        self.settings = Settings.read(self.environ)
        self._clients: list[httpx.AsyncClient] = []
        # The administrator to whom everything belongs that a test makes without saying whose it is.
        self.http = self.http_as(KEY)
        self.log: Log

    @property
    def nats_pids(self) -> list[int]:
        """The pids of the servers that run."""
        return [self.nats.pid] if self.nats.pid is not None else []

    async def copies(self) -> dict[str, dict[str, int]]:
        """How much of the log each server has, where there are several."""
        return {}

    def http_as(self, key: str | None) -> httpx.AsyncClient:
        """Return a client with the key of somebody, or without one. It is closed together with the cluster."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        made = httpx.AsyncClient(base_url=self.url, timeout=WAIT_SECONDS + 10, headers=headers)
        self._clients.append(made)
        return made

    async def make_user(self, id_: str | None = None, **differing: Any) -> Made:
        """Make an account with a key, see `tests.accounts.make_user`; an active member by default."""
        return await make_user(self.database_url, id_, **differing)

    async def start(self, *names: str) -> list[Member]:
        """Start processes and wait until they work."""
        members = [await self.spawn(name) for name in names]
        for member in members:
            await self.until_ready(member)
        return members

    async def spawn(self, name: str, *arguments: str, **environ: str) -> Member:
        bound = self._operations_address(name)
        environment = os.environ | self.environ | self._as_user(name) | bound | environ
        process = await ForkedProcess.start(name, *arguments, environ=environment, limit=1 << 20)
        member = Member(name, process, next(iter(bound.values()), ""))
        self.members.append(member)
        return member

    async def spawn_module(
        self, name: str, module: str, python: str = sys.executable, within: Sequence[str] = (), **environ: str
    ) -> Member:
        """Start a process through a module of its own, which ends with us however we end.

        Args:
            name: The process.
            module: The module.
            python: The interpreter.
            within: What the command begins with, where the process runs on a host of its own.
            environ: Variables besides those of the cluster.
        """
        process = await asyncio.create_subprocess_exec(
            *(*within, python, "-m", module, name),
            env=os.environ
            | self.environ
            | self._as_user(name)
            | self._operations_address(name)
            | {PARENT_PIPE: "1"}
            | environ,
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=1 << 20,
        )
        member = Member(name, process)
        self.members.append(member)
        return member

    def _operations_address(self, name: str) -> dict[str, str]:
        variable = f"HEADRACE_{name.upper()}_OPS"
        return {variable: self.environ.get(variable) or f"127.0.0.1:{free_ports(1)[0]}"}

    def _as_user(self, name: str) -> dict[str, str]:
        return {"HEADRACE_NATS_USER": name} if self._has_users else {}

    async def is_ready(self, member: Member, url: str) -> bool:
        """Whether a process is there and says that it is ready."""
        if member.process.returncode is not None:
            return False
        try:
            return (await self.http.get(f"{url}/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def until_ready(self, member: Member) -> None:
        match member.name:
            case "api":
                await until(lambda: self._answers(member), f"the api; it said {member.last_lines()}")
            case "worker":
                await member.until_logged("running")
            case "projector":
                await until(
                    lambda: member.logged("projecting") or member.logged("standing by"),
                    f"the projector: {member.last_lines()}",
                )
            case _:
                raise ValueError(member.name)

    async def until_kinds_known(self) -> None:
        """Wait until the API knows what workers have announced so far, all of it."""
        entries, bucket = subjects.CATALOG_ENTRIES, subjects.CATALOG_STREAM

        async def known() -> bool:
            page = await self.log.replayer.page(entries, stream=bucket, records=1000)
            announced = {record.subject.rpartition(".")[2] for record in page.records}
            items = (await self.http.get("/api/v1/kinds")).json()["items"]
            return bool(items) and announced <= {item["name"] for item in items}

        await until(known, "the catalog")

    async def submit(self, kind: str, **given: Any) -> dict[str, Any]:
        """Submit a task; must be accepted."""
        answer = await self.http.post("/api/v1/tasks", json={"kind": kind, "input": given})
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def outcome(self, task: str, patience: float = WAIT_SECONDS) -> dict[str, Any]:
        """A task's final state."""
        answer = await self.http.get(f"/api/v1/tasks/{task}", params={"wait": patience})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["state"] in ("succeeded", "failed", "cancelled"), f"{found}\n{self.all_last_lines()}"
        return found

    def all_last_lines(self) -> str:
        """The last lines of every process."""
        return "\n".join(f"--- {member.name} {member.pid}\n{member.last_lines()}" for member in self.members)

    async def events(self, subject: str = "hr.tasks.>") -> list[Any]:
        """The log's records under a subject, all of them."""
        # Where NATS was started anew, the processes may be connected to it before the test is.
        await until(lambda: self.log.replayer._connection.is_connected, "the log")
        found: list[Any] = []
        more = True
        while more:
            page = await self.log.replayer.page(subject, start=found[-1].sequence + 1 if found else 1)
            found += page.records
            more = page.more
        return found

    async def finishes(self) -> collections.Counter[str]:
        """How often each task finished, by the log."""
        return collections.Counter(record.subject.split(".")[-1] for record in await self.events("hr.tasks.finished.>"))

    async def all_finished(self, tasks: Iterable[str], patience: float = WAIT_SECONDS) -> None:
        """Wait until the log has a finish of every task, and make sure that it has one of each."""
        wanted = set(tasks)

        async def done() -> bool:
            return wanted <= (await self.finishes()).keys()

        await until(done, f"{len(wanted)} tasks to finish", patience)
        counts = await self.finishes()
        assert {task: counts[task] for task in wanted if counts[task] != 1} == {}

    def calls(self) -> list[tuple[str, int]]:
        """Which tasks' handlers were called, and in which process."""
        file = self.place / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(task, int(pid)) for task, pid in (line.split() for line in lines)]

    def open_gate(self, gate: str) -> None:
        """Let tasks of kind `wait` through."""
        (self.place / gate).touch()

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Look into the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def execute(self, statement: str) -> None:
        """Change the database behind everybody's back."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def without_postgres(self) -> AsyncGenerator[None]:
        """Let nobody reach the database while the block runs; whoever had a connection loses it."""
        server, _, sockets = self.database_url.rpartition("?")
        base, _, name = server.rpartition("/")
        admin = await asyncpg.connect(f"{base}/postgres?{sockets}")
        try:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            yield
        finally:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await admin.close()

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        for member in self.members:
            if member.process.returncode is None:
                member.process.send_signal(signal.SIGCONT)
                member.process.terminate()
        for member in self.members:
            try:
                await member.exited()
            except TimeoutError:
                member.process.kill()
                raise AssertionError(f"{member.name} did not stop; it said {member.last_lines()}") from None

        # Whoever publishes or subscribes to something new adds it to `headrace.log.permissions`.
        refused = [line for member in self.members for line in member.lines if "NATS does not permit" in line]
        assert refused == [], refused

    async def _answers(self, member: Member) -> bool:
        assert member.process.returncode is None, member.last_lines()
        try:
            return (await self.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False


@asynccontextmanager
async def cluster_on(place: Path, database_url: str, **environ: str) -> AsyncGenerator[Cluster]:
    """A cluster with a NATS of its own on a database of its own; nothing of Headrace runs in it yet."""
    password = secrets.token_hex(8)
    one_kind = permissions(ONLY_FLAKY, WORKER, ["flaky"]).as_config()
    users = [
        *users_config(dict.fromkeys(USERS, password)),
        {"user": ONLY_FLAKY, "password": password, "permissions": one_kind},
        {"user": TESTER, "password": password},
    ]
    async with EmbeddedNats(place / "nats", users=users) as nats:
        cluster = Cluster(place, nats, database_url, environ, password)
        await make_administrator(database_url)
        try:
            async with open_log(cluster.settings, "test") as cluster.log:
                await cluster.log.continuity.is_compared()
                # For workers without an API or a projector beside them.
                await cluster.log.continuity.mark_compared()
                try:
                    yield cluster
                finally:
                    await cluster.close()
        finally:
            # Nothing reads this log again, and a server with consumers takes over a second to end by itself. The log of the
            # test is closed before: a client that reconnects while it closes leaves sockets behind.
            await nats.kill()
