"""Become another program, one that ends when its parent does: ``launch.py PARENT SIGNAL USER PROGRAM [ARGUMENT…]``.

Run as a script of its own, since code between fork and exec is not safe in a process with threads. PARENT is the pid that
started it, SIGNAL what the program gets when that process is gone (Linux), USER whom to become, empty for nobody else.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, end_signal: int, user: str, argv: list[str]) -> None:
    """Replace this process. Exits with 1 when the parent is already gone."""
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.chdir("/")  # it may not be allowed to be where root is
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end_signal)  # after setuid, which clears it
    if os.getppid() != parent:
        sys.exit(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would pass that on
    os.execv(argv[0], argv)  # noqa: S606 - no shell: these are the arguments


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
