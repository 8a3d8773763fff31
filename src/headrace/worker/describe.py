"""Describe the kinds of a package as a worker would announce them, without a worker and without servers."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.kinds import KindDescription
from headrace.sdk.kind import KindError
from headrace.sdk.load import load_kinds


class UnusablePackage(Exception):
    """A package whose kinds cannot be loaded. The message names the file and what to change."""


def describe_kinds(package: str, only: Iterable[str] = ()) -> list[KindDescription]:
    """Load a package and describe its kinds, or those in ``only``, ordered by name.

    Raises:
        UnusablePackage: The kinds cannot be loaded, or one of ``only`` does not exist.
    """
    try:
        return [kind.describe() for kind in load_kinds(package, only).values()]
    except KindError as error:
        raise UnusablePackage(str(error)) from error
