"""Check a process by its readiness."""

from __future__ import annotations

import httpx
import msgspec

from headrace.cli.terminal.checks.verdict import Finding, Level, Verdict
from headrace.health import HealthReport

ANSWER_SECONDS = 5.0  # a readiness check that takes longer is none


async def check_ready(url: str) -> Verdict:
    """Ask the `/health/ready` below a URL, of an API or of the operations port of any process."""
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
            answer = await http.get(f"{url.rstrip('/')}/health/ready")
    except httpx.HTTPError as error:
        return Verdict("ready", [Finding(Level.CRITICAL, f"nothing answers at {url} ({type(error).__name__})")], "")
    try:
        health = msgspec.json.decode(answer.content, type=HealthReport)
    except (msgspec.MsgspecError, RecursionError):
        said = f"{url} answers {answer.status_code}, and not as Headrace does"
        return Verdict("ready", [Finding(Level.CRITICAL, said)], "")
    failing = [f"{name}: {state}" for name, state in health.checks.items() if state.partition(";")[0] != "ok"]
    if not answer.is_success:
        why = "; ".join(failing) or f"{answer.status_code} {health.status}"
        return Verdict("ready", [Finding(Level.CRITICAL, why)], "")
    # It does its work, although not everything is as it should be, as while Postgres is away.
    return Verdict("ready", [Finding(Level.WARNING, each) for each in failing], f"{url} is ready")
