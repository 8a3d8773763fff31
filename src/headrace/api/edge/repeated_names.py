"""Objects of JSON that have a name twice: of its two values, nobody can say which one is meant.

Whoever reads a body in front of the API may take the first of two, and the API the last one (RFC 8259, section 4). I-JSON has no
such objects (RFC 7493, section 2.3).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec
from msgspec import Raw, Struct

from headrace.contracts.problems import FieldError
from headrace.errors import MalformedRequest

NAME_CHARS_SHOWN = 80  # in a message


class _Repeated(Exception):
    """An object has a name twice."""


class _Object(list[tuple[str, Any]]):
    """An object as it is written, with all of its names."""


class _Labelled(Struct):
    """What has labels."""

    labels: Raw = Raw(b"{}")


_decode_labelled: Final = msgspec.json.Decoder(_Labelled).decode


def check_names(text: str) -> None:
    """Check that no object of some JSON has a name twice.

    Raises:
        MalformedRequest: One has. The error says where.
        RecursionError: The JSON is nested too deep.
    """
    try:
        _names.decode(text)
    except _Repeated:
        raise _refusal(_find_repeated(_objects.decode(text))) from None


def check_label_names(body: bytes) -> None:
    """Check that the labels of something that was decoded have no name twice. Whatever else it has is skipped.

    Raises:
        MalformedRequest: They have. The error says where.
    """
    if (name := find_repeated_label(body)) is not None:
        raise _refusal(["labels", name])


def find_repeated_label(given: bytes | Raw) -> str | None:
    """Return the name that the labels of something that was decoded have twice, be it a body or an entry of a batch."""
    labels = bytes(_decode_labelled(given).labels).decode()
    return _repeated_name(_objects.decode(labels))


def explain_repeated(name: str) -> str:
    """Say that a name is there twice."""
    return f"an object has the name {name[:NAME_CHARS_SHOWN]!r} more than once; say it once"


def _refusal(path: list[str]) -> MalformedRequest:
    message = explain_repeated(path[-1])
    steps = (each[:NAME_CHARS_SHOWN].replace("~", "~0").replace("/", "~1") for each in path)
    return MalformedRequest(message, [FieldError(path="".join(f"/{each}" for each in steps), message=message)])


def _find_repeated(value: object) -> list[str]:
    """Return where in some JSON a name is for the second time: the names and numbers on the way to it, and the name itself."""
    left: list[tuple[list[str], object]] = [([], value)]
    while left:
        path, value = left.pop()
        if isinstance(value, _Object):
            if (name := _repeated_name(value)) is not None:
                return [*path, name]
            left += [([*path, name], inside) for name, inside in value]
        elif isinstance(value, list):
            left += [([*path, str(at)], inside) for at, inside in enumerate(cast("list[object]", value))]
    raise AssertionError("no name is there twice")


def _repeated_name(pairs: Iterable[tuple[str, object]]) -> str | None:
    seen = set[str]()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def _check_pairs(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1 and _repeated_name(pairs) is not None:
        raise _Repeated


def _skip(_: str) -> None:
    """Read no number: a long one takes long, and its value does not count here."""


# Made once: it takes longer to make than to read a small body.
_names = json.JSONDecoder(object_pairs_hook=_check_pairs, parse_int=_skip, parse_float=_skip)
_objects = json.JSONDecoder(object_pairs_hook=_Object, parse_int=_skip, parse_float=_skip)
