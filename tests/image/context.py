"""What is sent to the build of the image: the files of the checkout that .dockerignore lets through."""

from __future__ import annotations

import shutil
from pathlib import Path

from docker.utils.build import exclude_paths

from tests.image.stages import ROOT

IGNORED = ROOT / ".dockerignore"


def files_sent(root: Path, rules: Path = IGNORED) -> set[str]:
    """Return the paths of the files below a directory that are sent, relative to it."""
    lines = [line.strip() for line in rules.read_text().splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    return {path for path in exclude_paths(str(root), patterns) if (root / path).is_file()}


def send(root: Path, to: Path) -> None:
    """Copy what is sent to an empty directory."""
    for path in files_sent(root):
        target = to / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, target)
