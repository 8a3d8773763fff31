"""`headrace submit --file`: files are uploaded, and their ids put into the input where its kind has a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.files import shown_progress
from headrace.cli.terminal.kinds import find_kind
from headrace.client import Client
from headrace.contracts.batch_results import RESULTS_FIELD
from headrace.contracts.file_fields import FileFields


class InputFile(NamedTuple):
    """A file on this machine, and the field of the input that it is for."""

    field: str
    path: Path


async def with_files(client: Client, kind: str, input: msgspec.Raw | None, files: Sequence[str]) -> msgspec.Raw:
    """Upload files, and return the input with their ids.

    Args:
        client: Uploads them.
        kind: The kind that the input is for.
        input: The input without them, a JSON object; None when there is nothing else in it.
        files: The path of each, or ``FIELD=PATH`` where the kind has several fields for files. A field that is a list takes several.

    Raises:
        CommandFailed: There is no such kind, field or file, or there is neither an input nor a file. Nothing was uploaded.
        ProblemError: The API refuses a file.
    """
    if input is None and not files:
        raise CommandFailed("say what the task is about, with --input or --file", EXIT_REFUSED)
    bare = msgspec.Raw(b"{}") if input is None else input
    if not files:
        return bare
    fields = await _fields_of(client, kind)
    given = msgspec.json.decode(bare, type=dict[str, Any])
    placed = [_placed(each, kind, fields) for each in files]
    named = [each.field for each in placed]
    single = [each for each in named if each not in fields.lists_at_top]
    if twice := next((each for each in named if single.count(each) > 1 or each in given), None):
        raise CommandFailed(f"the field {twice!r} is given twice: say it once, with --file or in --input", EXIT_REFUSED)
    ids = await upload_files(client, [each.path for each in placed])
    values: dict[str, Any] = dict(zip(named, ids, strict=True))
    values |= {
        name: [file for file, field in zip(ids, named, strict=True) if field == name]
        for name in set(named) - set(single)
    }
    return msgspec.Raw(msgspec.json.encode(given | values))


async def upload_files(client: Client, paths: Sequence[Path]) -> list[str]:
    """Upload files one after the other, and return the id of each.

    Raises:
        ProblemError: The API refuses a file.
    """
    ids: list[str] = []
    for path in paths:
        with shown_progress(path.name) as on_progress:
            ids.append((await client.files.upload(path, on_progress=on_progress)).id)
    return ids


async def _fields_of(client: Client, kind: str) -> FileFields:
    """Return where a kind has files.

    Raises:
        CommandFailed: There is no such kind, or it takes none.
    """
    fields = FileFields((await find_kind(client, kind)).input_schema)
    if not fields.at_top | fields.lists_at_top:
        raise CommandFailed(
            f"the kind {kind!r} takes no file in a field of its own; submit it without --file", EXIT_REFUSED
        )
    return fields


def _placed(given: str, kind: str, fields: FileFields) -> InputFile:
    """Return for which field a file is.

    Raises:
        CommandFailed: That is not clear, or there is no such file.
    """
    field, is_named, path = given.partition("=")
    every = fields.at_top | fields.lists_at_top
    if is_named and field in every:
        return InputFile(field, _existing(path))
    names = ", ".join(sorted(every))
    # The results of a batch are seldom a file of this machine: --results-of is for them.
    usual = fields.at_top - {RESULTS_FIELD} or fields.lists_at_top or fields.at_top
    if len(usual) > 1:
        raise CommandFailed(f"{kind!r} has several fields for files; say --file FIELD=PATH, of {names}", EXIT_REFUSED)
    why = f", and {kind!r} has no field {field!r} for files; it has {names}" if is_named else ""
    return InputFile(min(usual), _existing(given, why))


def _existing(path: str, why: str = "") -> Path:
    if not Path(path).is_file():
        raise CommandFailed(f"there is no file {path!r}{why}", EXIT_REFUSED)
    return Path(path)
