"""One run: a cluster, a load, followers and a fault; then rest, a replay, and the checker. `run_fault` tells the story."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import asyncpg
import httpx
import msgspec
from msgspec import Struct

from headrace.embedded.errors import ServerError
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.errors import LogUnavailable
from tests.cluster import Cluster, cluster_on
from tests.databases import Databases
from tests.faults import checker
from tests.faults.features import API, Features, read_features
from tests.faults.fleet import Fleet
from tests.faults.followers import OWNER, Follower, follow_all, follow_batch, follow_task, newest_not_followed
from tests.faults.journal import Began, Called, Found, Journal, Late, Reached, read
from tests.faults.load import Load, Mix, plan
from tests.faults.observations import (
    LogReader,
    Observations,
    read_columns,
    read_copies,
    read_log,
    read_miscounted,
    read_rows,
    read_tables,
    read_timelines,
)
from tests.faults.points import reached
from tests.faults.schedules import Schedules
from tests.faults.shared_postgres import SharedPostgres, temporary_place
from tests.waiting import describe, until

LOAD_SECONDS_MAX = 240.0
REST_SECONDS_MAX = 90.0
FOLLOW_SECONDS_MAX = 20.0
REPLAY_SECONDS_MAX = 60.0
REST_POLL_SECONDS = 0.2
QUIET_POLLS = 3
TASK_FOLLOWERS = 8
BATCH_FOLLOWERS = 2
REMOVE_SECONDS_MAX = 60.0
REMOVED_TABLES = ("tasks", "task_events", "batches", "activity")
PROBE_SECONDS_MAX = 120.0  # one request may take 40 s before it is given up
PROBE = -1  # the invocation that shows whether a delay is heeded


class Fault(Struct, frozen=True, kw_only=True):
    """Something that goes wrong.

    Attributes:
        name: Its name on the command line.
        sentence: What it does, for the table.
        act: Does it, while the load runs.
        mix: What the load is made of.
        needs: Features without which it makes no sense.
        posts: How many of each process.
        environ: Settings of the cluster.
        kinds: The package or module that workers load.
        expendable: It stops Postgres.
        allows: See `journal.Began`.
        calls_once: See `journal.Began`.
        answers_within: See `journal.Began`.
        follows_each_api: Whether, beside the client that follows the stream of the owner at any API, one does so at each alone.
        loses_log: See `journal.Began`.
        removes: See `journal.Began`.
        points: Named points that have to be reached.
        replays: Whether the log is projected anew and compared.
        properties: What has to hold besides.
        load_seconds: How long the load and the fault may take.
        cluster: Opens the cluster in a place, with a database and settings; nothing of Headrace runs in it yet.
        fleet: Starts the processes and keeps them alive.
    """

    name: str
    sentence: str
    act: Callable[[RunSetup], Awaitable[None]]
    mix: Mix = Mix()
    needs: frozenset[str] = frozenset()
    posts: Mapping[str, int] = msgspec.field(default_factory=lambda: {"api": 1, "worker": 2, "projector": 1})
    environ: dict[str, str] = {}
    kinds: str = "tests.faults.kinds.ordinary"
    expendable: bool = False
    allows: tuple[str, ...] = ()
    calls_once: bool = False
    answers_within: float | None = None
    follows_each_api: bool = False
    loses_log: bool = False
    removes: bool = False
    points: tuple[str, ...] = ()
    replays: bool = True
    properties: tuple[checker.Property, ...] = ()
    load_seconds: float = LOAD_SECONDS_MAX
    cluster: Callable[..., AbstractAsyncContextManager[Cluster]] = cluster_on
    fleet: Callable[[Cluster, Journal, EmbeddedPostgres, Mapping[str, int]], Fleet] = Fleet


class Verdict(Struct, frozen=True, kw_only=True):
    """How a run ended."""

    fault: str
    seed: int
    tasks: int
    seconds: float
    violations: list[str]
    skipped: list[str]
    file: Path | None = None


class RunSetup:
    """What a fault acts on: the cluster, its processes, the load, Postgres and the journal of one run."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        load: Load,
        server: Databases,
        journal: Journal,
        rng: random.Random,
        patience: float,
    ) -> None:
        self.cluster = cluster
        self.fleet = fleet
        self.load = load
        self.server = server
        self.journal = journal
        self.rng = rng
        self.outage = patience
        """Seconds that a long outage takes."""

    async def moments(self, least: int, most: int) -> AsyncGenerator[int]:
        """Random moments of the load, in order."""
        number = self.rng.randint(least, most)
        for count, moment in enumerate(sorted(self.rng.uniform(0.05, 0.95) for _ in range(number))):
            await self.load.reached(moment)
            yield count

    async def pause(self, low: float, high: float) -> None:
        """Let a random time pass."""
        await asyncio.sleep(self.rng.uniform(low, high))


