"""Become another program that ends when its parent does: ``launcher.py PARENT SIGNAL USER PROGRAM [ARGUMENT…]``.

It runs as a script of its own, because code between fork and exec is not safe in a process with threads. PARENT is the pid of
the process that starts it, SIGNAL is sent to the program when that process is gone (Linux), USER is the user to become, empty
for the present one.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, end_signal: int, user: str, argv: list[str]) -> None:
    """Replace this process by the program; exits with 1 when the parent is already gone."""
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        # The user may not be allowed to enter the directory that root is in.
        os.chdir("/")
    if sys.platform == "linux":
        # This comes after setuid, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end_signal)
    if os.getppid() != parent:
        sys.exit(1)
    # Python ignores SIGPIPE, and the program would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(argv[0], argv)  # noqa: S606 - no shell: these are the arguments


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
