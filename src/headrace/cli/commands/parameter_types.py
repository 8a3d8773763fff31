"""Types of arguments and options: each refuses a wrong value, and says why, before the command does anything."""

from __future__ import annotations

import errno
import math
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from headrace.contracts.bulk import BULK_PER_SECOND_MAX
from headrace.contracts.filters import OWNER_PATTERN
from headrace.contracts.labels import Labels
from headrace.contracts.refused_values import explain
from headrace.contracts.tasks import KIND_PATTERN

INPUT_BYTES_MAX = 16 << 20  # more than the API takes; an endless file does not fill the memory

_NO_STDIN = "it is closed"
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class KindType(click.ParamType[str]):
    """The name of a kind."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Convert a value; see `click.ParamType.convert`."""
        if not re.fullmatch(KIND_PATTERN, value):
            self.fail(f"{value!r} is not the name of a kind: lower case letters, digits and _", param, ctx)
        return value


class IdType(click.ParamType[str]):
    """The id of a task, a batch or a schedule; of a task, the end of its id may do."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Convert a value; see `click.ParamType.convert`."""
        # The value becomes part of a subject, so characters with a meaning there (. * >) are refused.
        if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
            self.fail(f"{value!r} is not an id", param, ctx)
        return value


class OwnerType(click.ParamType[str]):
    """Whose tasks: the id of an owner, or ``*`` for all."""

    name = "owner"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Convert a value; see `click.ParamType.convert`."""
        if not re.fullmatch(OWNER_PATTERN, value):
            self.fail(f"{value!r} is not the id of an owner; '*' is all of them", param, ctx)
        return value


class LabelType(click.ParamType[tuple[str, str]]):
    """A label: ``customer=42``."""

    name = "label"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Convert a value; see `click.ParamType.convert`."""
        key, equals, label = value.partition("=")
        if not equals:
            self.fail(f"{value!r} is not a label like customer=42", param, ctx)
        try:
            msgspec.convert({key: label}, Labels)
        except msgspec.ValidationError as error:
            self.fail(f"{value!r} is not a label: {explain(str(error)).message}", param, ctx)
        return key, label


class DurationType(click.ParamType[timedelta]):
    """A time span: ``500ms``, ``30s``, ``10m``, ``2h``, ``1d``; ``0s`` only with ``may_be_zero``."""

    name = "duration"

    def __init__(self, *, may_be_zero: bool = True) -> None:
        self._may_be_zero = may_be_zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Convert a value; see `click.ParamType.convert`."""
        match = re.fullmatch(r"(\d{1,6})(ms|[smhd])", value, re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a duration like 500ms, 30s, 10m, 2h or 1d", param, ctx)
        duration = timedelta(**{_UNITS[match[2]]: int(match[1])})
        if not duration and not self._may_be_zero:
            self.fail(f"{value!r} is no time at all; say at least 1s", param, ctx)
        return duration


class InstantType(click.ParamType[datetime]):
    """A time with its time zone, as RFC 3339 writes it: ``2026-03-01T09:30:00+01:00``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Convert a value; see `click.ParamType.convert`."""
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail(f"{value!r} is not a time like 2026-03-01T09:30:00Z or 2026-03-01T09:30:00+01:00", param, ctx)
        return instant


class PastType(click.ParamType[datetime]):
    """A time in the past: as RFC 3339 writes it, or as a time span before now."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Convert a value; see `click.ParamType.convert`."""
        if not re.fullmatch(r"\d+[a-z]", value, re.ASCII):
            return self._read_instant(value, param, ctx)
        try:
            return datetime.now(UTC) - DURATION.convert(value, param, ctx)
        except OverflowError:
            self.fail(f"{value!r} ago there were no tasks", param, ctx)

    def _read_instant(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return INSTANT.convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message}; 2h is two hours ago, and there are s, m, h and d", param, ctx)


