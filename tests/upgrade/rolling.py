"""A rolling upgrade as a fault: what `tests.faults` does to processes, with another version in their place."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from headrace.embedded.postgres import EmbeddedPostgres
from headrace.log.opening import open_to_read
from headrace.log.permissions import PROVISIONER
from tests.accounts import make_administrator
from tests.cluster import TESTER, Cluster
from tests.faults.checker import Property
from tests.faults.fleet import Fleet, Post
from tests.faults.journal import Journal
from tests.faults.load import SHARE_LEAST, USUAL_TASKS, Mix
from tests.faults.run_setup import Fault, RunSetup
from tests.member import Member
from tests.upgrade.balancer import Balancer
from tests.upgrade.reloaded_nats import ReloadedNats
from tests.upgrade.versions import CHECKOUT, Version

POSTS = {"api": 2, "worker": 2, "projector": 2}
BETWEEN = 20  # invocations that are answered between two processes: the versions work together for a while
LOG_SECONDS = 30.0
AFTERWARDS_SECONDS = 60.0  # the rest of the load, which is hurried
BEST = ("projector", "worker", "api")
"""The order of `docs/upgrading.md` in which whoever reads something new comes before whoever writes it."""
# An API goes on serving for so long after it was told to end, in which the load balancer notices.
DRAIN = {"HEADRACE_API_DRAIN": "1"}


def upgrade(
    before: Version,
    tasks: int,
    seconds: float,
    *,
    back: bool,
    after: Version = CHECKOUT,
    order: Sequence[str] = (),
    properties: tuple[Property, ...] = (),
) -> Fault:
    """Make the fault that upgrades from one version to another.

    Args:
        before: What runs first.
        tasks: Tasks of the load.
        seconds: How long the load takes at most; it is hurried when the upgrade is done.
        back: Whether the processes of ``before`` take their places again in the end.
        after: What the processes are upgraded to.
        order: In which their posts are filled with it, and in reverse on the way back; one that the seed gives when empty.
        properties: What has to hold besides.
    """
    fleets: list[VersionedFleet] = []

    def fleet(cluster: Cluster, journal: Journal, postgres: EmbeddedPostgres, posts: Mapping[str, int]) -> Fleet:
        fleets.append(VersionedFleet(cluster, journal, postgres, posts, before))
        return fleets[-1]

    async def act(setup: RunSetup) -> None:
        await _act(setup, fleets[-1], before, after, order, back=back)

    return Fault(
        name=f"{before.name}-to-{after.name}{'-and-back' if back else ''}",
        sentence=f"an upgrade from {before.name} to {after.name}{', and back' if back else ''}",
        act=act,
        mix=Mix(seconds=seconds / max(SHARE_LEAST, tasks / USUAL_TASKS)),
        posts=POSTS,
        environ=DRAIN,
        cluster=_cluster_of(before),
        fleet=fleet,
        properties=properties,
        load_seconds=seconds + AFTERWARDS_SECONDS,
    )


class VersionedFleet(Fleet):
    """Processes of several versions, the APIs behind a load balancer."""

    def __init__(
        self,
        cluster: Cluster,
        journal: Journal,
        postgres: EmbeddedPostgres,
        counts: Mapping[str, int],
        version: Version,
    ) -> None:
        super().__init__(cluster, journal, postgres, counts)
        self.balancer = Balancer([post.url for post in self.of("api")])
        self._open = self.balancer.open()
        self._versions = dict.fromkeys(self.posts, version)

    @property
    def api_urls(self) -> list[str]:
        """Where the load balancer is."""
        return [self.balancer.url]

    async def start(self) -> None:
        await self._open.__aenter__()
        await super().start()

    async def close(self) -> None:
        await super().close()
        await self._open.__aexit__(None, None, None)

    async def launch(self, post: Post, environ: dict[str, str]) -> Member:
        version = self._versions[post]
        given = environ | version.environ
        return await self.cluster.spawn_module(post.name, "tests.faults.points", version.python, **given)

    async def replace(self, post: Post, version: Version) -> None:
        """Have a process of another version take a post."""
        self._versions[post] = version
        await self.restart(post)


def _cluster_of(version: Version) -> Callable[..., AbstractAsyncContextManager[Cluster]]:
    """Open clusters as a version leaves them: its accounts of NATS, its streams, its tables."""

    @asynccontextmanager
    async def opened(place: Path, database_url: str, **environ: str) -> AsyncGenerator[Cluster]:
        password = secrets.token_hex(8)
        async with ReloadedNats(place / "nats", users=_with_tester(await version.users(password), password)) as nats:
            cluster = Cluster(place, nats, database_url, environ, password)
            await _empty(database_url)
            await version.run("migrate", environ=cluster.environ)
            await make_administrator(database_url)
            await version.run("provision", environ=cluster.environ | {"HEADRACE_NATS_USER": PROVISIONER})
            try:
                async with open_to_read(cluster.settings, "test", LOG_SECONDS) as cluster.log:
                    try:
                        yield cluster
                    finally:
                        await cluster.close()
            finally:
                await nats.kill()

    return opened


async def _empty(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()


async def _act(
    setup: RunSetup, fleet: VersionedFleet, before: Version, after: Version, order: Sequence[str], *, back: bool
) -> None:
    """The steps of `docs/upgrading.md`."""
    await _some_load(setup)
    await _prepare(setup, after)
    await _some_load(setup)
    await _replace_all(setup, fleet, after, order)
    if back:
        await _replace_all(setup, fleet, before, order[::-1])
        said = await before.run("migrate", environ=setup.cluster.environ)
        setup.journal.did(f"{before.name} migrates after the rollback: {said.strip()[-200:]}")
    assert setup.load.answered < len(setup.load.planned), "the load was over before the upgrade: give it more --seconds"
    setup.load.hurry()


async def _prepare(setup: RunSetup, after: Version) -> None:
    """What is done once, while the processes of the version before go on."""
    cluster = setup.cluster
    assert isinstance(cluster.nats, ReloadedNats)
    password = cluster.environ["HEADRACE_NATS_PASSWORD"]
    setup.journal.did(f"the accounts of {after.name}")
    await cluster.nats.reload(_with_tester(await after.users(password), password))
    setup.journal.did(f"{after.name} provisions")
    await after.run("provision", environ=cluster.environ | {"HEADRACE_NATS_USER": PROVISIONER})
    setup.journal.did(f"{after.name} migrates")
    await after.run("migrate", environ=cluster.environ)
    setup.journal.did("migrated")


async def _replace_all(setup: RunSetup, fleet: VersionedFleet, version: Version, order: Sequence[str]) -> None:
    """One process after the other, in an order that the seed gives if there is none: any is promised to work."""
    posts = list(fleet.posts)
    setup.rng.shuffle(posts)
    if order:
        posts.sort(key=lambda post: order.index(post.name))
    for post in posts:
        setup.journal.did(becomes(post.title, version))
        await fleet.replace(post, version)
        await _some_load(setup)


def becomes(title: str, version: Version) -> str:
    """What the journal says when a process of a version is about to take a post."""
    return f"{title} becomes {version.name}"


async def _some_load(setup: RunSetup) -> None:
    await setup.load.reached(min(1.0, (setup.load.answered + BETWEEN) / len(setup.load.planned)))


def _with_tester(users: Sequence[Mapping[str, Any]], password: str) -> list[Mapping[str, Any]]:
    return [*users, {"user": TESTER, "password": password}]
