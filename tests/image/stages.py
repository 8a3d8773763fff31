"""The Dockerfile, as the parser of BuildKit reads it, in stages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import dockerfile

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Instruction(NamedTuple):
    """One instruction: its name in capitals, its options, what follows, and the line on which it begins."""

    name: str
    options: dict[str, str]
    values: tuple[str, ...]
    line: int


class Stage(NamedTuple):
    """What stands between one FROM and the next one; `base` is an image or the name of another stage."""

    name: str
    base: str
    instructions: list[Instruction]

    def of(self, name: str) -> list[Instruction]:
        """Return its instructions of one name, in their order."""
        return [each for each in self.instructions if each.name == name]


def arguments(instructions: Iterable[Instruction]) -> dict[str, str]:
    """Return the defaults of build arguments."""
    pairs = (value.partition("=") for each in instructions if each.name == "ARG" for value in each.values)
    return {name: default.strip('"') for name, _, default in pairs}


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """Put values in the places of ``${NAME}``; those of unknown names are left as they are."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)


def read_stages(path: Path = DOCKERFILE) -> dict[str, Stage]:
    """Read the stages of a Dockerfile, by name; what comes before the first one is that of the empty name."""
    stages = {"": Stage("", "", [])}
    current = stages[""]
    commands = cast("list[Any]", dockerfile.parse_file(str(path)))
    for command in commands:
        if command.cmd.upper() == "FROM":
            base, _, name = command.value
            current = stages[name] = Stage(name, fill_in(base, arguments(stages[""].instructions)), [])
            continue
        options: dict[str, str] = dict(flag.removeprefix("--").partition("=")[::2] for flag in command.flags)
        current.instructions.append(Instruction(command.cmd.upper(), options, command.value, command.start_line))
    return stages
