"""The faults. Each acts on a setup while the load runs; all of them together are what is promised in the README's table."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import httpx

from headrace.embedded.log_watch import LogWatch
from tests.faults.features import Features
from tests.faults.load import SUCCEEDS, Invocation, Mix
from tests.faults.points import RETENTION, reached
from tests.faults.run_setup import LOAD_SECONDS_MAX, Fault, RunSetup
from tests.faults.stalled_clients import stalled_clients
from tests.full_disk import full_disk
from tests.waiting import until

FAULTS: dict[str, Fault] = {}

ACK_WAIT_SECONDS = 2.0  # of every cluster here
STOPPED_SECONDS = (ACK_WAIT_SECONDS + 1, ACK_WAIT_SECONDS + 2.5)
AFTERWARDS_SECONDS = 5.0  # after the load, for tasks that are retried or wait
SESSION_SECONDS = 6.0  # after which Postgres ends the session of a projector that says nothing
FROZEN_SECONDS_MAX = 240.0  # three workers may be frozen one after the other, each for 16 s until it is replaced
FULL_BYTES = 2 << 20
FULL_ANSWERS = 20  # refusals after which more clients than one have met the full log
ROOM_BYTES = 1 << 30
PILING = Mix(  # 2,000 tasks say 50,000 things
    instant=4, slow=2, in_thread=1, failing=1, flaky=1, cancelled=1, delayed=1, run_again=0, batches=0,
    chatty=100, lines=25, seconds=12,
)  # fmt: skip
MEGABYTE = 1 << 20
DELETING = Mix(deletes=True, seconds=14)
STANDBY = {"api": 1, "worker": 2, "projector": 2}
PAIRS = {"api": 2, "worker": 2, "projector": 2}


def fault(name: str, sentence: str, **options: Any) -> Callable[[Callable[[RunSetup], Awaitable[None]]], Fault]:
    """Register a fault."""

    def decorate(act: Callable[[RunSetup], Awaitable[None]]) -> Fault:
        FAULTS[name] = Fault(name=name, sentence=sentence, act=act, **options)
        return FAULTS[name]

    return decorate


@fault("nothing", "nothing goes wrong", calls_once=True)
async def nothing(setup: RunSetup) -> None:
    await setup.load.reached(1.0)


@fault("api-killed", "the API is killed -9 at random moments", calls_once=True)
async def api_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(3, 5):
        await setup.fleet.kill(setup.fleet.of("api")[0])


@fault("worker-killed", "workers are killed -9 at random moments", allows=("worker_lost",))
async def worker_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(4, 6):
        await setup.fleet.kill(setup.rng.choice(setup.fleet.of("worker")))


@fault(
    "projector-killed", "projectors are killed -9 at random moments, one standing by", posts=STANDBY, calls_once=True
)
async def projector_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(4, 6):
        await setup.fleet.kill(setup.rng.choice(setup.fleet.of("projector")))


@fault("all-killed", "every process is killed -9 at once, twice", posts=STANDBY)
async def all_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(2, 2):
        await _kill_all(setup)


async def _die_at(setup: RunSetup, name: str, point: str, *passes: tuple[float, float]) -> None:
    """Have the processes of a post die at a point one after the other, each after a number of passes drawn from a range.

    The load may be over before all have; one has to, see `checker.the_points_were_reached`.
    """
    post = setup.fleet.of(name)[0]
    post.points = [f"{point}:{max(1, round(setup.rng.uniform(*each)))}" for each in passes]
    await setup.load.reached(0.03)
    await setup.fleet.kill(post)
    dying = asyncio.create_task(until(lambda: not post.points and not post.meant, f"{name} to die", LOAD_SECONDS_MAX))
    await setup.load.reached(1.0)
    await asyncio.wait({dying}, timeout=AFTERWARDS_SECONDS)
    dying.cancel()


def _shares(setup: RunSetup, *shares: float) -> list[tuple[float, float]]:
    """Ranges of passes where every task passes: up to these shares of all."""
    return [(1, share * len(setup.load.planned)) for share in shares]


@fault("api-after-publish", "the API dies after the log has a submission, before it answers", points=("after-publish",))
async def api_after_publish(setup: RunSetup) -> None:
    await _die_at(setup, "api", "after-publish", *_shares(setup, 0.01, 0.06, 0.12))


@fault(
    "api-after-batch",
    "the API dies after the log has a batch, before it answers",
    points=("after-batch-publish",),
    needs=frozenset({"batches"}),
    mix=Mix(batches=50),
)
async def api_after_batch(setup: RunSetup) -> None:
    await _die_at(setup, "api", "after-batch-publish", (1, 2), (1, 3), (2, 4))


@fault(
    "worker-after-outcome",
    "a worker dies after the log has an outcome, before it acknowledges",
    points=("after-outcome",),
)
async def worker_after_outcome(setup: RunSetup) -> None:
    await _die_at(setup, "worker", "after-outcome", *_shares(setup, 0.01, 0.05, 0.08))


@fault(
    "worker-after-deferred",
    "a worker dies when a retry is in the log, before it acknowledges",
    points=("after-deferred",),
    needs=frozenset({"retry"}),
    mix=Mix(flaky=40),
)
async def worker_after_deferred(setup: RunSetup) -> None:
    await _die_at(setup, "worker", "after-deferred", (1, 10), (10, 40), (10, 40))


@fault(
    "worker-after-timer",
    "a worker dies when a retry's timer is set, before it says that it put the task off",
    points=("after-timer",),
    needs=frozenset({"retry"}),
    mix=Mix(flaky=40),
)
async def worker_after_timer(setup: RunSetup) -> None:
    await _die_at(setup, "worker", "after-timer", (1, 10), (10, 30), (10, 30))


@fault("projector-after-commit", "a projector dies after a commit, before it acknowledges", points=("after-commit",))
async def projector_after_commit(setup: RunSetup) -> None:
    await _die_at(setup, "projector", "after-commit", (1, 3), (2, 8), (4, 12))


@fault(
    "projector-before-commit", "a projector dies when a page is written, before it commits", points=("before-commit",)
)
async def projector_before_commit(setup: RunSetup) -> None:
    await _die_at(setup, "projector", "before-commit", (2, 4), (2, 8), (4, 12))


@fault(
    "deletions-projector",
    "tasks are deleted; a projector dies when a page with deletions is written, before it commits",
    points=("before-commit-of-deletion",),
    mix=DELETING,
)
async def deletions_projector(setup: RunSetup) -> None:
    await _die_at(setup, "projector", "before-commit-of-deletion", (1, 3), (2, 8), (4, 12))


@fault(
    "deletions-api",
    "tasks are deleted; the API dies when the log has a deletion, before it erases the rest",
    points=("after-deletion",),
    mix=DELETING,
)
async def deletions_api(setup: RunSetup) -> None:
    await _die_at(setup, "api", "after-deletion", (1, 10), (2, 20), (4, 30))


@fault(
    "deletions-all-killed",
    "tasks are deleted; every process is killed -9 at once, first when the log has a deletion, then at two random moments",
    points=("after-deletion",),
    posts=STANDBY,
    mix=DELETING,
)
async def deletions_all_killed(setup: RunSetup) -> None:
    (api,) = setup.fleet.of("api")
    await setup.load.reached(0.1)
    api.points = [f"after-deletion:{setup.rng.randint(1, 5)}"]
    await setup.fleet.kill(api)
    await until(lambda: reached(setup.cluster.place), "the API to die when the log has a deletion", LOAD_SECONDS_MAX)
    await _kill_all(setup)
    async for _ in setup.moments(2, 2):
        await _kill_all(setup)


@fault(
    "retention-all-killed",
    "what has been over for three seconds is removed, and every process is killed -9 at once, three times",
    posts=STANDBY,
    environ={RETENTION: "3"},
    removes=True,
)
async def retention_all_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(3, 3):
        await _kill_all(setup)


async def _kill_all(setup: RunSetup) -> None:
    await asyncio.gather(*(setup.fleet.kill(post) for post in setup.fleet.posts))


@fault("stopped", "each process is stopped (SIGSTOP) past ack_wait and goes on", posts=STANDBY)
async def stopped(setup: RunSetup) -> None:
    posts = [*setup.fleet.of("worker"), *setup.fleet.of("api")]
    setup.rng.shuffle(posts)
    leader = next(post for post in setup.fleet.of("projector") if post.running.logged("leading"))
    async for number in setup.moments(3, 3):
        seconds = setup.rng.uniform(*STOPPED_SECONDS)
        if number == 1:
            await asyncio.gather(
                setup.fleet.freeze(leader, SESSION_SECONDS + 2), setup.fleet.freeze(posts[number], seconds)
            )
        else:
            await setup.fleet.freeze(posts[number], seconds)


@fault("nats-restarted", "NATS is stopped (TERM) for a moment and started again")
async def nats_restarted(setup: RunSetup) -> None:
    async for _ in setup.moments(2, 3):
        setup.journal.did("TERM nats")
        await setup.cluster.nats.stop()
        await setup.pause(0, 1.5)
        await setup.cluster.nats.start()
        setup.journal.did("nats works again")


@fault("nats-killed", "NATS is killed -9 and started again")
async def nats_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(3, 4):
        setup.journal.did("kill -9 nats")
        await setup.cluster.nats.kill()
        await setup.pause(0, 1.5)
        await setup.cluster.nats.start()
        setup.journal.did("nats works again")


@fault(
    "nats-full",
    "the log reaches its max_bytes; later it is given more",
    environ={"HEADRACE_STREAM_MAX_BYTES": str(FULL_BYTES)},
    mix=Mix(pad=3000),
    calls_once=True,
)
async def nats_full(setup: RunSetup) -> None:
    await until(
        lambda: setup.load.full >= FULL_ANSWERS, f"{FULL_ANSWERS} submissions to be refused as the log is full", 60
    )
    await setup.pause(0.5, 2)
    for post in setup.fleet.of("api"):
        await setup.fleet.restart(post, HEADRACE_STREAM_MAX_BYTES=str(ROOM_BYTES))


@fault("disk-full-then-free", "the disk of NATS is full for a moment; when there is room again, NATS is started anew")
async def disk_full_then_free(setup: RunSetup) -> None:
    nats, addresses = setup.cluster.nats, [("127.0.0.1", post.port) for post in setup.fleet.posts]

    async def restart() -> None:
        await nats.stop()
        await nats.start()
        setup.journal.did("nats works again")

    await setup.load.reached(setup.rng.uniform(0.1, 0.6))
    setup.journal.did("the disk of nats is full")
    pid = nats.pid
    with full_disk(nats):
        await until(lambda: _takes_nothing(setup), "somebody to say that the log takes nothing")
        await setup.pause(0, 2)
    watching = asyncio.create_task(LogWatch(nats.directory, addresses, restart, setup.journal.did).watch())
    try:
        await until(lambda: nats.pid not in (None, pid), "nats to be started anew")
    finally:
        await asyncio.wait({watching}, timeout=AFTERWARDS_SECONDS)
        watching.cancel()


async def _takes_nothing(setup: RunSetup) -> bool:
    for post in setup.fleet.posts:
        with suppress(httpx.TransportError):
            ready = await setup.cluster.http.get(f"{post.url}/health/ready")
            if "takes nothing" in ready.json()["checks"].get("log", ""):
                return True
    return False


@fault("client-stalls", "clients stop in their bodies, and read neither answers nor streams", calls_once=True)
async def client_stalls(setup: RunSetup) -> None:
    async with stalled_clients(setup.fleet.of("api")[0].port) as count:
        setup.journal.did(f"{count} clients stall")
        await setup.load.reached(1.0)


@fault("postgres-stopped", "Postgres is stopped for a minute", expendable=True, calls_once=True)
async def postgres_stopped(setup: RunSetup) -> None:
    await setup.load.reached(setup.rng.uniform(0.1, 0.5))
    setup.journal.did(f"stop postgres for {setup.outage:g} s")
    await setup.server.postgres.stop()
    await asyncio.sleep(setup.outage)
    await setup.server.postgres.start()
    setup.journal.did("postgres works again")


@fault("postgres-killed", "Postgres is killed -9 and recovers", expendable=True, calls_once=True)
async def postgres_killed(setup: RunSetup) -> None:
    async for _ in setup.moments(2, 3):
        setup.journal.did("kill -9 postgres")
        await setup.server.postgres.kill()
        await setup.pause(0, 1)
        await setup.server.postgres.start()
        setup.journal.did("postgres works again")


TERMINATE_COMMITTING = """
    SELECT left(query, 40) AS query, pg_terminate_backend(pid) AS done FROM pg_stat_activity
    WHERE application_name LIKE 'headrace-%' AND datname = $1 AND state <> 'idle'
        AND (backend_xid IS NOT NULL OR query LIKE 'COMMIT%')
