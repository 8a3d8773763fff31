"""What credentials cost: one API key, ten thousand of them in turn, and the access token of a session."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import uuid_utils

from headrace.contracts.identity import Scope
from headrace.embedded.credentials import Credentials
from headrace.embedded.private_files import write_private
from headrace.identity.key_format import make_key, shown_part
from headrace.identity.principals import LOCAL
from headrace.identity.secrets import Secrets
from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.spine.burst import submit_round, warm_up
from tests.bench.stack import Stack, bench_stack, temporary_home

PARTS = ("many", "token")
KEYS = 10_000
MANY_TARGET = Target(most=125)
TOKEN_TARGET = Target(most=105)

_INSERT = (
    "INSERT INTO api_keys (id, owner, name, start, hash, scopes, created_at) VALUES ($1, $2, 'bench', $3, $4, $5, $6)"
)


async def keys(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given parts."""
    with temporary_home() as home, tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        async with bench_stack(home) as stack:
            await warm_up(stack, sizes)
            if "many" in parts:
                await _many(report, stack, sizes, await make_keys(stack, Path(directory) / "keys"))
            if "token" in parts:
                await _token(report, stack, sizes, await sign_in(stack, Path(directory) / "token"))


async def _many(report: Report, stack: Stack, sizes: Sizes, tokens: str) -> None:
    """One key beside many, in alternate rounds."""
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


async def _token(report: Report, stack: Stack, sizes: Sizes, tokens: str) -> None:
    """An access token beside a key, in alternate rounds."""
    used: list[tuple[float, float]] = []
    for count in range(1, sizes.rounds + 1):
        key, token = await submit_round(stack, sizes.tasks), await submit_round(stack, sizes.tasks, tokens)
        used.append((key.cpu_microseconds["api"], token.cpu_microseconds["api"]))
        report.say(
            f"token {count} of {sizes.rounds}: API {used[-1][0]:,.0f} µs with a key, {used[-1][1]:,.0f} µs with it"
        )
    shares = [token / key * 100 for key, token in used]
    report.figures.append(
        Figure(
            name="accepted with an access token",
            measured=spread([token for _, token in used], " µs of the API"),
            yardstick=f"{spread(shares, '%', 1)} of a key, {spread([key for key, _ in used], ' µs')}",
            value=statistics.median(shares),
            unit="%",
            target=TOKEN_TARGET,
            detail={"key": [key for key, _ in used], "token": [token for _, token in used]},
        )
    )


async def sign_in(stack: Stack, file: Path) -> str:
    """Sign in as the administrator, and write the access token to a file that the load client reads."""
    credentials = Credentials.read(stack.up.home.credentials)
    assert credentials is not None
    body = {"email": credentials.email, "password": credentials.password}
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{stack.up.port}") as client:
        answer = await client.post("/api/v1/session", json=body)
    if not answer.is_success:
        raise BenchError(f"signing in was answered with {answer.status_code}: {answer.text[:500]}")
    await asyncio.to_thread(write_private, file, answer.json()["tokens"]["access_token"])
    return str(file)


async def make_keys(stack: Stack, file: Path) -> str:
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
