"""`headrace up` with fake children: ``run_up.py HOME PORT``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from headrace.embedded.home import Home
from headrace.embedded.up import Programs, up
from headrace.settings import Settings


def fake(name: str) -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).with_name("fake.py")), name)


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
                ),
            )
        )
    )
