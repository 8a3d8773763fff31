"""Build the web app of a checkout when its sources have changed: `python -m headrace.embedded.web_app`.

What was built is compared by a hash of its sources, which lies beside it: times of files say nothing after a `git switch`. The
new app takes the place of the old one when all of it is there, and brings the assets of the old one along, so that pages which
are open find what they load later.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from headrace import web_place
from headrace.embedded.errors import EmbeddedError
from headrace.embedded.node import Node, NodeMissing, is_installed
from headrace.web_place import ASSETS, INDEX, PREVIOUS
from headrace.web_sources import STAMP, hash_of_sources, is_current

BUILD_SECONDS = 300.0
LOCK_POLL_SECONDS = 0.1  # while another process builds

Say = Callable[[str], None]


async def bring_up_to_date(frontend: Path, say: Say) -> bool:
    """Build the app unless the one that is there was built from the same sources.

    Args:
        frontend: The sources.
        say: Called with each line about it.

    Returns:
        Whether the app is there as its sources are now.
    """
    if await asyncio.to_thread(_is_current, frontend):
        return True
    try:
        async with _locked(frontend):
            # Another process may have built it meanwhile.
            return await asyncio.to_thread(_is_current, frontend) or await _build(frontend, say)
    except NodeMissing as error:
        what = "older than its sources" if (web_place.built_in(frontend) / INDEX).is_file() else "not built"
        say(f"the web app is {what}: {error}. Everything else works")
    except (EmbeddedError, OSError) as error:
        for line in f"the web app could not be built: {error}".splitlines():
            say(line)
    return False


async def _build(frontend: Path, say: Say) -> bool:
    """Install what is missing and build.

    Raises:
        EmbeddedError: Node is missing, or failed.
        OSError: The result could not be written.
    """
    begun = time.monotonic()
    node = await Node.find()
    if not await asyncio.to_thread(is_installed, frontend):
        say("installing what the web app is built with: npm ci")
        await node.install(frontend)
    say("building the web app: vite build")
    # Sources that change from now on are built the next time.
    hash_ = await asyncio.to_thread(hash_of_sources, frontend)
    new = frontend / "dist.building"
    await node.run(frontend, "build", "--outDir", new.name, "--emptyOutDir", seconds=BUILD_SECONDS)
    await asyncio.to_thread(_put_in_place, new, web_place.built_in(frontend), hash_)
    say(f"the web app is built, in {time.monotonic() - begun:.1f} s")
    return True


def _is_current(frontend: Path) -> bool:
    built = web_place.built_in(frontend)
    return (built / INDEX).is_file() and is_current(frontend, built)


def _put_in_place(new: Path, place: Path, hash_: str) -> None:
    """Put a new app in the place of the old one, whose assets it takes along. Those of the one before that are dropped."""
    kept = new / PREVIOUS / ASSETS
    kept.mkdir(parents=True)
    own = {file.name for file in (new / ASSETS).iterdir()}
    if (place / ASSETS).is_dir():
        for file in (place / ASSETS).iterdir():
            if file.is_file() and file.name not in own:
                shutil.copy2(file, kept / file.name)
    (new / STAMP).write_text(hash_)
    old = place.with_name(f"{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.is_dir():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


@asynccontextmanager
async def _locked(frontend: Path) -> AsyncGenerator[None]:
    """Let one process build at a time. Others wait, and find what it has built."""
    with web_place.lock_in(frontend).open("wb") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL_SECONDS)
        yield


def main() -> None:
    """Build the app of this checkout, and exit with 1 when that fails."""
    frontend = web_place.sources()
    if frontend is None:
        sys.exit("there are no sources of the web app here")
    is_there = asyncio.run(bring_up_to_date(frontend, _say))
    sys.exit(0 if is_there else 1)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
