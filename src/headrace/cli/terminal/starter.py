"""`headrace init`: the files of a first kind, in a folder that has none."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import note, show

# What is written where, and from which template of `headrace.starter`.
TEMPLATES = {
    "pyproject.toml": "pyproject.in",
    "consumers/__init__.py": "init.in",
    "consumers/word_count.py": "word_count.in",
    "tests/test_word_count.py": "test_word_count.in",
    "justfile": "justfile.in",
    "compose.yaml": "compose.in",
}
NEXT = """
next:
  uv run headrace up
and in another terminal:
  uv run headrace submit word_count --input '{"text": "one two"}' --follow
  uv run pytest"""


async def write_starter(folder: Path) -> None:
    """Write the files that are missing, and say which and what to do next. A file that is there stays as it is.

    Raises:
        CommandFailed: A file cannot be written.
    """
    had_project = (folder / "pyproject.toml").exists()
    for name, template in TEMPLATES.items():
        text = files("headrace.starter").joinpath(template).read_text(encoding="utf-8")
        show(f"{'wrote' if _write_new(folder / name, _filled(text, template, folder)) else 'kept '} {name}")
    if had_project:
        note(
            "pyproject.toml was there: `uv add headrace` and `uv add --dev pytest` make it need what these files import"
        )
    show(NEXT)


def _filled(text: str, template: str, folder: Path) -> str:
    if template != "pyproject.in":
        return text
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    # A project may not be called as what it needs.
    name = "my-tasks" if name in ("", "headrace") else name
    return text.replace("{name}", name).replace("{version}", version("headrace"))


def _write_new(path: Path, text: str) -> bool:
    """Write a file; tells whether it was not there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        if path.parent.is_dir():
            return False
        raise CommandFailed(f"{path.parent} is a file; move it, or name another folder", EXIT_REFUSED) from None
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}", EXIT_REFUSED) from error
    return True
