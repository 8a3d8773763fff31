"""A batch with a task for each of many files: the inputs differ in the file alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from headrace.contracts.batches import BatchSubmission
from headrace.contracts.file_fields import FileFields
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput, MalformedRequest

_encode = msgspec.json.Encoder().encode


def choose_field(body: BatchSubmission, fields: FileFields | None) -> str:
    """Return the field of the inputs that is for the files.

    Args:
        body: The batch.
        fields: Where the inputs of its kind have files; None when they have none.

    Raises:
        MalformedRequest: The kind takes no file in a field of its own, has several of them and none is named, or has another one.
    """
    names = sorted(fields.at_top) if fields is not None else []
    if not names:
        raise _malformed("/files", f"the kind {body.kind!r} takes no file in a field of its own")
    if body.file_field is None and len(names) > 1:
        raise _malformed("/file_field", f"{body.kind!r} has several fields for files; name one of {', '.join(names)}")
    field = body.file_field or names[0]
    if field not in names:
        raise _malformed(
            "/file_field", f"{body.kind!r} has no field {field[:80]!r} for a file; name {' or '.join(names)}"
        )
    if field in body.input:
        raise _malformed(f"/input/{field}", f"the field {field!r} is for the files, so the input has none of it")
    return field


def inputs_over(files: list[str], field: str, rest: dict[str, object]) -> Iterator[msgspec.Raw]:
    """Yield an input for each file, which has the id of the file in its field, and the rest.

    All at once they may take a hundred thousand times what the body has, so each is made when it is wanted.
    """
    return (msgspec.Raw(_encode({**rest, field: each})) for each in files)


@contextmanager
def errors_named(field: str) -> Generator[None]:
    """Name in the errors of the block what was sent: a file, or the rest of all inputs, in place of one of the inputs.

    Raises:
        InvalidInput: An input is wrong.
    """
    try:
        yield
    except InvalidInput as error:
        named = {(each := replace(found, path=_path(found.path, field))).path: each for found in error.errors}
        raise InvalidInput(error.message, list(named.values())) from None


def _path(path: str, field: str) -> str:
    _, first, index, *inner = path.split("/") if path.count("/") >= 2 else ("", "", "")
    if first != "inputs":
        return path.replace("/inputs", "/files", 1)
    return f"/files/{index}" if inner[:1] == [field] else "/".join(("/input", *inner))


def _malformed(path: str, message: str) -> MalformedRequest:
    return MalformedRequest(message, [FieldError(path=path, message=message)])
