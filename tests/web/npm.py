"""What npm has to say about the web app and the client: `python -m tests.web.npm check | test | web [--mock]`.

Packages are installed first where the lock file has changed. Without Node, a line says so; in CI that is a failure.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from headrace import web_place
from headrace.cli.terminal.discovery import find_api
from headrace.embedded.errors import EmbeddedError
from headrace.embedded.node import Node, NodeMissing, is_installed
from headrace.settings import Settings

GENERATED = ("src/api/core", "src/api/member", "src/api/admin", "client/src/api")


def main(what: str, *arguments: str) -> int:
    """Do one of these; returns the exit code."""
    frontend = web_place.sources()
    assert frontend is not None
    try:
        asyncio.run(_install(frontend))
    except NodeMissing as error:
        is_needed = os.environ.get("CI") == "true" or what == "web"
        print(f"the web app is {'needed here' if is_needed else 'left out'}: {error}", file=sys.stderr)
        return 1 if is_needed else 0
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    return {"check": _check, "test": _test, "web": _serve}[what](frontend, *arguments)


async def _install(frontend: Path) -> None:
    """Install the packages of the lock file unless they are there.

    Raises:
        EmbeddedError: Node is missing, or the packages cannot be had.
    """
    node = await Node.find()
    if not is_installed(frontend):
        print("npm ci", file=sys.stderr)
        await node.install(frontend)


def _check(frontend: Path) -> int:
    """Format, lint, types, the engines of all packages, and the generated client."""
    return _run(frontend, "check") or _check_client(frontend)


def _check_client(frontend: Path) -> int:
    """Write the client anew, and say when it was another one."""
    before = _hash(frontend)
    if code := _run(frontend, "client", quiet=True):
        return code
    if _hash(frontend) == before:
        return 0
    print(
        "src/api and client/src/api are generated: they were not up to date, and are now; commit them", file=sys.stderr
    )
    return 1


def _hash(frontend: Path) -> str:
    files = (file for made in GENERATED for file in sorted((frontend / made).rglob("*.ts")))
    return hashlib.sha256(b"".join(str(file).encode() + file.read_bytes() for file in files)).hexdigest()


def _test(frontend: Path, *arguments: str) -> int:
    """Run the tests of the app's own parts."""
    return _run(frontend, "test", *arguments)


def _serve(frontend: Path, *arguments: str) -> int:
    """Serve the app from its sources: before the API that runs, or on golden examples."""
    if "--mock" in arguments:
        return _run(frontend, "mock", *(each for each in arguments if each != "--mock"))
    os.environ["HEADRACE_URL"] = find_api(os.environ.get("HEADRACE_URL"), Settings.read(os.environ))
    print(f"the API is {os.environ['HEADRACE_URL']}", file=sys.stderr)
    return _run(frontend, "dev", *arguments)


def _run(frontend: Path, script: str, *arguments: str, quiet: bool = False) -> int:
    """Run a script of the package; returns its exit code. What it says is shown, or, when quiet, only if it fails."""
    command = ["npm", "run", "--silent", script, "--", *arguments]
    try:
        done = subprocess.run(command, cwd=frontend, check=False, capture_output=quiet, text=True)
    except KeyboardInterrupt:
        return 0
    if quiet and done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