"""
TERMINATE_ALL = """
    SELECT left(query, 40) AS query, pg_terminate_backend(pid) AS done FROM pg_stat_activity
    WHERE application_name LIKE 'headrace-%' AND datname = $1
"""


@fault("backends-terminated", "Postgres backends are terminated in the middle of commits", calls_once=True)
async def backends_terminated(setup: RunSetup) -> None:
    url = setup.cluster.database_url
    name = url.partition("@/")[2].partition("?")[0]
    connection = await asyncpg.connect(setup.server.postgres.url("postgres"))
    try:
        async for number in setup.moments(5, 7):
            deadline = time.monotonic() + 3
            statement = TERMINATE_ALL if number == 2 else TERMINATE_COMMITTING
            while time.monotonic() < deadline:
                ended = await connection.fetch(statement, name)
                if ended:
                    setup.journal.did(f"terminated {len(ended)} backends: {ended[0]['query']}")
                    break
    finally:
        await connection.close()


@fault(
    "duplicates",
    "every submission is sent up to four times at once with its key, while APIs are killed",
    needs=frozenset({"keys"}),
    mix=Mix(copies=4),
    posts={"api": 2, "worker": 2, "projector": 1},
)
async def duplicates(setup: RunSetup) -> None:
    async for _ in setup.moments(3, 4):
        await setup.fleet.kill(setup.rng.choice(setup.fleet.of("api")))


def _poison(rng: random.Random, first: int, features: Features) -> list[Invocation]:
    kinds = [
        ("exits", ["failed:worker_lost"]),
        ("exits", ["failed:worker_lost"]),
        *(3 * [("waits_for_ever", ["failed:timeout"])]),
        ("ignores_its_end", ["failed:timeout"]),
        ("spins", ["failed:timeout"]),
        *(3 * [("spins_in_thread", ["failed:timeout"])]),
    ]
    if features.process:
        kinds += [
            ("exits_in_process", ["failed:worker_lost"]),
            ("exits_in_process", ["failed:worker_lost"]),
            ("spins_in_process", ["failed:timeout"]),
            ("hogs_memory", ["failed:raised", "failed:worker_lost"]),
            *(5 * [("computes_in_process", SUCCEEDS)]),
        ]
    lost = ["failed:worker_lost"]  # one that hangs may have been in three workers that another one took down
    return [
        Invocation(number=first + number, after=0, kind=kind, expect=expect if expect == SUCCEEDS else expect + lost)
        for number, (kind, expect) in enumerate(kinds)
    ]


@fault(
    "poison",
    "handlers exit, hang, spin, ignore their end and hog memory",
    kinds="tests.faults.kinds",
    mix=Mix(more=_poison),
    allows=("process_ends",),
)
async def poison(setup: RunSetup) -> None:
    await setup.load.reached(1.0)


def _oversize(rng: random.Random, first: int, features: Features) -> list[Invocation]:
    sizes = [100, MEGABYTE, 4 * MEGABYTE, 9 * MEGABYTE, 20 * MEGABYTE]
    made = [
        Invocation(
            number=first + number,
            after=0,
            kind="instant",
            expect=SUCCEEDS,
            given={"pad": "x" * (size + rng.randint(0, 1000))},
            statuses=(413,) if size > 8 * MEGABYTE else (202,),
        )
        for number, size in enumerate(sizes * 3)
    ]
    # What is too large for an event is in the store.
    results = [1000, 700 << 10, 20 * MEGABYTE]
    made += [
        Invocation(number=first + len(made) + number, after=0, kind="bulky", expect=SUCCEEDS, given={"size": size})
        for number, size in enumerate(results * 3)
    ]
    return made


@fault("oversize", "inputs and results are far too large", mix=Mix(more=_oversize), calls_once=True)
async def oversize(setup: RunSetup) -> None:
    await setup.load.reached(1.0)


@fault(
    "projector-paused",
    "the projector is stopped (SIGSTOP) while 50,000 events pile up",
    mix=PILING,
    calls_once=True,
)
async def projector_paused(setup: RunSetup) -> None:
    (post,) = setup.fleet.of("projector")
    setup.fleet.pause(post)
    await setup.load.reached(1.0)
    setup.fleet.resume(post)


@fault("rolling-restart", "every process is replaced under load, one after the other", posts=PAIRS, calls_once=True)
async def rolling_restart(setup: RunSetup) -> None:
    posts = list(setup.fleet.posts)
    setup.rng.shuffle(posts)
    for number, post in enumerate(posts):
        await setup.load.reached(0.05 + 0.9 * number / len(posts))
        await setup.fleet.restart(post)


def _freezing(rng: random.Random, first: int, features: Features) -> list[Invocation]:
    # Of several that hold the interpreter at the same time none can be blamed, so that they are started three times.
    expect = ["failed:timeout", "failed:worker_lost"]
    return [Invocation(number=first, after=0, kind="holds_the_interpreter", expect=expect)]


@fault(
    "worker-frozen",
    "a handler holds the interpreter of its worker, which lives and does nothing until it is replaced",
    kinds="tests.faults.kinds",
    mix=Mix(more=_freezing),
    posts={"api": 1, "worker": 2, "projector": 1},
    allows=("worker_lost", "process_ends"),
)
async def worker_frozen(setup: RunSetup) -> None:
    watching = [asyncio.create_task(setup.fleet.replace_when_frozen(post)) for post in setup.fleet.of("worker")]
    try:
        await setup.load.reached(1.0)
        ended = "hr.tasks.finished.holds_the_interpreter.>"
        await until(lambda: setup.cluster.events(ended), "the end of what freezes workers", FROZEN_SECONDS_MAX)
        for post in setup.fleet.of("worker"):
            await setup.fleet.until_ready(post)
    finally:
        for each in watching:
            each.cancel()


def _pools(rng: random.Random, first: int, features: Features) -> list[Invocation]:
    return [Invocation(number=first + number, after=0, kind="uses_a_pool", expect=SUCCEEDS) for number in range(20)]


@fault(
    "worker-forked-pool",
    "handlers start pools of processes, which are ended by signals",
    kinds="tests.faults.kinds",
    mix=Mix(more=_pools),
    calls_once=True,
)
async def worker_forked_pool(setup: RunSetup) -> None:
    await setup.load.reached(1.0)
