"""Runs the steps of the Dockerfile in a directory, without an engine.

Each stage sees its files at the same paths, as it does in an image: what it has made is put aside when it is over. What stands in for
an image that is built from is the Python of the tests, with Node, npm and uv of this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.image.context import send
from tests.image.stages import ROOT, Instruction, Stage, arguments, fill_in, read_stages

STEP_SECONDS = 900.0  # npm installs 400 packages
UV_IMAGE = "uv"  # the stage with nothing of its own

# Paths of the image; those of its Debian are this machine's.
_PATH = re.compile(r"(?<![\w./-])/(?=(?:app|src)\b)")
_INSTALLS = re.compile(
    r"^apt-get update && apt-get install [^&|;]*?(?P<names>[^&|;]*) && rm -rf /var/lib/apt/lists/\*$"
)
_OF_TESTS = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


class NotInstalled(Exception):
    """A program that the build installs with apt is not on this machine."""


class Build:
    """The stages of the Dockerfile, built below a directory.

    Args:
        place: An empty directory, with nothing but simple characters in its path.
        python: The interpreter of the images.
    """

    def __init__(self, place: Path, python: Path) -> None:
        self.context = place / "context"
        self.root = place / "root"
        self._aside = place / "stages"
        self._python = python
        self._stages = read_stages()
        # What a stage that is built from another one has of it, besides files.
        self._environments: dict[str, dict[str, str]] = {}
        self._directories: dict[str, Path] = {}
        self.context.mkdir()
        self.root.mkdir()
        send(ROOT, self.context)

    def make(self, target: str) -> Path:
        """Run what a stage needs that has not run yet; returns the directory in which its files are now."""
        if target not in self._environments:
            stage = self._stages[target]
            for needed in _needed(stage):
                if needed in self._stages and needed != UV_IMAGE:
                    self.make(needed)
            self._run_stage(stage)
        return self._aside / target

    def bring_back(self, target: str) -> None:
        """Put the files of a stage below `root`, where they were made and where their programs run."""
        made = self.make(target)
        shutil.rmtree(self.root)
        made.rename(self.root)

    def environment(self, target: str) -> dict[str, str]:
        """Return the variables that a container of a stage has."""
        return dict(self._environments[target])

    def _run_stage(self, stage: Stage) -> None:
        shutil.rmtree(self.root)
        if stage.base in self._stages:
            shutil.copytree(self._aside / stage.base, self.root, symlinks=True)
        else:
            self.root.mkdir()
        environment = self._environments.get(stage.base, {"PATH": os.environ["PATH"]})
        directory = self._directories.get(stage.base, self.root)
        for each in stage.instructions:
            match each.name:
                case "ENV":
                    for name, value in zip(each.values[::2], each.values[1::2], strict=True):
                        environment = environment | {name: self._here(fill_in(value, environment))}
                case "ARG":
                    given = arguments(self._stages[""].instructions) | environment
                    environment = environment | {
                        name: default or given[name] for name, default in arguments([each]).items()
                    }
                case "WORKDIR":
                    directory = self.root / each.values[0].lstrip("/")
                    directory.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(each, directory)
                case "RUN":
                    self._run(each, directory, environment)
                case _:
                    pass
        self._environments[stage.name], self._directories[stage.name] = environment, directory
        self._aside.mkdir(exist_ok=True)
        self.root.rename(self._aside / stage.name)
        self.root.mkdir()

    def _copy(self, step: Instruction, directory: Path) -> None:
        """Copy files. A directory is copied as what is in it."""
        *sources, target = step.values
        if (taken_from := step.options.get("from")) == UV_IMAGE:
            return
        origin = self.context if taken_from is None else self._aside / taken_from
        to = self.root / target.lstrip("/") if target.startswith("/") else directory / target
        for source in (origin / each.lstrip("/") for each in sources):
            if source.is_dir():
                shutil.copytree(source, to, symlinks=True, dirs_exist_ok=True)
            else:
                to.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, to)

    def _run(self, step: Instruction, directory: Path, environment: Mapping[str, str]) -> None:
        (command,) = step.values
        if installs := _INSTALLS.match(command):
            _check_installed(installs["names"].split())
            return
        inherited = {name: value for name, value in os.environ.items() if name not in _OF_TESTS}
        of_python = {"UV_PYTHON": str(self._python), "PATH": f"{self._python.parent}:{environment['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", self._here(command)],
            cwd=directory,
            env={**inherited, **environment, **of_python},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=STEP_SECONDS,
            check=False,
            text=True,
        )
        assert done.returncode == 0, f"line {step.line} of the Dockerfile: {done.stdout[-4000:]}"

    def _here(self, text: str) -> str:
        return _PATH.sub(f"{self.root}/", text)


def _needed(stage: Stage) -> Iterator[str]:
    yield stage.base
    for step in stage.of("COPY"):
        if "from" in step.options:
            yield step.options["from"]


def _check_installed(packages: list[str]) -> None:
    """Make sure that the programs which the build installs are here; each package is asked for by one of them."""
    programs = {"binutils": "strip"}
    for package in packages:
        if not package.startswith("-") and shutil.which(programs[package]) is None:
            raise NotInstalled(package)
