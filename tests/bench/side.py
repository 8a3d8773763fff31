"""One side of a comparison: the stack of the checkout that this is run in, which measures a round whenever it is told to.

It uses nothing but what every version of the bench has, since it is also run in a checkout of an older one. Lines on standard
input name what to measure, and each is answered with a line of JSON: CPU microseconds by process.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec

from tests.bench.processes import cpu_seconds
from tests.bench.report import Report
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.bench.spine.burst import no_op_round, submit_round, warm_up
from tests.bench.spine.paced import PER_SECOND, paced
from tests.bench.stack import Stack, bench_stack, temporary_home

READY = "ready"
TOKENS = ("many", "token")
PACED_SECONDS = 8  # of a round

_Round = Callable[[], Awaitable[tuple[float, float, dict[str, float]]]]


async def _serve(*, quick: bool) -> None:
    """Answer until standard input ends."""
    sizes = QUICK if quick else FULL
    with temporary_home() as home, tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        async with bench_stack(home) as stack:
            await warm_up(stack, sizes)
            rounds: dict[str, _Round] = {
                "noop": partial(no_op_round, stack, sizes.tasks),
                "task": partial(submit_round, stack, sizes.tasks),
                "paced": partial(_paced_round, stack, sizes),
                **await _with_tokens(stack, Path(directory), sizes.tasks),
            }
            _say(READY)
            while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
                _, _, used = await rounds[line]()
                _say(msgspec.json.encode(used).decode())


class _Silent(Report):
    def say(self, text: str) -> None:
        """Say nothing between the rounds of two sides."""


async def _paced_round(stack: Stack, sizes: Sizes) -> tuple[float, float, dict[str, float]]:
    """A hundred tasks a second, one after the other, which a client follows. What all processes do at rest is a part of it."""
    sizes = sizes._replace(paced_seconds=min(sizes.paced_seconds, PACED_SECONDS))
    before = cpu_seconds(stack.up.running)
    await paced(_Silent("paced", {}, {}), stack, sizes)
    count = PER_SECOND * sizes.paced_seconds + sizes.warm_up
    after = cpu_seconds(stack.up.running)
    return 0, 0, {name: (seconds - before.get(name, 0)) / count * 1e6 for name, seconds in after.items()}


async def _with_tokens(stack: Stack, directory: Path, tasks: int) -> dict[str, _Round]:
    """The rounds with many keys and with an access token, where the version has them."""
    # Older versions have no keys.
    try:
        from tests.bench.keys import KEYS, make_keys, sign_in
    except ImportError:
        return {}
    many, token = await make_keys(stack, directory / "keys"), await sign_in(stack, directory / "token")
    # A key that is seen for the first time is looked up, which the suite `keys` measures.
    await submit_round(stack, KEYS, many)
    return {
        "many": partial(submit_round, stack, KEYS, many),
        "token": partial(submit_round, stack, tasks, token),
    }


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(quick="--quick" in sys.argv))
