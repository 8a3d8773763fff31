"""Live events at scale: very many browsers, from one API process; and beside it what a user would pick instead."""

from __future__ import annotations

import resource

from tests.bench.errors import BenchError
from tests.bench.live.fan import fan
from tests.bench.live.forms import forms
from tests.bench.live.headrace import Headrace
from tests.bench.live.idle import idle
from tests.bench.live.own import own
from tests.bench.live.resume import resume
from tests.bench.peers.compare import peers
from tests.bench.report import Report
from tests.bench.servers.fan_out import FanOut, warm_up
from tests.bench.servers.memory import Memory
from tests.bench.sizes import Sizes
from tests.bench.stack import bench_stack, temporary_home

PARTS = ("idle", "fan", "forms", "resume", "own", "peers")
OTHER_FILES = 1000  # that a process has open besides its clients' connections


async def live(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given parts: Headrace's on one stack, then the peers' without it."""
    _allow_open_files(2 * sizes.idle_clients + OTHER_FILES)  # the peer has a connection to Redis for each
    memory: Memory | None = None
    fan_outs: dict[int, FanOut] = {}
    if parts - {"peers"}:
        with temporary_home() as home:
            async with bench_stack(home) as stack:
                headrace = Headrace(stack)
                await warm_up(headrace)
                if "idle" in parts:
                    memory = await idle(report, headrace, sizes)
                if "fan" in parts:
                    fan_outs = await fan(report, headrace, sizes)
                if "forms" in parts:
                    await forms(report, stack, sizes)
                if "resume" in parts:
                    await resume(report, headrace, sizes)
                if "own" in parts:
                    await own(report, stack, sizes)
    if "peers" in parts:
        await peers(report, sizes, memory, fan_outs)


def _allow_open_files(wanted: int) -> None:
    """Raise the limit of open files to what is needed; what is started from here has it too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if hard != unlimited and hard < wanted:
        raise BenchError(f"a process needs {wanted:,} open files, and may have {hard:,}; raise the hard limit")
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