class RateType(click.FloatRange):
    """How many a second: more than 0, and at most ``most``."""

    def __init__(self, most: float) -> None:
        super().__init__(0, most, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert a value; see `click.ParamType.convert`."""
        rate = float(super().convert(value, param, ctx))
        # NaN is below no limit and above none.
        if math.isnan(rate):
            self.fail(f"{value!r} is not in the range 0<x<={self.max}.", param, ctx)
        return rate


class PercentageType(click.ParamType[float]):
    """A share in percent: ``80%``, ``99.5%``."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert a value; see `click.ParamType.convert`."""
        match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)%", value, re.ASCII)
        if match is None or not 0 < float(match[1]) <= 100:
            self.fail(f"{value!r} is not a share like 80%, more than 0% and at most 100%", param, ctx)
        return float(match[1])


class InputType(click.ParamType[msgspec.Raw]):
    """A JSON object: the JSON itself, or ``@FILE``, or ``-`` for standard input."""

    name = "input"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> msgspec.Raw:
        """Convert a value; see `click.ParamType.convert`."""
        try:
            written = _read(value)
            # Parts of the object that stay as they are written are not looked at by the decoder.
            written.decode("utf-8")
            msgspec.json.decode(written, type=dict[str, msgspec.Raw])
        except OSError as error:
            self.fail(_unreadable(value, error), param, ctx)
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            self.fail(f"this is not UTF-8: byte {error.start} is 0x{byte:02x}; write the JSON in UTF-8", param, ctx)
        except msgspec.MsgspecError as error:
            self.fail(f"this is not a JSON object: {error}{_file_hint(value)}", param, ctx)
        except RecursionError:
            self.fail("this is nested too deeply to be an input", param, ctx)
        if len(written) > INPUT_BYTES_MAX:
            self.fail(f"this is longer than any input may be: {INPUT_BYTES_MAX:,} bytes at most", param, ctx)
        return msgspec.Raw(written)


class LinesType(click.ParamType[BinaryIO]):
    """NDJSON, one JSON object on each line: ``@FILE``, or ``-`` for standard input."""

    name = "lines"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> BinaryIO:
        """Convert a value; see `click.ParamType.convert`."""
        if value == "-" and sys.stdin is not None:
            return sys.stdin.buffer
        if value == "-":
            self.fail(f"standard input cannot be read: {_NO_STDIN}", param, ctx)
        if not value.startswith("@"):
            self.fail("say @FILE, or - for standard input: one JSON object a line", param, ctx)
        try:
            return Path(value[1:]).open("rb")
        except OSError as error:
            self.fail(_unreadable(value, error), param, ctx)


class PlaceType(click.ParamType[Path]):
    """Where a file is written: a path, or with ``/`` at its end a directory, which has to be there."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Convert a value; see `click.ParamType.convert`."""
        if value.endswith(os.sep) and not Path(value).is_dir():
            self.fail(f"there is no directory {value!r}: make it first", param, ctx)
        return Path(value)


def _read(value: str) -> bytes:
    """Read an input, and one byte more than the longest one has: a file may have no end."""
    if value == "-":
        if sys.stdin is None:
            raise OSError(errno.EBADF, _NO_STDIN)
        return sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    if value.startswith("@"):
        with Path(value[1:]).open("rb") as file:
            return file.read(INPUT_BYTES_MAX + 1)
    # The bytes as they were given, also those that are not in the encoding of the terminal.
    return os.fsencode(value)


def _file_hint(value: str) -> str:
    """Say how a file is given to who named one without ``@``; empty when the value is none."""
    is_file = os.path.isfile(os.fsencode(value))  # noqa: PTH113 - `Path.is_file` raises for a name that is too long
    return f"; a file is given as @{value}" if is_file else ""


def _unreadable(value: str, error: OSError) -> str:
    name = "standard input" if value == "-" else value[1:]
    return f"{name} cannot be read: {error.strerror}"


KIND = KindType()
ID = IdType()
OWNER = OwnerType()
LABEL = LabelType()
DURATION = DurationType()
SPAN = DurationType(may_be_zero=False)
INSTANT = InstantType()
PAST = PastType()
INPUT = InputType()
LINES = LinesType()
PLACE = PlaceType()
RATE = RateType(BULK_PER_SECOND_MAX)
PERCENTAGE = PercentageType()
