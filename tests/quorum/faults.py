"""What goes wrong with three servers. Each fault acts on a `Quorum` while the load of `tests.faults` runs."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable

import httpx
import msgspec
from msgspec import Struct

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.client import open_client
from headrace.log.jetstream import JetStream
from tests.faults.fleet import Fleet, Post
from tests.faults.load import Mix
from tests.faults.run_setup import Fault, RunSetup
from tests.faults.schedules import OUTAGE_ENDS
from tests.full_disk import full_disk
from tests.nats_cluster import NatsServer
from tests.quorum.fleet import HostedFleet
from tests.quorum.servers import Quorum, quorum_on
from tests.waiting import until

PAIRS = {"api": 2, "worker": 2, "projector": 2}
CUT_SECONDS = (
    8.0,
    14.0,
)  # longer than the servers take to elect another leader, which is up to 9 s (nats-server, raft.go)
SHORT_CUT_SECONDS = (0.5, 2.0)  # after which a connection goes on as if nothing had happened
PROBE_SECONDS = 4.0  # how long the chart has a readiness probe wait
UNREADY_SECONDS_MAX = 5.0  # one probe that fails
ANSWER_SECONDS_MAX = 12.0  # docs/cluster.md
FOUND_SECONDS_MAX = 60.0
CURRENT_SECONDS_MAX = 60.0
SPREAD = Mix(seconds=40)  # the load of 2,000 tasks takes so long that it meets a cut, an election and the time after it

FAULTS: dict[str, Fault] = {}


def fault(
    name: str, sentence: str, *, fleet: type[Fleet] = Fleet
) -> Callable[[Callable[[RunSetup, Quorum], Awaitable[None]]], None]:
    """Register a fault; with a `HostedFleet`, clients follow at each API alone as well."""

    def decorate(act: Callable[[RunSetup, Quorum], Awaitable[None]]) -> None:
        async def on(setup: RunSetup) -> None:
            assert isinstance(setup.cluster.nats, Quorum)
            await act(setup, setup.cluster.nats)

        FAULTS[name] = Fault(
            name=name,
            sentence=sentence,
            act=on,
            posts=PAIRS,
            mix=SPREAD,
            cluster=quorum_on,
            fleet=fleet,
            answers_within=ANSWER_SECONDS_MAX,
            follows_each_api=fleet is HostedFleet,
        )

    return decorate


@fault("nothing", "nothing goes wrong")
async def nothing(setup: RunSetup, quorum: Quorum) -> None:
    await setup.load.reached(1.0)


@fault("leader-cut-off", "nothing reaches the server that leads the log, or leaves it")
async def leader_cut_off(setup: RunSetup, quorum: Quorum) -> None:
    async for _ in setup.moments(2, 2):
        leader = await leading(setup, quorum)
        setup.journal.did(f"nobody leads the log: unplug {leader.name}")
        quorum.network.unplug(quorum.host(leader))
        await setup.pause(*CUT_SECONDS)
        await healed(setup, quorum)


@fault("leader-alone", "the server that leads reaches its clients, and none of the other servers")
async def leader_alone(setup: RunSetup, quorum: Quorum) -> None:
    async for _ in setup.moments(2, 2):
        leader = await leading(setup, quorum)
        setup.journal.did(f"nobody leads the log: part {leader.name} from the others")
        for other in quorum.others(leader):
            quorum.network.part(quorum.host(leader), quorum.host(other))
        await setup.pause(*CUT_SECONDS)
        await healed(setup, quorum)


@fault("minority-alone", "a server that does not lead reaches its clients, and none of the other servers")
async def minority_alone(setup: RunSetup, quorum: Quorum) -> None:
    async for _ in setup.moments(2, 2):
        alone = setup.rng.choice(quorum.others(await leading(setup, quorum)))
        setup.journal.did(f"part {alone.name} from the others")
        for other in quorum.others(alone):
            quorum.network.part(quorum.host(alone), quorum.host(other))
        await setup.pause(*CUT_SECONDS)
        await healed(setup, quorum)


@fault("one-way", "what the leading server sends to the others is lost, and what they send arrives")
async def one_way(setup: RunSetup, quorum: Quorum) -> None:
    async for _ in setup.moments(2, 2):
        leader = await leading(setup, quorum)
        setup.journal.did(f"nobody leads the log: lose what {leader.name} sends to the others")
        for other in quorum.others(leader):
            quorum.network.cut(quorum.host(leader), quorum.host(other))
        await setup.pause(*CUT_SECONDS)
        await healed(setup, quorum)


@fault("all-parted", "no server reaches another, so that nobody leads")
async def all_parted(setup: RunSetup, quorum: Quorum) -> None:
    async for _ in setup.moments(1, 1):
        setup.journal.did("nobody leads the log: part all servers")
        for server in quorum.servers:
            for other in quorum.others(server):
                quorum.network.cut(quorum.host(server), quorum.host(other))
        await setup.pause(*CUT_SECONDS)
        await healed(setup, quorum)


@fault("server-killed", "a server is killed -9 and started again, the leading one as well")
async def server_killed(setup: RunSetup, quorum: Quorum) -> None:
    async for count in setup.moments(3, 3):
        server = await leading(setup, quorum) if count == 0 else setup.rng.choice(quorum.servers)
        setup.journal.did(f"kill -9 {server.name}")
        await server.kill()
        await setup.pause(1, 5)
        await healed(setup, quorum)


@fault("all-killed", "all servers are killed -9 at once, as when the power fails")
async def all_killed(setup: RunSetup, quorum: Quorum) -> None:
    async for _ in setup.moments(1, 1):
        setup.journal.did("nobody leads the log: kill -9 every server")
        for server in quorum.servers:
            await server.kill()
        await setup.pause(0.5, 2)
        await healed(setup, quorum)


@fault("rolling-restart", "the servers are restarted one after the other, each when the one before has everything")
async def rolling_restart(setup: RunSetup, quorum: Quorum) -> None:
    for count, server in enumerate(quorum.servers):
        await setup.load.reached(0.1 + 0.25 * count)
        setup.journal.did(f"TERM {server.name}")
        await server.stop()
        await healed(setup, quorum)


@fault("lame-duck", "the leading server sends its clients away before it ends, as the chart of NATS has it do")
async def lame_duck(setup: RunSetup, quorum: Quorum) -> None:
    await setup.load.reached(0.1)
    leader = await leading(setup, quorum)
    setup.journal.did(f"nobody leads the log: {leader.name} is told to end as a lame duck")
    await leader.end_as_lame_duck()
    await healed(setup, quorum)


@fault("disk-full", "the disk of the leading server is full; later there is room, and it is started anew")
async def disk_full(setup: RunSetup, quorum: Quorum) -> None:
    await setup.load.reached(0.1)
    leader = await leading(setup, quorum)
    setup.journal.did(f"nobody leads the log: the disk of {leader.name} is full")
    with full_disk(leader):
        await setup.pause(*CUT_SECONDS)
    await leader.kill()
    await healed(setup, quorum)


@fault("server-replaced", "a server loses its disk, and one of the same name with an empty one takes its place")
async def server_replaced(setup: RunSetup, quorum: Quorum) -> None:
    async for count in setup.moments(2, 2):
        server = await leading(setup, quorum) if count == 0 else setup.rng.choice(quorum.servers)
        setup.journal.did(f"kill -9 {server.name}, and remove what it has stored")
        await server.kill()
        shutil.rmtree(server.directory / "jetstream")
        await setup.pause(0.5, 2)
        await healed(setup, quorum)


@fault(
    "api-cut-off",
    "one of two APIs reaches none of the servers, but its clients and Postgres; first shortly, then for longer",
    fleet=HostedFleet,
)
async def api_cut_off(setup: RunSetup, quorum: Quorum) -> None:
    assert isinstance(setup.fleet, HostedFleet)
    cut, other = setup.fleet.hosted, next(post for post in setup.fleet.of("api") if post is not setup.fleet.hosted)
    async for count in setup.moments(2, 2):
        setup.journal.did(f"cut {cut.title} off from all servers")
        (alone,) = quorum.spare
        for server in quorum.servers:
            quorum.network.part(alone, quorum.host(server))
        await until(lambda: _is_out(setup, cut), f"{cut.title} to say that it is not ready", UNREADY_SECONDS_MAX)
        setup.journal.did(f"{cut.title} says that it is not ready")
        assert not await _is_out(setup, other), f"{other.title} is not ready, and reaches all servers"
        await setup.pause(*(CUT_SECONDS if count else SHORT_CUT_SECONDS))
        assert await _is_out(setup, cut), f"{cut.title} says that it is ready, and is cut off"
        await healed(setup, quorum)
        await setup.fleet.until_ready(cut)
        setup.journal.did(f"{cut.title} says that it is ready")


async def _is_out(setup: RunSetup, post: Post) -> bool:
    """Whether a load balancer that asks as Kubernetes does would send it nothing."""
    try:
        answer = await setup.cluster.http.get(f"{post.url}/health/ready", timeout=PROBE_SECONDS)
    except httpx.TimeoutException:
        return True
    return answer.status_code == 503


async def leading(setup: RunSetup, quorum: Quorum) -> NatsServer:
    """Return the server that leads the log; waits until there is one."""

    async def found() -> NatsServer | None:
        leader = (await _cluster(setup)).leader
        return next((server for server in quorum.servers if server.name == leader), None)

    return await until(found, "a server to lead the log", FOUND_SECONDS_MAX)


async def healed(setup: RunSetup, quorum: Quorum) -> None:
    """Mend everything, and wait until each copy has everything."""
    await quorum.start()
    setup.journal.did("mended")

    led = True

    async def is_whole() -> bool:
        nonlocal led
        copies = await _cluster(setup)
        if led and not copies.leader:
            # A server that comes back has asked for votes meanwhile, for which the others choose anew who leads.
            setup.journal.did("nobody leads the log: the servers choose who does")
        led, replicas = led and bool(copies.leader), copies.replicas
        return len(replicas) == len(quorum.servers) - 1 and all(each.current and not each.offline for each in replicas)

    await until(is_whole, "every copy to have everything", CURRENT_SECONDS_MAX)
    setup.journal.did("every copy has everything")
    setup.journal.did(OUTAGE_ENDS)


class _Replica(Struct):
    """A copy that does not lead."""

    current: bool = False
    offline: bool = False


class _Copies(Struct):
    """What the servers say of the copies of the log; nothing while they say nothing."""

    leader: str = ""
    replicas: list[_Replica] = []


async def _cluster(setup: RunSetup) -> _Copies:
    try:
        async with open_client(setup.cluster.settings.nats, "quorum") as connection:
            info = await JetStream(connection).request(f"STREAM.INFO.{subjects.STREAM}")
    except LogUnavailable:
        return _Copies()
    return msgspec.convert(info.get("cluster") or {}, _Copies)
