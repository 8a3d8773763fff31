"""What every screen is sent besides its parts: the time, the position, and which parts are not as they should be."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.tasks import Instant


class Stale(Struct, frozen=True, kw_only=True):
    """A part of a screen that could not be read in time. It is null, or as it was when it was last read."""

    part: Annotated[str, Meta(description="The name of the part, which is a field of the screen.")]
    since: Annotated[Instant | None, Meta(description="When the value that is sent was read; null when there is none.")]
    error_code: str
    message: Annotated[str, Meta(description="A sentence for people.")]


class Screen(Struct, frozen=True, kw_only=True):
    """What every screen is sent. ``at`` comes first: an answer is hashed from what stands behind it."""

    at: Annotated[Instant, Meta(description="The server's clock.")]
    position: Annotated[
        str | None,
        Meta(
            description="The log position that all parts from the read model reflect; null without such a part. "
            "Pass as `after=` to a stream to follow from here."
        ),
    ]
    stale: Annotated[list[Stale], Meta(description="The parts that could not be read; empty when all is well.")]


class Ref(Struct, frozen=True, kw_only=True):
    """Something that has an id, and what people know it by."""

    id: str
    name: str | None
