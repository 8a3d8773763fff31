"""A process whose clock is wrong: ``python -m tests.flow.life.wrong_clock <process>``.

TEST_CLOCK_SECONDS says by how much it is ahead; a negative number means behind.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

from headrace.cli import main
from headrace.log import clock

AHEAD = timedelta(seconds=float(os.environ["TEST_CLOCK_SECONDS"]))

clock.system_now = lambda: datetime.now(UTC) + AHEAD

if __name__ == "__main__":
    sys.exit(main())
