"""What a worker keeps of the lines and the chunks that a handler wrote: the newest, as files of the task, for when the log has let go of them.

They are files like others in storage, so that they are counted, and deleted with their task. They are no results, so no list of
files has them; `headrace.contracts.tasks.FileRole` marks them in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from headrace.contracts.tasks import FileRole, Instant

KEPT_BYTES_MAX: Final = 256 << 10  # of the newest lines, and of the newest chunks: a page of a browser shows no more
KEPT_FILE_BYTES_MAX: Final = 4 * KEPT_BYTES_MAX  # of such a file: one event may have as much again, and JSON around it
KEPT_MEDIA_TYPE: Final = "application/x-ndjson"
KEPT_NAMES: Final = {FileRole.LOG: "log.jsonl", FileRole.OUTPUT: "output.jsonl"}
KEPT_ROLES: Final = tuple(KEPT_NAMES)

Number = Annotated[
    int, Meta(ge=1, description="Counts from 1 in a run; what is kept begins later when earlier ones had no room.")
]


class KeptLine(Struct, frozen=True, kw_only=True):
    """A line that a handler wrote: one line of `log.jsonl`."""

    number: Number
    at: Instant
    attempt: int
    level: Literal["debug", "info", "warning", "error"]
    message: str
    position: str


class KeptChunks(Struct, frozen=True, kw_only=True):
    """Chunks that a handler streamed, of one event: one line of `output.jsonl`."""

    number: Number
    at: Instant
    attempt: int
    chunks: list[Any]
    position: str


Kept = TypeVar("Kept", KeptLine, KeptChunks)


def kept_id(task: str, role: FileRole) -> str:
    """Return the id of the file in which the lines or the chunks of a task are kept."""
    return f"{task}-{role}"


def has_role(file: str, task: str) -> bool:
    """Tell whether a file of a task has a role, by its id: such ids begin with that of the task, and all others are UUIDs."""
    return file.startswith(f"{task}-")


def decode_kept(decoder: msgspec.json.Decoder[Kept], whole: bytes) -> Iterator[Kept]:
    """Read a file of lines or chunks; what cannot be read is left out."""
    for line in whole.splitlines():
        try:
            yield decoder.decode(line)
        except msgspec.MsgspecError:
            continue
