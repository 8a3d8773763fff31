"""compose.yaml with its variables filled in, as Compose reads it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from tests.image.stages import ROOT

COMPOSE = ROOT / "compose.yaml"
DOCUMENT = ROOT / "docs/compose.md"

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\}|\$\$")


class VariableMissing(Exception):
    """A variable that has to be given is not; the message is that of the file."""


def read_compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """Read the file with the values of variables in their places.

    Raises:
        VariableMissing: One that has to be given is not.
    """

    def fill(found: re.Match[str]) -> str:
        if found["name"] is None:
            return "$"
        if value := variables.get(found["name"]):
            return value
        if found["how"] == "-":
            return found["rest"]
        raise VariableMissing(f"{found['name']}: {found['rest']}")

    return _filled_in(yaml.safe_load(COMPOSE.read_text()), fill)


def make_variables(place: Path) -> dict[str, str]:
    """Make .env in a directory with the command of the documentation, and return what is in it."""
    (command,) = re.findall(r"^    (\(umask .*)$", DOCUMENT.read_text(), re.MULTILINE)
    subprocess.run(["sh", "-c", command], check=True, cwd=place)
    lines = (place / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def _filled_in(found: Any, fill: Callable[[re.Match[str]], str]) -> Any:
    match found:
        case dict():
            return {key: _filled_in(value, fill) for key, value in cast("dict[str, Any]", found).items()}
        case list():
            return [_filled_in(value, fill) for value in cast("list[Any]", found)]
        case str():
            return _VARIABLE.sub(fill, found)
        case _:
            return found
