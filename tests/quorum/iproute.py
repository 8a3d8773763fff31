"""The command `ip` of iproute2, see ip(8)."""

from __future__ import annotations

import subprocess

COMMAND_SECONDS = 10.0


class NoNetwork(Exception):
    """The machine does not allow networks of one's own. The message says what is missing."""


def ip(*arguments: str) -> None:
    """Run `ip` with these arguments.

    Raises:
        NoNetwork: It was refused.
    """
    done = _run(*arguments)
    if done.returncode != 0:
        raise NoNetwork(f"`ip {' '.join(arguments)}` was refused: {done.stderr.strip()}")


def remove_if_there(*arguments: str) -> None:
    """Run `ip` with arguments that remove something, which may be gone already."""
    _run(*arguments)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("ip", *arguments), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
