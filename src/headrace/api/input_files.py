"""The files that inputs name: whether each belongs to whoever submits, is there as a whole, and is of a type that its field takes.

Kinds without such fields cost nothing, and need no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from headrace.api.state import ApiState
from headrace.contracts.file_fields import NamedFile, is_accepted
from headrace.contracts.files import FileState
from headrace.contracts.kept_output import has_role
from headrace.contracts.patterns import WORD_PATTERN
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput
from headrace.inputs import ERRORS_MAX
from headrace.store.file_table import FileRow
from headrace.store.files import find_files

FILES_MAX = 10_000  # that one input names; each is a parameter of a query, of which Postgres takes 32,767

_is_id = re.compile(WORD_PATTERN).match


class InputFiles(NamedTuple):
    """Finds the files of one owner.

    Attributes:
        api: Where they are found.
        owner: Whose they are.
    """

    api: ApiState
    owner: str

    async def find(self, named: Iterable[NamedFile]) -> Mapping[str, FileRow]:
        """Find all files that inputs name, with one query; what is not there, or belongs to somebody else, is left out.

        Raises:
            ReadModelUnavailable: Postgres cannot be reached.
        """
        ids = {each.file for each in named if _is_id(each.file)}
        if not ids:
            return {}
        async with self.api.read_model.session() as session:
            return await find_files(session, self.owner, ids)


async def check_files(api: ApiState, owner: str, kind: str, given: dict[str, Any]) -> Mapping[str, str]:
    """Check the files that an input names, and return their names by their ids.

    Args:
        api: Where they are found.
        owner: Whose they have to be.
        kind: The kind of the input.
        given: The input, which its kind takes.

    Raises:
        InvalidInput: A file cannot be used. The error names its place.
        LogUnavailable: Which kinds there are is not known yet.
        ReadModelUnavailable: The kind takes files, and Postgres cannot be reached.
        UnknownKind: No worker ever announced the kind.
    """
    fields = api.catalog.file_fields(kind)
    named = [] if fields is None else fields.find(given, "/input")
    if not named:
        return {}
    if errors := find_too_many(named, "/input"):
        raise InvalidInput(errors[0].message, errors)
    found = await InputFiles(api, owner).find(named)
    if errors := find_unusable(named, found):
        raise InvalidInput("; ".join(f"{each.path}: {each.message}" for each in errors[:3]), errors[:ERRORS_MAX])
    return names_of(found)


def find_too_many(named: list[NamedFile], path: str) -> list[FieldError]:
    """Return what is wrong with an input that names more files than are looked for."""
    if len(named) <= FILES_MAX:
        return []
    return [FieldError(path=path, message=f"an input names {FILES_MAX:,} files at most, this one {len(named):,}")]


def find_unusable(named: Iterable[NamedFile], found: Mapping[str, FileRow]) -> list[FieldError]:
    """Return what is wrong with each file that cannot be used."""
    reasons = ((each, _why_unusable(each, found.get(each.file))) for each in named)
    return [FieldError(path=each.path, message=reason) for each, reason in reasons if reason is not None]


def names_of(found: Mapping[str, FileRow]) -> Mapping[str, str]:
    """Return the names of files by their ids."""
    return {file: row.name for file, row in found.items()}


def _why_unusable(named: NamedFile, row: FileRow | None) -> str | None:
    if row is None or (row.task is not None and has_role(row.id, row.task)):
        return f"you have no file {named.file[:80]!r}; upload it first with POST /api/v1/files"
    match row.state:
        case FileState.READY:
            pass
        case FileState.REFUSED:
            return f"file {row.id!r} was refused when it was uploaded; upload another one"
        case _:
            return f"file {row.id!r} is not complete yet; complete it with PUT /api/v1/files/{row.id}/completion"
    if not is_accepted(row.media_type, named.accept):
        return f"file {row.id!r} is {row.media_type}; this field takes {', '.join(named.accept)}"
    return None
