"""The directory in which a worker has the local files of its attempts. It goes with the worker, also with one that was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import uuid_utils

from headrace.telemetry import get_logger

LOCK_NAME = "worker.lock"  # held by the worker for as long as it lives; the system lets go of it then
PREFIX = "worker-"

log = get_logger(__name__)


class Scratch:
    """A directory of this worker alone. Those that workers have left behind who live no more are removed.

    Where none can be made, the worker says so and works all the same: most kinds need none.

    Args:
        place: Where it is made; a directory of this user among the temporary ones by default.
    """

    def __init__(self, place: Path | None = None) -> None:
        base = place or Path(tempfile.gettempdir()) / f"headrace-{os.getuid()}"
        self.path = base / f"{PREFIX}{uuid_utils.uuid7()}"
        self._lock: int | None = None
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if place is None and base.stat().st_uid != os.getuid():
                raise PermissionError("it belongs to another user")
            self.path.mkdir(mode=0o700)
            self._lock = _lock(self.path)
            _sweep(base)
        except OSError as error:
            log.warning(
                "there is no place for local files; set HEADRACE_WORKER_SCRATCH to a directory of the worker's own",
                directory=str(base),
                error=str(error),
            )

    def new_directory(self) -> Path:
        """Return the path of a directory for one attempt. It is not made yet."""
        return self.path / str(uuid_utils.uuid7())

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sweep(base: Path) -> None:
    """Remove the directories whose workers are gone."""
    for each in base.glob(f"{PREFIX}*"):
        if (held := _lock(each, is_own=False)) is None:
            continue
        log.info("removed what a worker left behind that was killed", directory=str(each))
        shutil.rmtree(each, ignore_errors=True)
        os.close(held)


def _lock(directory: Path, *, is_own: bool = True) -> int | None:
    """Lock a directory; None when somebody else has it, or has not locked yet what was made just now."""
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if is_own else 0)
    with suppress(OSError):
        opened = os.open(directory / LOCK_NAME, flags, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
        else:
            return opened
    return None
