"""A projector that is killed when it has submitted the task of a firing, and has not acknowledged the firing yet."""

from __future__ import annotations

import os
import signal
import sys

from headrace.cli import main
from headrace.log import connection
from headrace.log.deliveries import Acknowledger


class _Dies(Acknowledger):
    def ack(self, delivery: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


connection.Acknowledger = _Dies

if __name__ == "__main__":
    sys.exit(main())
