"""The inputs and results of tasks as screens show them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headrace.contracts.large_values import find_value
from headrace.contracts.screens.parts import PART_BYTES_MAX, LargePart, NoPart, ValuePart, WholePart
from headrace.contracts.tasks import FileRole, StoredFile


def stored_part(encoded: bytes | None, files: Iterable[StoredFile], role: FileRole) -> ValuePart:
    """Return the input or the result of a task, wherever it is; see `value_part`."""
    found = find_value(files, role)
    return value_part(encoded) if found is None else LargePart(bytes=found.size, file=found.file)


def value_part(encoded: str | bytes | None) -> ValuePart:
    """Return a value that is stored as JSON, or how many bytes it has; None is no value.

    It is sent as it is stored: what was nested just deep enough to be accepted would be too deep to be read inside of a screen.
    """
    if encoded is None:
        return NoPart()
    found = encoded.encode() if isinstance(encoded, str) else encoded
    if len(found) > PART_BYTES_MAX:
        return LargePart(bytes=len(found))
    return WholePart(value=msgspec.Raw(found))
