"""Node and npm on this machine, and the packages that the web app is built with."""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from headrace.embedded.child_environ import environ_of_servers
from headrace.embedded.errors import EmbeddedError
from headrace.embedded.process import Process, describe_exit

INSTALL_SECONDS = 900.0  # 400 packages over a slow line
VERSION_SECONDS = 20.0
KEPT_LINES = 500  # of what a program says
SHOWN_LINES = 12  # of what a program has said that failed

_OF_STACK = re.compile(r"\s+at ")
_ERROR = re.compile(r"\berror\b", re.IGNORECASE)


class NodeMissing(EmbeddedError):
    """There is no Node that can build the app; the message says what to install."""


class NodeFailed(EmbeddedError):
    """A program of Node failed; the message has the lines that say why."""


class Node(NamedTuple):
    """Node and npm, as they were found.

    Attributes:
        npm: The path of npm.
        version: The version of Node, as it says it.
    """

    npm: str
    version: str

    @classmethod
    async def find(cls) -> Node:
        """Find Node and npm.

        Raises:
            NodeMissing: One of them is not there, or Node is too old.
        """
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise NodeMissing("there is no `node` with `npm` on PATH; install Node 20.19 or newer")
        said = await _run("node --version", [node, "--version"], VERSION_SECONDS)
        version = said[-1].strip() if said else ""
        if not is_new_enough(version):
            raise NodeMissing(f"Node is {version or 'unknown'}; install 20.19 or newer")
        return cls(npm, version)

    async def install(self, frontend: Path) -> None:
        """Install the packages that the lock file names.

        Raises:
            NodeFailed: They could not be installed.
        """
        await _run("npm ci", [self.npm, "ci", "--prefix", str(frontend)], INSTALL_SECONDS)

    async def run(self, frontend: Path, script: str, *arguments: str, seconds: float) -> None:
        """Run a script of the package to its end.

        Raises:
            NodeFailed: It failed, or took longer than so many seconds.
        """
        command = [self.npm, "run", "--silent", script, "--prefix", str(frontend), "--", *arguments]
        await _run(f"npm run {script}", command, seconds)


def is_new_enough(version: str) -> bool:
    """Tell whether Vite runs on a version of Node, as ``v20.19.0``."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if found is None:
        return False
    number = (int(found[1]), int(found[2]))
    return (20, 19) <= number < (21, 0) or number >= (22, 12)


def is_installed(frontend: Path) -> bool:
    """Tell whether the packages that are installed are those of the lock file.

    npm leaves beside them a lock file of what it has installed, without those that are for other systems.
    """
    try:
        wanted, found = (
            _packages(frontend / each) for each in ("package-lock.json", "node_modules/.package-lock.json")
        )
    except (OSError, ValueError, KeyError):
        return False
    missing = (name for name, package in wanted.items() if name not in found and not package.get("optional"))
    others = (name for name, package in found.items() if package.get("version") != wanted.get(name, {}).get("version"))
    return next(missing, None) is None and next(others, None) is None


def _packages(file: Path) -> dict[str, dict[str, Any]]:
    """Return the packages of a lock file by their place, without the one that needs them."""
    packages = cast("dict[str, dict[str, Any]]", msgspec.json.decode(file.read_bytes())["packages"])
    return {name: package for name, package in packages.items() if name}


async def _run(name: str, argv: list[str], seconds: float) -> list[str]:
    """Run a program to its end; returns its last lines.

    Raises:
        NodeFailed: It failed, or took longer than so many seconds.
    """
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    process = await Process.start(argv, environ=_environ(os.environ), on_line=lines.append)
    code = await process.finish(seconds)
    if code != 0:
        raise NodeFailed("\n".join([f"{name} failed ({describe_exit(code)}):", *_cause(lines)]))
    return list(lines)


def _cause(lines: Iterable[str]) -> list[str]:
    """Return the lines that say why a program failed: those from its first error on, the last ones when none speaks of an error."""
    found = [line for line in lines if line.strip() and not _OF_STACK.match(line)]
    first = next((number for number, line in enumerate(found) if _ERROR.search(line)), len(found) - SHOWN_LINES)
    return found[max(first, 0) :][:SHOWN_LINES]


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ_of_servers(environ), "NO_COLOR": "1"}
