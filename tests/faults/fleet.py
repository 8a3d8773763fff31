"""The processes of a run, kept alive as an init system would: what ends is started again, unless the fault wants it down."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from contextlib import suppress

import psutil

from headrace.embedded.liveness import until_unresponsive
from headrace.embedded.network import LOOPBACK, free_ports, why_not_healthy
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.worker.running_record import note_end
from tests.cluster import Cluster
from tests.faults.journal import Did, Ended, Journal, Late, Redelivered, Said, Sampled, Started
from tests.faults.points import VARIABLE
from tests.member import Member
from tests.waiting import describe, until

RESTART_SECONDS = 0.2  # what an init system takes to notice, and to start it again
START_SECONDS_MAX = (
    90.0  # of a worker whose consumers have three copies, on three servers that write through to one disk
)
SAMPLE_SECONDS = 0.5
TAIL_LINES = 8
TRACEBACK_LINES = 40  # of a traceback, and of what was logged right after it
SAID_CHARS_MAX = 4000
BIND = {"api": "HEADRACE_API_BIND", "worker": "HEADRACE_WORKER_OPS", "projector": "HEADRACE_PROJECTOR_OPS"}


class Post:
    """A place for a process: ``worker-1``, whichever process fills it now."""

    def __init__(self, name: str, number: int, port: int) -> None:
        self.name = name
        self.title = f"{name}-{number}"
        self.address = LOOPBACK
        self.port = port
        self.within: tuple[str, ...] = ()
        """What its command begins with, where it runs on a host of its own."""
        self.environ: dict[str, str] = {}
        self.points: list[str] = []
        """The named points at which its next processes are to die, one after the other."""
        self.member: Member | None = None
        self.wanted = True
        self.meant = False
        """Whether the next end of its process is no surprise."""
        self.frozen = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}:{self.port}"

    @property
    def running(self) -> Member:
        """Its process; there must be one."""
        assert self.member is not None
        return self.member


class Fleet:
    """All posts of a cluster.

    Args:
        cluster: What they belong to.
        journal: Where starts, ends and sizes are noted.
        postgres: The server that the cluster uses.
        counts: How many posts of each name.
    """

    def __init__(
        self, cluster: Cluster, journal: Journal, postgres: EmbeddedPostgres, counts: Mapping[str, int]
    ) -> None:
        self.cluster = cluster
        self._postgres = postgres
        self.posts: list[Post] = []
        self._journal = journal
        self._keeping: dict[Post, asyncio.Task[None]] = {}
        self._watching: list[asyncio.Task[None]] = []
        self._noted: set[int] = set()
        ports = free_ports(sum(counts.values()))
        for name, count in counts.items():
            self.posts += [Post(name, number, ports.pop()) for number in range(count)]

    def of(self, name: str) -> list[Post]:
        """The posts with this name."""
        return [post for post in self.posts if post.name == name]

    @property
    def api_urls(self) -> list[str]:
        """Where the APIs listen."""
        return [post.url for post in self.of("api")]

    async def start(self) -> None:
        """Start everything and wait until it works; from then on keep it so."""
        for post in self.posts:
            await self._spawn(post)
        for post in self.posts:
            await self.until_ready(post)
        for post in self.posts:
            self._keeping[post] = asyncio.create_task(self._keep(post), name=f"keep {post.title}")
        self._watching.append(asyncio.create_task(self._sample(), name="sample"))

    async def until_ready(self, post: Post) -> None:
        """Wait until a post's process does its work."""
        await until(
            lambda: post.member is not None and self.cluster.is_ready(post.member, post.url),
            f"{post.title} to work",
            START_SECONDS_MAX,
        )

    async def kill(self, post: Post) -> None:
        """Kill its process as a crash would."""
        self._did(f"kill -9 {post.title}")
        post.meant = True
        if post.frozen:
            self._continue(post)
        await post.running.kill()

    async def replace_when_frozen(self, post: Post) -> None:
        """Kill its process whenever it lives and does not answer, as a supervisor does, and have it keep a record; for ever."""
        record = self.cluster.place / f"{post.title}-runs"
        await self.restart(post, HEADRACE_WORKER_RECORD=str(record))
        while True:
            why = await until_unresponsive(lambda: why_not_healthy(post.address, post.port, "/health/live"))
            self._did(f"{post.title} {why}")
            note_end(record)
            await self.kill(post)
            await self.until_ready(post)

    async def restart(self, post: Post, **environ: str) -> int:
        """Have it end as a deploy would, and the next one work. Returns the exit code."""
        self._did(f"TERM {post.title}")
        post.environ |= environ
        member = post.running
        post.meant = True
        code = await member.stop()
        self._did(f"{post.title} ended with {code}")
        await until(lambda: post.member is not member, f"the next {post.title}")
        await self.until_ready(post)
        self._did(f"{post.title} works again")
        return code

    async def stop(self, post: Post) -> int:
        """Have it end, and nothing in its place."""
        post.wanted = False
        post.meant = True
        code = await post.running.stop()
        self._did(f"{post.title} stopped with {code}")
        return code

    async def go_on(self, post: Post) -> None:
        """Fill a post again that was stopped."""
        post.wanted = True
        await self._spawn(post)
        self._keeping[post] = asyncio.create_task(self._keep(post), name=f"keep {post.title}")
        await self.until_ready(post)

    async def freeze(self, post: Post, seconds: float) -> None:
        """SIGSTOP it for a while."""
        self.pause(post)
        await asyncio.sleep(seconds)
        self.resume(post)

    def pause(self, post: Post) -> None:
        """SIGSTOP it."""
        self._did(f"STOP {post.title}")
        post.frozen = True
        post.running.signal(signal.SIGSTOP)

    def resume(self, post: Post) -> None:
        """SIGCONT it."""
        self._did(f"CONT {post.title}")
        self._continue(post)

    async def heal(self) -> None:
        """Let everything run again, without points to die at."""
        for post in self.posts:
            post.points.clear()
            post.environ.pop(VARIABLE, None)
            if post.frozen:
                self.resume(post)
            if not post.wanted:
                await self.go_on(post)
        for post in self.posts:
            await self.until_ready(post)

    async def close(self) -> None:
        """End all processes."""
        for task in (*self._keeping.values(), *self._watching):
            task.cancel()
        ended = await asyncio.gather(*self._keeping.values(), *self._watching, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                self._journal.note(Late(waited_for=f"what keeps the processes broke: {describe(error)}"))
        for post in self.posts:
            post.meant = True
            if post.frozen:
                self._continue(post)
            if post.member is not None and post.member.process.returncode is None:
                post.member.signal(signal.SIGTERM)
        for post in self.posts:
            if post.member is not None:
                try:
                    code = await post.member.exited()
                except TimeoutError:
                    await post.member.kill()
                    code = -9
                    self._did(f"{post.title} did not end when told to")
                self._ended(post, post.member, code)

    def _continue(self, post: Post) -> None:
        post.frozen = False
        if post.member is not None and post.member.process.returncode is None:
            post.member.signal(signal.SIGCONT)

    async def _spawn(self, post: Post) -> None:
        environ = {BIND[post.name]: f"{post.address}:{post.port}", **post.environ}
        if post.points:
            environ[VARIABLE] = post.points.pop(0)
            self._did(f"{post.title} is to die at {environ[VARIABLE]}")
            post.meant = True
        post.member = await self.launch(post, environ)
        self._journal.note(Started(process=post.title, pid=post.member.pid))

    async def launch(self, post: Post, environ: dict[str, str]) -> Member:
        """Start the process that fills a post."""
        return await self.cluster.spawn_module(post.name, "tests.faults.points", within=post.within, **environ)

    async def _keep(self, post: Post) -> None:
        """Start it again whenever it ends."""
        while True:
            member = post.running
            code = await member.process.wait()
            await asyncio.sleep(RESTART_SECONDS)
            self._ended(post, member, code)
            if not post.wanted:
                return
            post.meant = False
            await self._spawn(post)

    def _ended(self, post: Post, member: Member, code: int) -> None:
        tail = "\n".join(list(member.lines)[-TAIL_LINES:])
        if member.pid in self._noted:
            return
        self._noted.add(member.pid)
        self._journal.note(Ended(process=post.title, pid=member.pid, exit=code, meant=post.meant, tail=tail))
        lines = list(member.lines)
        for number, line in enumerate(lines):
            if '"level":"critical"' in line or '"a run broke' in line or line.startswith("Traceback"):
                # What a traceback is of stands below its first line.
                said = "\n".join(lines[number : number + TRACEBACK_LINES]) if line.startswith("Traceback") else line
                self._journal.note(Said(process=post.title, pid=member.pid, line=said[:SAID_CHARS_MAX]))
            elif '"the consumer of its lane has let go of a task' in line:
                lost = json.loads(line)
                self._journal.note(Redelivered(task=lost["task_id"], sequence=lost["sequence"]))

    async def _sample(self) -> None:
        while True:
            for post in self.posts:
                if post.member is not None and post.member.process.returncode is None:
                    self._sample_one(post.title, post.member.pid)
            for pid in self.cluster.nats_pids:
                self._sample_one("nats", pid)
            if self._postgres.pid is not None:
                self._sample_one("postgres", self._postgres.pid)
            await asyncio.sleep(SAMPLE_SECONDS)

    def _sample_one(self, title: str, pid: int) -> None:
        """Note the size of a process. That of Postgres is what its processes do not share."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            times, rss = process.cpu_times(), process.memory_info().rss
            if title == "postgres":
                sizes = [each.memory_info() for each in (process, *process.children(recursive=True))]
                rss = sum(size.rss - size.shared for size in sizes)
            cpu = round(times.user + times.system, 2)
            self._journal.note(Sampled(process=title, pid=pid, rss=rss, cpu=cpu))

    def _did(self, action: str) -> None:
        self._journal.note(Did(action=action))
