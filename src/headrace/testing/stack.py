"""A whole Headrace for the tests of a program: `headrace up` in a temporary home, on ports that are free."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.client import Client, SyncClient

START_SECONDS = 120.0  # Postgres makes its files, on a machine that runs other tests
KINDS_SECONDS = 60.0  # the worker imports what the kinds import
STOP_SECONDS = 60.0  # more than `up` itself takes for what it runs
POLL_SECONDS = 0.05
LOG_CHARS_MAX = 4000  # of what `up` said, in the error of a start that failed


class StackFailed(Exception):
    """Headrace did not start for the tests. The message has the last lines of `headrace up`."""


@dataclass(frozen=True)
class HeadraceUp:
    """A Headrace that runs.

    Attributes:
        url: Where its API and its web app are.
        key: An API key of its administrator.
    """

    url: str
    key: str

    def __repr__(self) -> str:
        return f"HeadraceUp(url={self.url!r})"

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which the command line and other programs find it."""
        return {"HEADRACE_URL": self.url, "HEADRACE_API_KEY": self.key}

    def client(self) -> Client:
        """Return a client, which is used in ``async with``."""
        from headrace.client import Client

        return Client(self.url, key=self.key)

    def sync_client(self) -> SyncClient:
        """Return a client for tests without an event loop, which is used in ``with``."""
        from headrace.client import SyncClient

        return SyncClient(self.url, key=self.key)


@contextmanager
def running_stack(settings: Mapping[str, str]) -> Generator[HeadraceUp]:
    """Run Headrace until the block ends.

    Args:
        settings: Variables of docs/settings.md, as HEADRACE_CONSUMERS. Those of the environment do not count.

    Raises:
        StackFailed: It did not start, or its worker has no kinds.
    """
    place = Path(tempfile.mkdtemp(prefix="headrace-up-")).resolve()
    # The user that Postgres becomes, when we are root, has to come to its directory below.
    place.chmod(0o711)
    try:
        with (place / "up.log").open("wb") as log, _started(place, settings, log.fileno()) as process:
            up = _wait_until_ready(process, place)
            _wait_for_kinds(up, place)
            yield up
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _started(place: Path, settings: Mapping[str, str], log: int) -> Generator[subprocess.Popen[bytes]]:
    from headrace.embedded.network import free_ports

    environ = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    # The worker finds the kinds where the tests find them.
    environ["PYTHONPATH"] = os.pathsep.join(each or os.curdir for each in sys.path)
    argv = [sys.executable, "-m", "headrace", "up", "--no-web", "--home", str(place / "home")]
    argv += ["--host", "127.0.0.1", "--port", str(free_ports(1)[0])]
    with subprocess.Popen(argv, env={**environ, **settings}, stdout=subprocess.PIPE, stderr=log) as process:  # noqa: S603 - our own program
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], place: Path) -> HeadraceUp:
    from headrace.embedded.credentials import Credentials

    assert process.stdout is not None
    there, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    word, _, url = (process.stdout.readline() if there else b"").decode().strip().partition(" ")
    credentials = Credentials.read(place / "home" / "credentials.json") if word == "ready" else None
    if credentials is None:
        raise StackFailed(f"`headrace up` did not become ready for the tests; it said:\n{_last_lines(place)}")
    return HeadraceUp(url, credentials.api_key)


def _wait_for_kinds(up: HeadraceUp, place: Path) -> None:
    """Wait until the worker has announced its kinds, so that the first test may submit."""
    import httpx

    until = time.monotonic() + KINDS_SECONDS
    with httpx.Client(base_url=up.url, headers={"Authorization": f"Bearer {up.key}"}) as client:
        while not client.get("/api/v1/kinds").json().get("items"):
            if time.monotonic() > until:
                raise StackFailed(
                    "the worker announced no kinds; does HEADRACE_CONSUMERS in the fixture headrace_settings name their "
                    f"package? It said:\n{_last_lines(place)}"
                )
            threading.Event().wait(POLL_SECONDS)


def _last_lines(place: Path) -> str:
    return (place / "up.log").read_text(errors="replace")[-LOG_CHARS_MAX:]
