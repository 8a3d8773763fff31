"""`headrace up` with fake children: ``run_up.py HOME PORT``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from headrace.embedded.counts import Counts
from headrace.embedded.home import Home
from headrace.embedded.up import Programs, up
from headrace.settings import Settings


def fake(name: str) -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).with_name("fake.py")), name)


async def build_web(say: Callable[[str], None]) -> None:
    """Stand for the build of the app, which ends when its test lets it."""
    say("building the web app")
    built = Path(os.environ["FAKE_WEB"])
    while not await asyncio.to_thread(built.exists):
        await asyncio.sleep(0.02)
    say("the web app is built")


if __name__ == "__main__":
    sys.exit(
        asyncio.run(
            up(
                Settings.read(os.environ),
                Home(Path(sys.argv[1])),
                "127.0.0.1",
                int(sys.argv[2]),
                programs=Programs(
                    migrate=fake("migrate"),
                    admin=fake("admin"),
                    provision=fake("provision"),
                    children={name: fake(name) for name in ("api", "worker", "projector")},
                    counts=Counts(int(os.environ.get("FAKE_APIS", "1")), int(os.environ.get("FAKE_WORKERS", "1"))),
                ),
                build_web=build_web if "FAKE_WEB" in os.environ else None,
            )
        )
    )
