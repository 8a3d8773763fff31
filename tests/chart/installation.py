"""Headrace on servers of NATS that have the documented values, each process with its own user."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from headrace.embedded.network import free_ports
from headrace.identity.made_secrets import make_secret
from headrace.log.permissions import SYSTEM, USERS
from tests.chart.nats_chart import ChartServers, chart_servers
from tests.cli.conftest import Shell
from tests.forked import ForkedProcess
from tests.member import Member
from tests.waiting import until

# The servers would read digits with an e among them as a number.
PASSWORDS = {user: f"k{secrets.token_hex(16)}" for user in (*USERS, SYSTEM)}
SECRETS = {"headrace-nats": PASSWORDS}
PROCESSES = ("api", "worker", "projector")


class Installation:
    """An installation; its processes are started one by one."""

    def __init__(self, servers: ChartServers, database_url: str, place: Path) -> None:
        self.servers = servers
        self.place = place
        self.members: dict[str, Member] = {}
        (api,) = free_ports(1)
        self.url = f"http://127.0.0.1:{api}"
        self._environ = {
            "HEADRACE_ENV": "production",
            "HEADRACE_NATS_URL": servers.url,
            "HEADRACE_NATS_MONITOR": servers.monitor,
            "HEADRACE_NATS_SYNC": "always",
            "HEADRACE_DATABASE_URL": database_url,
            "HEADRACE_API_SECRETS": make_secret(),
            "HEADRACE_API_BIND": f"127.0.0.1:{api}",
            "HEADRACE_API_TRUSTED_PROXIES": "127.0.0.1",
            "HEADRACE_CONSUMERS": "tests.cli.kinds",
        }

    def environ_of(self, user: str) -> dict[str, str]:
        """Return the environment of a process."""
        return self._environ | {"HEADRACE_NATS_USER": user, "HEADRACE_NATS_PASSWORD": PASSWORDS[user]}

    def passwords(self) -> Path:
        """Lay out the passwords as a Secret is mounted."""
        directory = self.place / "passwords"
        directory.mkdir(exist_ok=True)
        for user, password in PASSWORDS.items():
            (directory / user).write_text(password)
        return directory

    async def is_provisioned(self) -> bool:
        """Whether `headrace provision` succeeds, which it does when the servers have agreed on who leads."""
        return (await Shell(self.environ_of("provisioner")).call("provision")).code == 0

    async def start(self, name: str) -> None:
        """Start a process and wait until it is ready."""
        (port,) = free_ports(1)
        environ = os.environ | self.environ_of(name) | {f"HEADRACE_{name.upper()}_OPS": f"127.0.0.1:{port}"}
        process = await ForkedProcess.start(name, environ=environ, limit=1 << 20)
        self.members[name] = member = Member(name, process, f"http://127.0.0.1:{port}")
        try:
            await until(lambda: _is_ready(member), f"{name} to be ready")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said {member.last_lines()}") from error


async def _is_ready(member: Member) -> bool:
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{member.address}/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


@asynccontextmanager
async def installed(values: dict[str, Any], database_url: str, place: Path) -> AsyncGenerator[Installation]:
    """Headrace, provisioned and running, on servers with these values."""
    async with chart_servers(values, place, SECRETS) as servers:
        made = Installation(servers, database_url, place)
        try:
            await until(made.is_provisioned, "the streams")
            for name in PROCESSES:
                await made.start(name)
            yield made
        finally:
            await asyncio.gather(*(member.stop() for member in made.members.values()))
