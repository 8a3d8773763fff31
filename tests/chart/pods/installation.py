"""The chart installed on a node, with a NATS and a database beside it, as an operator would install it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeGuard

import httpx

from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.log.opening import open_log
from headrace.log.permissions import USERS, users_config
from headrace.settings import Settings
from tests.accounts import KEY, SECRET, SIGNED, make_administrator
from tests.chart.pods.node import Node, node_at
from tests.chart.pods.release import Release
from tests.chart.rendering import Values
from tests.cluster import TESTER, Cluster
from tests.conftest import make_place
from tests.waiting import WAIT_SECONDS

# As quick as a manifest can say it, so that a test does not wait for a period to pass.
QUICK_PROBES = {"startup": {"periodSeconds": 1, "failureThreshold": 60}, "ready": {"periodSeconds": 1}}
API = "headrace-api"
WORKER = "headrace-worker-default"
PROJECTOR = "headrace-projector"


class Installation:
    """A release on a node, and what it needs from outside."""

    def __init__(self, node: Node, nats: EmbeddedNats, database_url: str, password: str) -> None:
        self.node = node
        self.release = Release(node)
        self.nats = nats
        self.database_url = database_url
        self.password = password
        self._clients: list[httpx.AsyncClient] = []
        objects = node.objects
        objects.put_secret("nats-users", **dict.fromkeys(USERS, password))
        objects.put_secret("database", uri=database_url)
        objects.put_secret("api", secrets=SECRET)
        objects.put_secret("submitter", key=KEY)

    def values(self, **differing: Any) -> Values:
        """Return values for this NATS and this database; what is given is merged into them, as Helm merges."""
        return merged(
            {
                "env": "staging",
                "nats": {"url": self.nats.url, "replicas": 1, "auth": {"existingSecret": "nats-users"}},
                "database": {"existingSecret": "database"},
                "settings": {"STREAM_ACK_WAIT": 2, "LIMITS_FACTOR": 100},
                "extraEnv": {"HEADRACE_TEST_DIR": str(self.node.place)},
                "api": {"existingSecret": "api", "probes": QUICK_PROBES, "drainSeconds": 3},
                "projector": {"probes": QUICK_PROBES},
                "workerDefaults": {"consumers": "tests.kinds", "graceSeconds": 15, "probes": QUICK_PROBES},
                "tests": {"existingSecret": "submitter", "key": "key", "kind": "echo", "input": {"text": "a"}},
            },
            differing,
        )

    async def install(self, **differing: Any) -> None:
        """Install it, and wait until everything is ready and may be used."""
        await self.release.install(self.values(**differing))
        await make_administrator(self.database_url)
        await self.node.rolled_out()

    async def upgrade(self, **differing: Any) -> None:
        """Go to other values, and wait until everything is ready."""
        await self.release.upgrade(self.values(**differing))
        await self.node.rolled_out()

    def http(self, service: str = API) -> httpx.AsyncClient:
        """Return a client of a Service, which makes a connection for each request and so is sent round its pods."""
        made = httpx.AsyncClient(
            base_url=self.node.service(service).url(),
            headers=SIGNED,
            timeout=WAIT_SECONDS + 10,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )
        self._clients.append(made)
        return made

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    @asynccontextmanager
    async def log(self) -> AsyncGenerator[Cluster]:
        """Look into the log, with what tests of clusters look with."""
        environ = {"HEADRACE_NATS_USER": TESTER, "HEADRACE_NATS_PASSWORD": self.password}
        cluster = Cluster(self.node.place, self.nats, self.database_url, environ)
        settings = Settings.read(cluster.environ)
        async with open_log(settings, "test") as cluster.log:
            yield cluster


@asynccontextmanager
async def installation_on(postgres: EmbeddedPostgres, name: str) -> AsyncGenerator[Installation]:
    """A node with nothing on it, beside a NATS without streams and a database without tables."""
    place = make_place()
    password = secrets.token_hex(8)
    users = [*users_config(dict.fromkeys(USERS, password)), {"user": TESTER, "password": password}]
    database_url = await postgres.create(name)
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        nats = await stack.enter_async_context(EmbeddedNats(place / "nats", users=users))
        # Nothing reads this log again, and a server with consumers takes over a second to end by itself.
        stack.push_async_callback(nats.kill)
        node = await stack.enter_async_context(node_at(place))
        made = Installation(node, nats, database_url, password)
        stack.push_async_callback(made.close)
        yield made


def merged(values: Values, differing: Values) -> Values:
    """Merge maps as Helm does: what is no map replaces what was there."""
    found = {**values}
    for name, value in differing.items():
        before = found.get(name)
        found[name] = merged(before, value) if is_map(before) and is_map(value) else value
    return found


def is_map(value: Any) -> TypeGuard[Values]:
    """Whether a value is one that others are merged into."""
    return isinstance(value, dict)
