"""A NATS server whose users change while it runs, as an operator changes them."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.private_files import write_private
from tests.waiting import until

RELOADED = "Reloaded server configuration"


class ReloadedNats(EmbeddedNats):
    """EmbeddedNats that reads its configuration again when it is told to."""

    def __init__(self, directory: Path, *, users: Sequence[Mapping[str, object]]) -> None:
        super().__init__(directory, users=users, on_line=self._note)
        self._reloads = 0

    async def reload(self, users: Sequence[Mapping[str, object]]) -> None:
        """Take other users. Whose permissions have changed is disconnected, and connects again."""
        assert self.pid is not None
        reloads = self._reloads
        self._users = users
        write_private(self._config, self._configuration())
        os.kill(self.pid, signal.SIGHUP)
        await until(lambda: self._reloads > reloads, "nats-server to have read its users again")

    def _note(self, line: str) -> None:
        self._reloads += RELOADED in line