async def run_fault(
    fault: Fault, seed: int, tasks: int, shared_postgres: SharedPostgres, out: Path, outage: float = 60.0
) -> Verdict:
    """Run a fault under a load and have everything checked.

    Args:
        fault: What goes wrong.
        seed: What the load and the fault are drawn from.
        tasks: How many at least.
        shared_postgres: The servers that runs share.
        out: Where the journal is kept.
        outage: Seconds that a long outage takes.
    """
    began = time.monotonic()
    file = out / f"{fault.name}-{seed}.jsonl"
    server = await shared_postgres.server(expendable=fault.expendable)
    with Journal(file) as journal, temporary_place() as place:
        async with (
            server.database() as url,
            server.database() as second,
            fault.cluster(place, url, HEADRACE_CONSUMERS=fault.kinds, **fault.environ) as cluster,
        ):
            fleet = fault.fleet(cluster, journal, server.postgres, fault.posts)
            try:
                await fleet.start()
                features = await _find_features(cluster, fleet, journal)
                if missing := fault.needs & set(features.missing):
                    return Verdict(
                        fault=fault.name, seed=seed, tasks=0, seconds=0, violations=[], skipped=sorted(missing)
                    )
                _note_beginning(journal, fault, seed, tasks, features)
                setup = await _act(fault, seed, tasks, cluster, fleet, server, journal, features, outage)
                if fault.removes:
                    await _until_removed(journal, url)
                copies = await read_copies(cluster)
                records = await read_log(cluster.log)
                live, miscounted = await read_tables(url, await read_columns(second)), await read_miscounted(url)
                timelines = await read_timelines(url)
                rows, batches = await read_rows(url, "tasks"), await read_rows(url, "batches")
                replayed = await _replay(setup, second, removes=fault.removes) if fault.replays else None
            finally:
                await fleet.close()
            epoch = cluster.log.epoch
        _note_what_processes_wrote(journal, place)
        journal.flush()
        observations = Observations(
            entries=read(file),
            epoch=epoch,
            records=records,
            copies=copies,
            tasks=rows,
            batches=batches,
            miscounted=miscounted,
            tables=live,
            timelines=timelines,
            replayed=replayed,
        )
        violations = checker.check(observations, fault.properties)
        seconds = time.monotonic() - began
        journal.note(Found(violations=violations, seconds=round(seconds, 1)))
    if violations:
        with file.with_suffix(".log.jsonl").open("wb") as log:
            log.writelines(msgspec.json.encode(record) + b"\n" for record in records)
    return Verdict(
        fault=fault.name, seed=seed, tasks=len(observations.histories), seconds=seconds, violations=violations,
        skipped=features.missing, file=file,
    )  # fmt: skip


async def _find_features(cluster: Cluster, fleet: Fleet, journal: Journal) -> Features:
    async def announced() -> bool:
        try:
            answers = [await cluster.http.get(f"{each}{API}/kinds") for each in fleet.api_urls]
        except httpx.TransportError:
            return False
        return all(answer.is_success and answer.json()["items"] for answer in answers)

    async def probed() -> Features | None:
        try:
            return await _probe(cluster, fleet.api_urls[0])
        except httpx.TransportError as error:
            journal.did(f"the probe was not answered: {describe(error)}")
            return None

    await until(announced, "the kinds to be announced")
    return await until(probed, "the API to answer what shows its features", PROBE_SECONDS_MAX)


