"""Inputs and results on screens: as they are, or how large they are."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

PART_BYTES_MAX = 64 << 10  # of JSON that is sent with a screen; more is read by itself


class WholePart(Struct, frozen=True, kw_only=True, tag_field="kind", tag="whole"):
    """A value, all of it."""

    value: Annotated[Any, Meta(description="Any JSON value.")]


class LargePart(Struct, frozen=True, kw_only=True, tag_field="kind", tag="large"):
    """A value that is too large for a screen."""

    bytes: Annotated[int, Meta(description="Its size as JSON. GET /api/v1/tasks/{task} has it.")]
    file: Annotated[str | None, Meta(description="The file that has it; null when it is in none.")] = None


class NoPart(Struct, frozen=True, kw_only=True, tag_field="kind", tag="none"):
    """There is no value, or not yet."""


ValuePart = WholePart | LargePart | NoPart
