"""`headrace submit --file`: files are uploaded, and their ids put into the input where its kind has a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.files import shown_progress
from headrace.client import Client
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
        files: The path of each, or ``FIELD=PATH`` where the kind has several fields for files.

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
    if twice := next((each for each in named if named.count(each) > 1 or each in given), None):
        raise CommandFailed(f"the field {twice!r} is given twice: a field has one file", EXIT_REFUSED)
    ids: dict[str, Any] = {}
    for each in placed:
        with shown_progress(each.path.name) as on_progress:
            ids[each.field] = (await client.files.upload(each.path, on_progress=on_progress)).id
    return msgspec.Raw(msgspec.json.encode(given | ids))


async def _fields_of(client: Client, kind: str) -> frozenset[str]:
    """Return the fields of a kind that are files.

    Raises:
        CommandFailed: There is no such kind, or it takes none.
    """
    entry = next((each for each in await client.kinds() if each.name == kind), None)
    if entry is None:
        raise CommandFailed(f"there is no kind {kind!r}; `headrace kinds` lists them", EXIT_REFUSED)
    fields = FileFields(entry.input_schema).at_top
    if not fields:
        raise CommandFailed(
            f"the kind {kind!r} takes no file in a field of its own; submit it without --file", EXIT_REFUSED
        )
    return fields


def _placed(given: str, kind: str, fields: frozenset[str]) -> InputFile:
    """Return for which field a file is.

    Raises:
        CommandFailed: That is not clear, or there is no such file.
    """
    field, is_named, path = given.partition("=")
    if not is_named or field not in fields:
        if len(fields) > 1:
            names = ", ".join(sorted(fields))
            raise CommandFailed(
                f"{kind!r} has several fields for files; say --file FIELD=PATH, of {names}", EXIT_REFUSED
            )
        (field,), path = fields, given
    if not Path(path).is_file():
        raise CommandFailed(f"there is no file {path!r}", EXIT_REFUSED)
    return InputFile(field, Path(path))
