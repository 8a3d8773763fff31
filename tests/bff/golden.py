"""The golden files: what each version of a screen is sent, once and for all. A field may be added, and none removed or retyped.

`python -m tests.generated` writes them. It adds what is new, and refuses to lose or to retype what a file has: that is a new version,
beside the old one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from tests.bff.examples import SCREENS

PLACE = Path(__file__).parent / "golden"


class FieldLost(Exception):
    """A golden file has something that its screen would not be sent any more."""


def file_of(screen: type[Struct]) -> Path:
    return PLACE / f"{screen.__name__}.json"


def golden(screen: type[Struct]) -> str:
    """Return what the file of a screen says from now on.

    Raises:
        FieldLost: The file says more.
    """
    made = msgspec.json.encode(SCREENS[screen])
    place = file_of(screen)
    if place.exists():
        lost = sorted(losses(msgspec.json.decode(place.read_bytes()), msgspec.json.decode(made)))
        if lost:
            raise FieldLost(
                f"{place.name} has {', '.join(lost[:5])}: a field of a screen is neither removed nor retyped; "
                f"make a new version of {screen.__name__} beside it"
            )
    return msgspec.json.format(made, indent=2).decode() + "\n"


def losses(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the places of what is not there any more, or is of another type. A value of null says nothing about a type."""
    if before is None or after is None:
        return
    if kind_of(before) != kind_of(after):
        yield f"{path}: {kind_of(before)}, now {kind_of(after)}"
    elif isinstance(before, dict):
        now = cast("dict[str, Any]", after)
        for name, value in cast("dict[str, Any]", before).items():
            if name not in now:
                yield f"{path}/{name}"
            else:
                yield from losses(value, now[name], f"{path}/{name}")
    elif isinstance(before, list) and after:
        now_all = cast("list[Any]", after)
        for place, value in enumerate(cast("list[Any]", before)):
            if all(any(losses(value, each)) for each in now_all):
                yield from losses(value, now_all[min(place, len(now_all) - 1)], f"{path}/{place}")


def kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
