"""`headrace up` with the bench's API process: ``python -m tests.bench.run_up HOME PORT APIS WORKERS``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from headrace.embedded.counts import Counts
from headrace.embedded.home import Home
from headrace.embedded.up import CHILDREN, Programs, up
from headrace.settings import Settings

if __name__ == "__main__":
    programs = Programs(
        children={**CHILDREN, "api": (sys.executable, "-m", "tests.bench.process")},
        counts=Counts(int(sys.argv[3]), int(sys.argv[4])),
    )
    home = Home(Path(sys.argv[1]))
    sys.exit(asyncio.run(up(Settings.read(os.environ), home, "127.0.0.1", int(sys.argv[2]), programs=programs)))
