"""What belongs to an entry of the audit, in as many bytes as one entry may have.

What does not fit is left out by itself: its name stays, with its size and its hash, by which it can be compared with what is kept
elsewhere. So nobody hides a change behind a large one in the same request.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import cast

import msgspec

from headrace.contracts.audit import AUDIT_DATA_BYTES_MAX

NAME_BYTES = 8  # around a name: its quotes, a colon, a comma, and some escapes
NOTE_BYTES = 120  # of the note about what was left out


def encode_data(data: Mapping[str, object]) -> str:
    """Encode what belongs to an entry, and leave out no more than has to be."""
    return msgspec.json.encode(_fit(msgspec.to_builtins(data), AUDIT_DATA_BYTES_MAX)).decode()


def _fit(value: object, room: int) -> object:
    """Return a value that has at most so many bytes, or little more than a note about it."""
    encoded = msgspec.json.encode(value)
    if len(encoded) <= room:
        return value
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        if sum(len(name.encode()) + NAME_BYTES + NOTE_BYTES for name in members) <= room:
            return _fit_members(members, room)
    return {"left_out_bytes": len(encoded), "sha256": sha256(encoded).hexdigest()}


def _fit_members(members: dict[str, object], room: int) -> dict[str, object]:
    """Give the small members what they need, and the large ones what is left."""
    room -= sum(len(name.encode()) + NAME_BYTES for name in members)
    fitted: dict[str, object] = {}
    for place, name in enumerate(sorted(members, key=lambda name: len(msgspec.json.encode(members[name])))):
        fitted[name] = _fit(members[name], room // (len(members) - place))
        room -= len(msgspec.json.encode(fitted[name]))
    return {name: fitted[name] for name in members}
