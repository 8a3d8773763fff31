"""The processes that run: whether there is one of each, and whether all have one version."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Final, get_args

import msgspec

from headrace.cli.terminal.cluster.seen import Seen
from headrace.contracts.processes import ProcessNotice, ProcessRole
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.log.presence import ANSWER_SECONDS, PRESENCE_SECONDS

# Everybody answers sooner who is asked, also one that has just told of itself.
ANSWERED_SECONDS = 2 * ANSWER_SECONDS + 0.5
# Who starts, or was not asked, tells of itself within this time.
PATIENCE_SECONDS = PRESENCE_SECONDS + 1.0
ROLES: Final[tuple[ProcessRole, ...]] = get_args(ProcessRole)
PROCESSES_MAX = 10_000  # that are listened to; more are no cluster of ours


async def check_processes(event_log: Log, missed: Sequence[ProcessRole] = ROLES) -> list[Seen]:
    """Ask all processes to tell that they are there, and judge who has answered.

    Args:
        event_log: The log.
        missed: The roles of which one has to run.

    Raises:
        LogUnavailable: NATS cannot be reached.
    """
    heard = dict[str, ProcessNotice]()
    all_roles = asyncio.Event()

    def note(subject: str, payload: bytes) -> None:
        # What is no notice is somebody else's.
        with suppress(msgspec.MsgspecError):
            if len(heard) < PROCESSES_MAX:
                heard[subject] = msgspec.json.decode(payload, type=ProcessNotice)
        if {each.role for each in heard.values()}.issuperset(missed):
            all_roles.set()

    watching = await event_log.live.watch(live_subjects.PROCESSES, note)
    if event_log.not_permitted:
        what = "which processes run cannot be seen: NATS does not permit our user to hear of them"
        remedy = "ask as the user `api` or `operator`, with the accounts of docs/nats-accounts.conf"
        return [Seen(about="processes", state="unseen", what=what, remedy=remedy)]
    await event_log.live.publish(live_subjects.PROCESSES_ASKED, b"")
    await asyncio.sleep(ANSWERED_SECONDS)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await all_roles.wait()
    await watching.close()
    return list(_judge(list(heard.values()), missed))


def _judge(heard: Sequence[ProcessNotice], missed: Sequence[ProcessRole]) -> Iterator[Seen]:
    counts = Counter[str](each.role for each in heard)
    for role in missed:
        if not counts[role]:
            remedy = f"start one: `headrace {role}`; the log of one that does not start says why"
            yield Seen(about="processes", state="critical", what=f"no {role} runs", remedy=remedy)
    if not heard:
        return
    versions = Counter(each.version for each in heard)
    ours = version("headrace")
    listed = ", ".join(f"{counts[role]} {role}" for role in ROLES if counts[role])
    if set(versions) == {ours}:
        yield Seen(about="processes", state="ok", what=f"{listed}, all of version {ours}")
    else:
        spread = ", ".join(f"{count} of {each}" for each, count in sorted(versions.items()))
        what = f"{listed} run in other versions than this one, {ours}: {spread}"
        yield Seen(about="processes", state="warning", what=what, remedy="finish the upgrade, or go back")
