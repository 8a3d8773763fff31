"""Versions of Headrace that run side by side: the one of the checkout, and older ones from its history."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 120.0
SHIPPED = ("src", "migrations")  # what runs in production; a commit that touches neither is the same version

_USERS = """
import json, sys
from headrace.log.permissions import USERS, users_config
json.dump(users_config(dict.fromkeys(USERS, sys.argv[1])), sys.stdout)
"""


class NoHistory(Exception):
    """The checkout does not know the version before, as a shallow clone or an archive does not."""


class Version(Struct, frozen=True):
    """A version whose processes can be started.

    Attributes:
        name: The commit, short, or ``checkout``.
        python: The interpreter with its dependencies.
        source: The directory that has the package.
    """

    name: str
    python: str
    source: Path

    @property
    def environ(self) -> dict[str, str]:
        """What has an interpreter import this version, and the kinds of the tests as the checkout has them."""
        return {"PYTHONPATH": os.pathsep.join((str(self.source), str(ROOT)))}

    async def run(self, *arguments: str, environ: Mapping[str, str]) -> str:
        """Run a command of `headrace` and return what it logged; it must succeed."""
        return await self._run("-m", "headrace", *arguments, environ=environ)

    async def users(self, password: str) -> list[dict[str, Any]]:
        """Return the users of NATS that this version needs, as nats-server's configuration has them."""
        return json.loads(await self._run("-c", _USERS, password, environ={}))

    async def _run(self, *arguments: str, environ: Mapping[str, str]) -> str:
        process = await asyncio.create_subprocess_exec(
            *(self.python, *arguments),
            env={**os.environ, **environ, **self.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(COMMAND_SECONDS):
            out, said = await process.communicate()
        assert process.returncode == 0, f"{self.name}: {arguments} ended with {process.returncode}: {said.decode()}"
        return out.decode() or said.decode()


CHECKOUT = Version(name="checkout", python=sys.executable, source=ROOT / "src")


def previous_commit(repository: Path = ROOT) -> str:
    """Return the newest release before the checkout, or while there is none the commit before the last one that ships anything.

    Raises:
        NoHistory: The checkout has no such commit.
    """
    released = _git(repository, "tag", "--merged", "HEAD~", "--list", "v*", "--sort=-version:refname").split()
    if released:
        return _git(repository, "rev-parse", f"{released[0]}^{{commit}}").strip()
    newest = _git(repository, "log", "-1", "--format=%H", "--", *SHIPPED).strip()
    return _git(repository, "rev-parse", "--verify", f"{newest}~").strip()


def extract(commit: str, place: Path, repository: Path = ROOT) -> Version:
    """Put a version of the history into a directory, with an environment of its own where its dependencies are others.

    Raises:
        NoHistory: There is no such commit.
    """
    name = _git(repository, "rev-parse", "--short", "--verify", f"{commit}^{{commit}}").strip()
    archive = _git_bytes(repository, "archive", name, *SHIPPED, "pyproject.toml", "uv.lock", "README.md", "LICENSE")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(place, filter="data")
    place.chmod(0o755)
    _note_version(place)
    python = sys.executable if _dependencies(place) == _dependencies(ROOT) else _environment(place)
    return Version(name=name, python=python, source=place / "src")


def _note_version(project: Path) -> None:
    """Have the package say its own version, as if it were installed."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    notes = project / f"src/{declared['name']}-{declared['version']}.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {declared['name']}\nVersion: {declared['version']}\n"
    )


def _dependencies(project: Path) -> str:
    """What runs beside Headrace in production, with versions."""
    command = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-hashes", "--no-annotate")
    return _uv(project, *command)


def _environment(project: Path) -> str:
    _uv(project, "sync", "--frozen", "--no-dev", "--no-install-project")
    return str(project / ".venv/bin/python")


def _uv(project: Path, *arguments: str) -> str:
    unset = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    done = subprocess.run(
        ("uv", *arguments, "--quiet", "--project", str(project)), capture_output=True, text=True, env=unset, cwd=project
    )
    assert done.returncode == 0, f"uv {' '.join(arguments)} in {project}: {done.stderr}"
    return done.stdout


def _git(repository: Path, *arguments: str) -> str:
    return _git_bytes(repository, *arguments).decode()


def _git_bytes(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(("git", "-C", str(repository), *arguments), capture_output=True)
    except FileNotFoundError:
        raise NoHistory("there is no git") from None
    if done.returncode:
        raise NoHistory(f"git {' '.join(arguments)}: {done.stderr.decode().strip()}")
    return done.stdout
