"""The load: a plan that follows from a seed, and clients that carry it out over HTTP and write down every answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from tests.accounts import SIGNED
from tests.faults.features import API, Features
from tests.faults.journal import Answered, Asked, GaveUp, Journal, Planned, Unanswered

CLIENTS = 32  # requests that submit at a time
PATIENCE_SECONDS = 120.0  # how long one client goes on asking; longer than any fault takes
AGAIN_SECONDS = (
    0.1,
    0.4,
)  # what a client waits before it asks again; less than Retry-After, so as to be there when it is back
REQUEST_SECONDS = 15.0
RUN_AGAIN_WAIT_SECONDS = 20.0
USUAL_TASKS = 2000
SHARE_LEAST = 0.3  # of the time of a usual load: a short one still has to overlap with its fault
BATCH_MEMBERS = (20, 80)
DELETERS = 3  # clients that delete at the same time
DELETE_SECONDS = (0.05, 0.3)  # between two looks of one of them for what is over
DELETED_AT_ONCE = 5
READ_SECONDS = 0.15  # between two looks of whoever reads lists and details
FINAL = frozenset({"succeeded", "failed", "cancelled"})

SUCCEEDS = ["succeeded"]
RAISES = ["failed:raised"]
ENDS_AS_CANCELLED = ["cancelled"]


class Invocation(Struct, kw_only=True):
    """One thing that a client does: a task, or a batch of them, and what it does about it later.

    Attributes:
        number: Its number in the run.
        after: Seconds into the load when it is submitted.
        kind: The kind.
        expect: How each of its tasks may end, see `headrace`'s states; with a failure's code after a colon.
        given: The input, besides the number.
        options: Members of the submission beside kind and input.
        key: Idempotency-Key.
        copies: How often it is sent at the same time.
        members: Tasks, when it is a batch.
        cancel_after: Seconds after its acceptance when it is cancelled.
        run_again: Run it again when it has ended.
        bulk: Instead of a task, a bulk request: its path, and what it says.
        statuses: Answers that are in order, besides 503.
    """

    number: int
    after: float
    kind: str
    expect: list[str]
    given: dict[str, Any] = {}
    options: dict[str, Any] = {}
    key: str | None = None
    copies: int = 1
    members: int = 0
    cancel_after: float | None = None
    run_again: bool = False
    bulk: tuple[str, dict[str, Any]] | None = None
    attempts: int = 1
    statuses: tuple[int, ...] = (200, 202)

    @property
    def tasks(self) -> int:
        """How many tasks it makes."""
        return 0 if self.bulk else self.members or 1


DELETION = Invocation(number=-1, after=0, kind="", expect=[])


class Mix(Struct, frozen=True, kw_only=True):
    """What a load is made of. Weights are shares of tasks.

    Attributes:
        seconds: How long a load of 2,000 tasks takes when nothing holds it up; a smaller one less.
        lines: What a chatty task says.
        pad: Characters of every input that are of no use.
        copies: How often a submission is sent at most.
        deletes: Whether finished tasks are deleted all the while.
        more: What a fault adds: called with the generator, the next number and the features.
    """

    instant: float = 40
    slow: float = 14
    in_thread: float = 4
    failing: float = 8
    flaky: float = 8
    cancelled: float = 8
    delayed: float = 8
    chatty: float = 2
    run_again: float = 2
    batches: float = 20
    seconds: float = 9.0
    lines: int = 12
    pad: int = 0
    copies: int = 1
    deletes: bool = False
    more: Callable[[random.Random, int, Features], list[Invocation]] | None = None


def plan(rng: random.Random, tasks: int, mix: Mix, features: Features) -> list[Invocation]:
    """At least ``tasks`` tasks, in the order of their submission. What is not there yet gives its share to `instant`."""
    makers: dict[str, tuple[float, Callable[[int], Invocation]]] = {
        "instant": (mix.instant, lambda n: Invocation(number=n, after=0, kind="instant", expect=SUCCEEDS)),
        "slow": (mix.slow, lambda n: Invocation(number=n, after=0, kind="slow", expect=SUCCEEDS)),
        "in_thread": (mix.in_thread, lambda n: _in_thread(n)),
        "failing": (mix.failing, lambda n: Invocation(number=n, after=0, kind="failing", expect=RAISES)),
        "chatty": (mix.chatty, lambda n: _chatty(n, mix.lines)),
    }
    if features.retry:
        makers["flaky"] = (mix.flaky, lambda n: _flaky(rng, n))
    if features.cancel:
        makers["cancelled"] = (mix.cancelled, lambda n: _cancelled(rng, n, features))
    if features.delay:
        makers["delayed"] = (mix.delayed, lambda n: _delayed(rng, n))
    if features.rerun:
        makers["run_again"] = (mix.run_again, lambda n: _run_again(rng, n))
    if features.batches:
        share = mix.batches / (sum(BATCH_MEMBERS) / 2)  # weights are of tasks
        makers["batches"] = (share, lambda n: _batch(rng, n, features))
    names = list(makers)
    weights = [makers[name][0] for name in names]
    planned: list[Invocation] = []
    while sum(each.tasks for each in planned) < tasks:
        chosen = rng.choices(names, weights)[0]
        planned.append(makers[chosen][1](len(planned)))
    if features.bulk:
        planned += _bulk(len(planned))
    if mix.more:
        planned += mix.more(rng, len(planned), features)
    seconds = mix.seconds * max(SHARE_LEAST, tasks / USUAL_TASKS)
    for each in planned:
        each.after = rng.uniform(0, seconds)
        each.key = f"{rng.getrandbits(64):016x}"
        if not each.members:
            each.options.setdefault("priority", rng.choice(("high", "normal", "normal", "low")))
        if mix.pad:
            each.given.setdefault("pad", "x" * mix.pad)
        if mix.copies > 1:
            each.copies = rng.randint(1, mix.copies)
    return sorted(planned, key=lambda each: each.after)


def _in_thread(number: int) -> Invocation:
    return Invocation(number=number, after=0, kind="slow_in_thread", expect=SUCCEEDS, given={"seconds": 0.1})


def _chatty(number: int, lines: int) -> Invocation:
    return Invocation(number=number, after=0, kind="chatty", expect=SUCCEEDS, given={"lines": lines})


def _flaky(rng: random.Random, number: int) -> Invocation:
    attempts = rng.choice((2, 2, 3))
    given = {"attempts": attempts}
    return Invocation(number=number, after=0, kind="flaky", expect=SUCCEEDS, given=given, attempts=attempts)


def _cancelled(rng: random.Random, number: int, features: Features) -> Invocation:
    kind = rng.choice(("long", "long", "long_in_thread", "slow"))
    options = {"delay": rng.uniform(3, 6)} if features.delay and rng.random() < 0.3 else {}
    return Invocation(
        number=number,
        after=0,
        kind=kind,
        expect=SUCCEEDS,  # unless the cancellation is accepted, see the checker
        given={"seconds": 0.2 if kind == "slow" else 8.0},
        options=options,
        cancel_after=rng.choice((0.0, 0.05, rng.uniform(0, 0.5))),
    )


def _delayed(rng: random.Random, number: int) -> Invocation:
    delay = rng.choice((0.1, rng.uniform(0.2, 1), rng.uniform(1, 3)))
    return Invocation(number=number, after=0, kind="instant", expect=SUCCEEDS, options={"delay": delay})


def _run_again(rng: random.Random, number: int) -> Invocation:
    kind, expect = rng.choice((("failing", RAISES), ("instant", SUCCEEDS)))
    return Invocation(number=number, after=0, kind=kind, expect=expect, run_again=True)


def _batch(rng: random.Random, number: int, features: Features) -> Invocation:
    kind, expect = rng.choice((("instant", SUCCEEDS), ("instant", SUCCEEDS), ("slow", SUCCEEDS), ("failing", RAISES)))
    cancel = rng.uniform(0, 0.5) if features.cancel and rng.random() < 0.25 else None
    run_again = features.batch_rerun and cancel is None and kind == "failing" and rng.random() < 0.5
    return Invocation(
        number=number,
        after=0,
        kind=kind,
        expect=expect,
        members=rng.randint(*BATCH_MEMBERS),
        cancel_after=cancel,
        run_again=run_again,
    )


def _bulk(first: int) -> list[Invocation]:
    """What somebody does to many tasks at once."""
    failed = {"kind": ["failing"], "state": ["failed"]}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("runs", {"select": failed, "dry_run": True}),
        ("runs", {"select": failed, "limit": 30, "per_second": 300}),
        ("runs", {"select": {**failed, "code": ["raised"]}, "limit": 30, "per_second": 300}),
        ("cancellations", {"select": {"kind": ["long"]}, "limit": 20, "per_second": 300}),
    ]
    return [
        Invocation(number=first + number, after=0, kind="", expect=[], bulk=request, statuses=(200,))
        for number, request in enumerate(requests)
    ]


class Load:
    """Carries out a plan.

    Args:
        planned: The plan.
        urls: Where the APIs are; a client goes to any, and to another one when that is not there.
        features: What is there.
        journal: Where every answer is noted.
        rng: For what depends on the order in which things happen, and so is not part of the plan.
        deletes: Whether finished tasks are deleted all the while.
        removes: Whether retention removes what is over meanwhile, so that nothing needs to be found.
    """

    def __init__(
        self,
        planned: list[Invocation],
        urls: list[str],
        features: Features,
        journal: Journal,
        rng: random.Random,
        deletes: bool = False,
        removes: bool = False,
    ) -> None:
        self.planned = planned
        self.answered = 0
        self.accepted: list[str] = []
        self.batches: list[str] = []
        self.full = 0
        self._deleters = DELETERS if deletes else 0
        self._uncancelled: set[str] = set()
        self._deleted: set[str] = set()
        self._removes = removes
        self._urls = urls
        self._features = features
        self._journal = journal
        self._rng = rng
        self._changed = asyncio.Event()
        self._hurried = asyncio.Event()
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100, keepalive_expiry=2.0)
        self._http = httpx.AsyncClient(timeout=REQUEST_SECONDS, limits=limits, trust_env=False, headers=SIGNED)
        for each in planned:
            journal.note(
                Planned(
                    number=each.number,
                    kind=each.kind,
                    expect=each.expect,
                    key=each.key,
                    copies=each.copies,
                    members=each.members,
                    delay=each.options.get("delay"),
                    attempts=each.attempts,
                )
            )

    async def run(self) -> None:
        """Make every invocation, and what follows it; returns when all are answered."""
        began = time.monotonic()
        reading = asyncio.create_task(self._read(), name="read")
        free = asyncio.Semaphore(CLIENTS)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._deleters):
                    group.create_task(self._keep_deleting(), name=f"delete {number}")
                for each in self.planned:
                    await self._wait(began + each.after - time.monotonic())
                    await free.acquire()
                    group.create_task(self._invoke(each, free), name=f"invocation {each.number}")
        finally:
            reading.cancel()
            await asyncio.wait({reading})
            await self._http.aclose()
        if not reading.cancelled():
            reading.result()

    def hurry(self) -> None:
        """Submit what is left as fast as the clients can, whatever the plan says."""
        self._hurried.set()

    async def reached(self, fraction: float) -> None:
        """Wait until a part of the invocations is answered."""
        while self.answered < fraction * len(self.planned):
            self._changed.clear()
            await self._changed.wait()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), max(0.0, seconds))

    async def _invoke(self, of: Invocation, free: asyncio.Semaphore) -> None:
        try:
            answers = await asyncio.gather(*(self._submit(of) for _ in range(of.copies)))
        finally:
            self.answered += 1
            self._changed.set()
            free.release()
        accepted = next((answer for answer in answers if answer is not None), None)
        if accepted is None or of.bulk is not None:
            return
        subject = accepted["id"]
        (self.batches if of.members else self.accepted).append(subject)
        if of.members and of.cancel_after is None:
            self._uncancelled.add(subject)
        if of.cancel_after is not None:
            await asyncio.sleep(of.cancel_after)
            await self._cancel(of, subject)
        if of.run_again:
            await self._run_again(of, subject)

    async def _submit(self, of: Invocation) -> dict[str, Any] | None:
        if of.bulk is not None:
            path, body = of.bulk
            return await self._ask(of, f"bulk_{path}", "POST", f"{API}/{path}", body, {}, of.statuses, path)
        given = {"number": of.number, **of.given}
        headers = {"Idempotency-Key": of.key} if self._features.keys and of.key else {}
        if of.members:
            inputs = [{**given, "member": member} for member in range(of.members)]
            body = {"kind": of.kind, "inputs": inputs, "name": f"batch {of.number}", **of.options}
            return await self._ask(of, "batch", "POST", f"{API}/batches", body, headers, of.statuses)
        body = {"kind": of.kind, "input": given, **of.options}
        return await self._ask(of, "submit", "POST", f"{API}/tasks", body, headers, of.statuses)

    async def _cancel(self, of: Invocation, subject: str) -> None:
        what = "batches" if of.members else "tasks"
        purpose = "cancel_batch" if of.members else "cancel"
        path = f"{API}/{what}/{subject}/cancellation"
        await self._ask(of, purpose, "PUT", path, None, {}, (200, 202, 409), subject)

    async def _run_again(self, of: Invocation, subject: str) -> None:
        """Wait for its end, and run it again: as often as it is not told that it was accepted."""
        what, wait = ("batches", 10) if of.members else ("tasks", 10)
        deadline = time.monotonic() + RUN_AGAIN_WAIT_SECONDS
        while time.monotonic() < deadline:
            found = await self._ask(of, "wait", "GET", f"{API}/{what}/{subject}?wait={wait}", None, {}, (200,), subject)
            if found is None:
                return
            if found["state"] in (*FINAL, "settled"):
                break
        else:
            return
        purpose = "run_batch_again" if of.members else "run_again"
        body: dict[str, Any] | None = {"per_second": 500} if of.members else None
        path = f"{API}/{what}/{subject}/runs"
        await self._ask(of, purpose, "POST", path, body, {}, (200, 202, 409), subject)

    async def _ask(
        self,
        of: Invocation,
        purpose: str,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
        statuses: Iterable[int],
        subject: str = "",
    ) -> dict[str, Any] | None:
        """Ask until there is an answer that is not 503; None when it was a refusal, or there was none."""
        content = msgspec.json.encode(body) if body is not None else None
        headers = {**headers, "Content-Type": "application/json"} if content is not None else headers
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = await self._once(of.number, purpose, method, path, content, headers, statuses, subject)
            if answer is not None and answer.status_code != 503:
                return answer.json() if answer.is_success and answer.content else None
            await asyncio.sleep(self._rng.uniform(*AGAIN_SECONDS))
        self._journal.note(GaveUp(number=of.number, purpose=purpose))
        return None

    async def _once(
        self,
        number: int,
        purpose: str,
        method: str,
        path: str,
        content: bytes | None,
        headers: dict[str, str],
        statuses: Iterable[int],
        subject: str = "",
    ) -> httpx.Response | None:
        url = self._rng.choice(self._urls)
        if purpose != "read":
            self._journal.note(Asked(number=number, purpose=purpose, to=url))
        began = time.monotonic()
        try:
            answer = await self._http.request(method, url + path, content=content, headers=headers)
        except httpx.TransportError as error:
            seconds = time.monotonic() - began
            self._journal.note(Unanswered(number=number, purpose=purpose, to=url, seconds=seconds, error=repr(error)))
            return None
        said = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        if said.get("error_code") == "log_full":
            self.full += 1
        self._journal.note(
            Answered(
                number=number,
                purpose=purpose,
                to=url,
                seconds=round(time.monotonic() - began, 3),
                status=answer.status_code,
                code=said.get("error_code", ""),
                subject=said.get("id", "") if answer.is_success and not subject else subject,
                state=str(said.get("state", "")),
                position=str(said.get("position", "")),
                expected=answer.status_code in statuses
                or (answer.status_code == 503 and "Retry-After" in answer.headers)
                or (answer.status_code == 404 and (subject in self._deleted or self._removes)),
            )
        )
        return answer

    async def _keep_deleting(self) -> None:
        """Delete tasks that are over, one after the other, until all invocations are answered."""
        while self.answered < len(self.planned):
            await asyncio.sleep(self._rng.uniform(*DELETE_SECONDS))
            path = f"{API}/tasks?state={self._rng.choice(sorted(FINAL))}&limit=100"
            listed = await self._once(-1, "read", "GET", path, None, {}, (200,))
            if listed is None or not listed.is_success:
                continue
            tasks = [task["id"] for task in listed.json()["items"] if self._may_delete(task)]
            for task in self._rng.sample(tasks, min(DELETED_AT_ONCE, len(tasks))):
                self._deleted.add(task)
                await self._ask(DELETION, "delete", "DELETE", f"{API}/tasks/{task}", None, {}, (204, 404, 409), task)

    def _may_delete(self, task: dict[str, Any]) -> bool:
        """Whether the client who made a task knows of it, and its batch was not cancelled: a replay may leave such a batch cancelled."""
        known = task["batch"] in self._uncancelled if task.get("batch") else task["id"] in self.accepted
        return known and task["id"] not in self._deleted

    async def _read(self) -> None:
        """Read lists and details all the while, as people with the web app open do."""
        while True:
            await asyncio.sleep(READ_SECONDS)
            paths = [f"{API}/tasks?limit=50", f"{API}/kinds", f"{API}/tasks?state=failed&limit=10"]
            subject = ""
            if self.accepted and self._rng.random() < 0.7:
                subject = self._rng.choice(self.accepted)
                paths = [f"{API}/tasks/{subject}", f"{API}/tasks/{subject}/timeline"]
            elif self.batches and self._rng.random() < 0.5:
                subject = self._rng.choice(self.batches)
                paths = [f"{API}/batches/{subject}"]
            await self._once(-1, "read", "GET", self._rng.choice(paths), None, {}, (200,), subject)