async def _probe(cluster: Cluster, url: str) -> Features:
    body = {"kind": "instant", "input": {"number": PROBE}, "delay": 1.0}
    key = {"Idempotency-Key": f"probe-{time.monotonic_ns()}"}
    first, second = [await cluster.http.post(f"{url}{API}/tasks", json=body, headers=key) for _ in range(2)]
    assert first.is_success, f"the probe was answered {first.status_code}: {first.text}"
    document = (await cluster.http.get(f"{url}/api/docs/openapi.json")).json()
    return read_features(document, defers=first.json().get("state") == "pending", knows_keys=second.status_code == 200)


def _note_beginning(journal: Journal, fault: Fault, seed: int, tasks: int, features: Features) -> None:
    journal.note(
        Began(
            fault=fault.name,
            seed=seed,
            tasks=tasks,
            features=msgspec.structs.asdict(features),
            allows=list(fault.allows),
            loses_log=fault.loses_log,
            removes=fault.removes,
            calls_once=fault.calls_once,
            answers_within=fault.answers_within,
            points=list(fault.points),
        )
    )


async def _act(
    fault: Fault,
    seed: int,
    tasks: int,
    cluster: Cluster,
    fleet: Fleet,
    server: Databases,
    journal: Journal,
    features: Features,
    outage: float,
) -> RunSetup:
    """The load, the followers and the fault; returns when all of it has come to rest."""
    planned = plan(random.Random(f"{seed} plan"), tasks, fault.mix, features)
    load = Load(
        planned, fleet.api_urls, features, journal, random.Random(f"{seed} load"), fault.mix.deletes, fault.removes
    )
    setup = RunSetup(cluster, fleet, load, server, journal, random.Random(f"{seed} fault"), outage)
    schedules = Schedules(fleet.api_urls, journal)
    await schedules.make()
    state = await cluster.log.refresh()
    rng = random.Random(f"{seed} followers")
    begin = f"{state.epoch}-{state.last_sequence}"
    owners = [follow_all(OWNER, fleet.api_urls, journal, rng, begin)]
    if fault.follows_each_api:
        owners += [follow_all(f"{OWNER} at {url}", [url], journal, rng, begin) for url in fleet.api_urls]
    followers: list[Follower] = []
    recruiting = asyncio.create_task(_recruit(followers, load, fleet, journal, rng, features), name="recruit")
    acting = asyncio.create_task(_until_done(fault, setup), name=fault.name)
    try:
        async with asyncio.timeout(fault.load_seconds):
            await load.run()
            journal.did("the load is answered")
            await acting
    except TimeoutError:
        journal.note(Late(waited_for=f"the load and the fault did not end within {fault.load_seconds:g} s"))
    finally:
        await _end(journal, acting, recruiting)
    await server.postgres.start()
    await cluster.nats.start()
    await fleet.heal()
    journal.did("healed")
    await schedules.pause()
    await _rest(setup, owners, followers)
    for follower in (*owners, *followers):
        await follower.close()
    return setup


