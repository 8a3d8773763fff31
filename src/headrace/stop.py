"""How a process learns that it is to stop."""

from __future__ import annotations

import asyncio


class Stop(asyncio.Event):
    """Is set when the process is told to stop.

    Attributes:
        again: Is set when it is told once more, as by somebody who does not want to wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.again = asyncio.Event()

    def tell(self) -> None:
        """Tell the process to stop, or tell it again."""
        if self.is_set():
            self.again.set()
        self.set()
