"""The Postgres servers that runs share: one that stays, and one that faults may stop."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from headrace.embedded.postgres import EmbeddedPostgres
from tests.databases import Databases


@contextmanager
def temporary_place() -> Generator[Path]:
    """A directory that is gone afterwards, and that the user which Postgres becomes as root may enter."""
    path = Path(tempfile.mkdtemp(prefix="headrace-faults-", dir="/tmp")).resolve()
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class SharedPostgres:
    """Both servers. Each is started when it is first needed.

    Args:
        place: Where their data is.
        stack: Ends them.
        lasting: One that runs already; a new one when None.
    """

    def __init__(self, place: Path, stack: AsyncExitStack, lasting: EmbeddedPostgres | None = None) -> None:
        self._place = place
        self._stack = stack
        self._lasting = lasting
        self._servers: dict[str, Databases] = {}

    async def server(self, *, expendable: bool) -> Databases:
        """Return a running server, the expendable one for a fault that stops it."""
        name = "expendable" if expendable else "lasting"
        if name not in self._servers:
            borrowed = None if expendable else self._lasting
            postgres = borrowed or EmbeddedPostgres(self._place / name)
            if borrowed is None:
                self._stack.push_async_callback(postgres.stop)
                await postgres.start()
            databases = Databases(postgres)
            await databases.prepare()
            self._servers[name] = databases
        return self._servers[name]


@asynccontextmanager
async def open_shared_postgres(lasting: EmbeddedPostgres | None = None) -> AsyncGenerator[SharedPostgres]:
    """SharedPostgres for any number of runs; ``lasting`` is a Postgres that runs already."""
    with temporary_place() as place:
        async with AsyncExitStack() as stack:
            yield SharedPostgres(place, stack, lasting)
