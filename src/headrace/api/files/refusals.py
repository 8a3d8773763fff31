"""Why a file was refused, as its row has it: whoever asks again is refused with the same error."""

from __future__ import annotations

from headrace.file_errors import FileRefused, WrongChecksum, WrongSize, WrongType

_BY_CODE = {each.code: each for each in (FileRefused, WrongSize, WrongChecksum, WrongType)}


def as_reason(refusal: FileRefused) -> str:
    """Return what a row keeps of a refusal."""
    return f"{refusal.code}: {refusal.message}"


def refused_before(reason: str) -> FileRefused:
    """Return the error of a refusal that a row has kept."""
    code, _, message = reason.partition(": ")
    return _BY_CODE.get(code, FileRefused)(message)