async def _end(journal: Journal, *tasks: asyncio.Task[None]) -> None:
    """End tasks, and note what went wrong with them, so that it does not take the place of what goes wrong elsewhere."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            journal.note(Late(waited_for=f"{task.get_name()} broke: {describe(error)}"))


async def _until_done(fault: Fault, setup: RunSetup) -> None:
    try:
        await fault.act(setup)
    except (AssertionError, TimeoutError, ServerError, httpx.TransportError) as error:
        # Several of these have no text of their own.
        setup.journal.note(Late(waited_for=f"the fault could not be carried out: {describe(error)}"))


async def _recruit(
    followers: list[Follower], load: Load, fleet: Fleet, journal: Journal, rng: random.Random, features: Features
) -> None:
    """Follow some of the tasks and batches, as they are accepted."""
    for number in range(TASK_FOLLOWERS):
        await load.reached((number + 0.5) / (TASK_FOLLOWERS + 1))
        if (task := newest_not_followed(load.accepted, followers)) is not None:
            followers.append(follow_task(task, fleet.api_urls, journal, rng))
        is_for_batch = features.batch_stream and number % (TASK_FOLLOWERS // BATCH_FOLLOWERS) == 1
        if is_for_batch and (batch := newest_not_followed(load.batches, followers)) is not None:
            followers.append(follow_batch(batch, fleet.api_urls, journal, rng))


async def _rest(setup: RunSetup, owners: list[Follower], followers: list[Follower]) -> None:
    """Wait until every task has ended and everybody has caught up."""
    log = LogReader(setup.cluster.log)
    deadline = time.monotonic() + REST_SECONDS_MAX
    quiet = projected = 0
    while quiet < QUIET_POLLS and time.monotonic() < deadline:
        with suppress(LogUnavailable, OSError, asyncpg.PostgresError):
            new = await log.catch_up()
            projected = await _projected(setup)
            rests = not new and not log.open and await log.ends_at(projected)
            quiet = quiet + 1 if rests else 0
        await asyncio.sleep(REST_POLL_SECONDS)
    if quiet < QUIET_POLLS:
        behind = f"{len(log.open)} tasks are open, the read model is at {projected} of {log.last}"
        setup.journal.note(Late(waited_for=f"no rest within {REST_SECONDS_MAX:g} s: {behind}"))
    setup.journal.did("at rest")
    for owner in owners:
        if not await owner.until(lambda owner=owner: _sequence(owner) >= log.last_task_event, FOLLOW_SECONDS_MAX):
            at = f"{owner.cursor}, the log at {log.last_task_event}"
            setup.journal.note(Late(waited_for=f"the stream of {owner.name} is at {at} after {FOLLOW_SECONDS_MAX:g} s"))
    for follower in followers:
        if not await follower.until(lambda follower=follower: follower.over, FOLLOW_SECONDS_MAX):
            setup.journal.note(Late(waited_for=f"the stream of {follower.name} has not ended"))
    setup.journal.did("followed to the end")


async def _projected(setup: RunSetup) -> int:
    rows = await read_rows(setup.cluster.database_url, "projection")
    return max((row["sequence"] for row in rows), default=0)


async def _until_removed(journal: Journal, url: str) -> None:
    """Wait until retention has removed everything that is over, which at rest is everything."""

    async def is_empty() -> bool:
        tables = await read_tables(url)
        return not any(tables[name] for name in REMOVED_TABLES)

    try:
        await until(is_empty, f"retention to remove everything from {', '.join(REMOVED_TABLES)}", REMOVE_SECONDS_MAX)
    except AssertionError as error:
        journal.note(Late(waited_for=str(error)))


async def _replay(setup: RunSetup, url: str, *, removes: bool) -> dict[str, list[str]]:
    """Project the whole log anew, into another database."""
    for post in setup.fleet.of("projector"):
        await setup.fleet.stop(post)
    wanted = await _projected(setup)
    spare = setup.fleet.of("projector")[0]
    member = await setup.cluster.spawn_module(
        "projector", "tests.faults.points", HEADRACE_DATABASE_URL=url, HEADRACE_PROJECTOR_OPS=f"127.0.0.1:{spare.port}"
    )

    async def done() -> bool:
        rows = await read_rows(url, "projection")
        return any(row["sequence"] >= wanted for row in rows)

    try:
        await until(done, "the replay to end", REPLAY_SECONDS_MAX)
    except AssertionError:
        setup.journal.note(Late(waited_for=f"the replay has not reached {wanted}: {member.last_lines()}"))
    if removes:
        await _until_removed(setup.journal, url)
    await member.stop()
    setup.journal.did("replayed")
    return await read_tables(url)


def _note_what_processes_wrote(journal: Journal, place: Path) -> None:
    calls = place / "calls"
    for line in calls.read_text().splitlines() if calls.exists() else ():
        task, attempt, pid = line.split()
        journal.note(Called(task=task, attempt=int(attempt), pid=int(pid)))
    for line in reached(place):
        journal.note(Reached(point=line.split()[0]))


def _sequence(follower: Follower) -> int:
    return int((follower.cursor or "").partition("-")[2] or 0)
