"""The pages of docs/, in the order of the list in docs/README.md, and what tests execute of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIST = (DOCS / "README.md").read_text()
PROGRAMS = ("curl", "docker", "echo", "export", "headrace", "helm", "just", "kubectl", "seq", "uv", "uvx")

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:#|//|<!--) (\S+\.\w+)(?: -->)?\n")


class Program(NamedTuple):
    """A block of code: its language, the file that its first line names, and its text."""

    language: str
    file: str
    code: str


def listed(section: str) -> list[str]:
    """Return the pages that a section of the list names, in its order."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", LIST, re.MULTILINE | re.DOTALL)
    return re.findall(r"^(?:\d+\.|-) \[[^\]]+\]\(([\w.-]+)\)", text, re.MULTILINE)


def read(page: str) -> str:
    """Return the text of a page."""
    return (DOCS / page).read_text()


def programs(page: str, language: str) -> list[Program]:
    """Return the blocks of code of a page in a language, in their order."""
    found: list[Program] = []
    for written, code in _FENCED.findall(read(page)):
        if written == language:
            named = _NAMED.match(code)
            found.append(Program(language, named[1] if named else "", code))
    return found


def commands(page: str) -> list[str]:
    """Return the commands of a page, in their order, without their comments."""
    unfenced = _FENCED.sub("", read(page))
    lines = re.sub(r"\\\n\s+", "", unfenced).splitlines()
    shell = [line.strip() for line in lines if re.match(rf" {{4,}}(\w+=\$\(.*|({'|'.join(PROGRAMS)}) )", line)]
    return [re.sub(r"\s{2,}# .*", "", line).strip() for line in shell]
