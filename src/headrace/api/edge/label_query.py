"""Labels in a query: ``label=customer=42``, which may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar.params import Parameter

from headrace.contracts.labels import Labels
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain
from headrace.errors import MalformedRequest

GIVEN_CHARS_SHOWN = 80  # of a label that is refused

LabelsInQuery = Annotated[list[str] | None, Parameter(description="A label as `key=value`; may be repeated.")]


def labels_in_query(given: Sequence[str] | None) -> dict[str, str]:
    """Read the labels that a query has.

    Raises:
        MalformedRequest: One of them is no label, or there are two of one name, or there are too many.
    """
    found = dict[str, str]()
    for each in given or ():
        key, equals, value = each.partition("=")
        if not equals:
            raise _refusal(f"{each[:GIVEN_CHARS_SHOWN]!r} is no label; write it as customer=42")
        if key in found:
            raise _refusal(f"the label {key[:GIVEN_CHARS_SHOWN]!r} is given twice; say it once")
        found[key] = value
        _check({key: value}, f"{key[:GIVEN_CHARS_SHOWN]}: ")
    _check(found, "")
    return found


def _check(labels: dict[str, str], before: str) -> None:
    try:
        msgspec.convert(labels, Labels)
    except msgspec.ValidationError as error:
        raise _refusal(before + explain(str(error)).message) from error


def _refusal(message: str) -> MalformedRequest:
    return MalformedRequest(message, [FieldError(path="query label", message=message)])
