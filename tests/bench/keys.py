"""What credentials cost: one API key, and ten thousand of them in turn."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import uuid_utils

from headrace.contracts.identity import Scope
from headrace.embedded.private_files import write_private
from headrace.identity.key_format import make_key, shown_part
from headrace.identity.principals import LOCAL
from headrace.identity.secrets import Secrets
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.spine.burst import submit_round, warm_up
from tests.bench.stack import Stack, bench_stack, temporary_home

PARTS = ("many",)
KEYS = 10_000
MANY_TARGET = Target(most=125)

_INSERT = (
    "INSERT INTO api_keys (id, owner, name, start, hash, scopes, created_at) VALUES ($1, $2, 'bench', $3, $4, $5, $6)"
)


async def keys(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given parts."""
    with temporary_home() as home, tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        async with bench_stack(home) as stack:
            await _many(report, stack, sizes, await _make_keys(stack, Path(directory) / "keys"))


async def _many(report: Report, stack: Stack, sizes: Sizes, tokens: str) -> None:
    """One key beside many, in alternate rounds."""
    await warm_up(stack, sizes)
    first = await submit_round(stack, KEYS, tokens)
    report.say(f"keys: {first.answered:,.0f}/s while each is looked up")
    shares: list[float] = []
    used: list[tuple[float, float]] = []
    for count in range(1, sizes.rounds + 1):
        one, many = await submit_round(stack, sizes.tasks), await submit_round(stack, KEYS, tokens)
        used.append((one.cpu_microseconds["api"], many.cpu_microseconds["api"]))
        shares.append(used[-1][1] / used[-1][0] * 100)
        report.say(
            f"keys {count} of {sizes.rounds}: API {used[-1][0]:,.0f} µs with one, {used[-1][1]:,.0f} µs with many"
        )
    report.figures += [
        Figure(
            name=f"accepted with {KEYS:,} keys in turn",
            measured=spread([many for _, many in used], " µs of the API"),
            yardstick=f"{spread(shares, '%', 1)} of one key, {spread([one for one, _ in used], ' µs')}",
            value=statistics.median(shares),
            unit="%",
            target=MANY_TARGET,
            detail={"one": [one for one, _ in used], "many": [many for _, many in used]},
        ),
        Figure(
            name="keys seen for the first time",
            measured=spread([first.cpu_microseconds["api"]], " µs of the API"),
            detail={"first": first._asdict()},
        ),
    ]


async def _make_keys(stack: Stack, file: Path) -> str:
    """Give the administrator as many keys, and write them to a file that the load client reads."""
    secrets, now = Secrets([stack.up.home.api_secret()]), datetime.now(UTC)
    made = [make_key() for _ in range(KEYS)]
    scopes = [str(scope) for scope in Scope]
    rows = [(str(uuid_utils.uuid7()), LOCAL, shown_part(key), secrets.hash(key), scopes, now) for key in made]
    connection = await asyncpg.connect(stack.up.running.database_url)
    try:
        await connection.executemany(_INSERT, rows)
    finally:
        await connection.close()
    await asyncio.to_thread(write_private, file, "\n".join(made))
    return str(file)
