"""What three copies cost: the same work on one server and on three, in rounds that alternate.

Three clusters stand ready at the same time, each with an API, a worker and a projector of its own, and with one Postgres for all:
one server that flushes its store once a second (what `headrace up` does), one that flushes it before each acknowledgement, and
three that do so. From the first to the second is the cost of the disk, from the second to the third that of the copies. A round
is a burst and then paced tasks on each of them, in an order that turns; ratios are taken within a round, and the median is shown.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.log.opening import open_log
from tests.accounts import KEY, make_administrator
from tests.bench.client.plans import Burst, BurstResult, Paced, PacedResult
from tests.bench.client.wire import API_KEY
from tests.bench.facts import facts
from tests.bench.load import load
from tests.bench.report import Figure, Report, percentile, spread
from tests.bench.stack import Rest, read_finishes
from tests.cluster import Cluster
from tests.faults.browsers import port_of
from tests.faults.shared_postgres import open_shared_postgres, temporary_place
from tests.nats_cluster import SERVERS
from tests.quorum.servers import quorum_on
from tests.waiting import until

ROUNDS = 5
TASKS = 1000
WARM_UP = 100
PER_SECOND = 50  # of paced tasks; with three servers and the client on two cores, a hundred would already queue
PACED_SECONDS = 4
REST_SECONDS_MAX = 120.0
BURST_BODY = '{"kind":"noop","input":{"text":"the quick brown fox jumps over the lazy dog"}}'
PACED_BODY = '{"kind":"timed","input":{"text":"the quick brown fox jumps over the lazy dog"}}'
SETTINGS = {
    "HEADRACE_CONSUMERS": "tests.bench.kinds",
    "HEADRACE_STREAM_ACK_WAIT": "30",
    # One account sends all.
    "HEADRACE_LIMITS_FACTOR": "1000",
}
LOOSE, STRICT, COPIES = "1 server, 1s", "1 server, always", f"{SERVERS} servers, always"

Used = dict[str, float]


class Round(NamedTuple):
    """What one cluster did: per second, milliseconds from a request to its handler, and CPU microseconds of a task."""

    accepted: float
    finished: float
    starts: list[float]
    cpu: Used


class Side:
    """A cluster that is measured.

    Args:
        name: What it is called in the table.
        cluster: It, with its processes.
        postgres: The server of all of them.
    """

    def __init__(self, name: str, cluster: Cluster, postgres: EmbeddedPostgres) -> None:
        self.name = name
        self.rounds: list[Round] = []
        self._cluster = cluster
        self._postgres = postgres
        self._port = port_of(cluster.url)

    async def start(self) -> None:
        """Start its processes, and pass every path once."""
        await self._cluster.start("api", "worker", "projector")
        await self._cluster.until_kinds_known()
        await self._burst(WARM_UP)

    async def measure(self, tasks: int) -> None:
        """Measure a round."""
        accepted, finished, cpu = await self._burst(tasks)
        self.rounds.append(Round(accepted, finished, await self._paced(), cpu))

    async def _burst(self, tasks: int) -> tuple[float, float, Used]:
        start = await self._at_rest()
        before = self._cpu_seconds()
        result = await load(Burst(port=self._port, path="/api/v1/tasks", body=BURST_BODY, status=202, requests=tasks))
        assert isinstance(result, BurstResult)
        await self._at_rest()
        used = {name: seconds - before[name] for name, seconds in self._cpu_seconds().items()}
        used["client"] = result.cpu_seconds
        finishes = await read_finishes(self._cluster.log, start, "noop", [_id(body) for body in result.bodies])
        seconds = finishes[-1].at.timestamp() - result.began / 1e9
        return tasks / result.seconds, tasks / seconds, {name: each / tasks * 1e6 for name, each in used.items()}

    async def _paced(self) -> list[float]:
        plan = Paced(
            port=self._port,
            body=PACED_BODY,
            requests=PER_SECOND * PACED_SECONDS,
            warm_up=PER_SECOND // 2,
            interval=1 / PER_SECOND,
        )
        result = await load(plan)
        assert isinstance(result, PacedResult)
        await self._at_rest()
        return [(each.started - each.due) / 1e6 for each in result.samples]

    async def _at_rest(self) -> int:
        rest = Rest(self._cluster.log)

        async def is_at_rest() -> bool:
            return not await rest.what_is_missing()

        await until(is_at_rest, f"{self.name} to come to rest", REST_SECONDS_MAX)
        return rest.last

    def _cpu_seconds(self) -> Used:
        """CPU time by process; ended children count, as Postgres has one for each connection."""
        pids = [(member.name, member.pid) for member in self._cluster.members]
        pids += [("nats", pid) for pid in self._cluster.nats_pids]
        assert self._postgres.pid is not None
        backends = psutil.Process(self._postgres.pid).children(recursive=True)
        pids += [("postgres", self._postgres.pid), *(("postgres", each.pid) for each in backends)]
        used: Used = {}
        for name, pid in pids:
            times = psutil.Process(pid).cpu_times()
            seconds = times.user + times.system + (times.children_user + times.children_system) * (name == "postgres")
            used[name] = used.get(name, 0) + seconds
        return used


async def figures(out: Path, *, rounds: int = ROUNDS, tasks: int = TASKS) -> str:
    """Measure, write the JSON into a directory, and return the table."""
    report = Report("figures", facts(), {"rounds": rounds, "tasks": tasks, "paced_per_second": PER_SECOND})
    async with _sides() as sides:
        for count in range(rounds):
            turned = count % len(sides)
            for side in (*sides[turned:], *sides[:turned]):
                await side.measure(tasks)
                latest = side.rounds[-1]
                report.say(
                    f"round {count + 1} of {rounds}, {side.name}: accepted {latest.accepted:,.0f}/s, "
                    f"finished {latest.finished:,.0f}/s, start p50 {percentile(latest.starts, 50):.1f} ms"
                )
    for side in sides:
        report.figures += _figures(side, sides)
    report.notes += [_cpu_note(side) for side in sides]
    report.write(out)
    return report.table()


@asynccontextmanager
async def _sides() -> AsyncGenerator[list[Side]]:
    async with AsyncExitStack() as stack:
        server = await (await stack.enter_async_context(open_shared_postgres())).server(expendable=False)
        opened: list[Side] = []
        for name, sync in ((LOOSE, "1s"), (STRICT, "always"), (COPIES, "")):
            place = stack.enter_context(temporary_place())
            url = await server.make()
            opening = _single_on(place, url, sync) if sync else quorum_on(place, url, **SETTINGS)
            opened.append(Side(name, await stack.enter_async_context(opening), server.postgres))
        # The load client is a process of its own, which finds the key here.
        os.environ[API_KEY] = KEY
        stack.callback(os.environ.pop, API_KEY)
        for side in opened:
            await side.start()
        yield opened


@asynccontextmanager
async def _single_on(place: Path, database_url: str, sync: str) -> AsyncGenerator[Cluster]:
    """A cluster on one server."""
    async with EmbeddedNats(place / "nats", sync=sync, token="bench") as nats:
        cluster = Cluster(place, nats, database_url, SETTINGS)
        await make_administrator(database_url)
        async with open_log(cluster.settings, "test") as cluster.log:
            await cluster.log.continuity.is_compared()
            await cluster.log.continuity.mark_compared()
            try:
                yield cluster
            finally:
                await cluster.close()


def _figures(side: Side, sides: Sequence[Side]) -> list[Figure]:
    starts = [each for measured in side.rounds for each in measured.starts]
    detail = {"rounds": [measured._asdict() for measured in side.rounds]}
    return [
        Figure(
            name=f"accepted, 32 connections, {side.name}",
            measured=spread([each.accepted for each in side.rounds], "/s"),
            yardstick=_beside(side, sides, lambda each: each.accepted),
            detail=detail,
        ),
        Figure(
            name=f"finished, {side.name}",
            measured=spread([each.finished for each in side.rounds], "/s"),
            yardstick=_beside(side, sides, lambda each: each.finished),
        ),
        *(
            Figure(
                name=f"submit to handler start, p{rank}, {side.name}",
                measured=spread([percentile(each.starts, rank) for each in side.rounds], "ms", 1),
                yardstick=f"{percentile(starts, rank):.1f} ms of all {len(starts):,}, {PER_SECOND}/s",
            )
            for rank in (50, 99)
        ),
    ]


def _beside(side: Side, sides: Sequence[Side], of: Callable[[Round], float]) -> str:
    """Its share of what the other sides did in the same rounds, as far as these come before it."""
    shares = [
        f"{spread([of(own) / of(beside) * 100 for own, beside in zip(side.rounds, other.rounds, strict=True)], '%')} of {other.name}"
        for other in sides[: sides.index(side)]
    ]
    return "; ".join(shares)


def _cpu_note(side: Side) -> str:
    medians = {name: statistics.median(each.cpu[name] for each in side.rounds) for name in side.rounds[0].cpu}
    parts = ", ".join(f"{name} {used:,.0f}" for name, used in sorted(medians.items(), key=lambda item: -item[1]))
    return f"CPU µs a task, {side.name}: {parts}"


class _Accepted(msgspec.Struct):
    id: str


def _id(body: str) -> str:
    return msgspec.json.decode(body, type=_Accepted).id
