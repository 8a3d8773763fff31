"""The inputs and results of tasks as screens show them."""

from __future__ import annotations

import msgspec

from headrace.contracts.screens.parts import PART_BYTES_MAX, LargePart, NoPart, ValuePart, WholePart


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
