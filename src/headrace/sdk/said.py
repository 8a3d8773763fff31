"""What a handler says and returns, checked before it is sent on. Part of the SDK.

Whatever is wrong is raised in the handler, in the worker as in a test, so that nothing enters the log that its readers cannot
read.
"""

from __future__ import annotations

from typing import SupportsFloat, cast, get_args

import msgspec

from headrace.sdk.context import LogLevel

NESTING_SPARE = 500  # levels, of Python's 1,000, that are left to those who read a value deep in their own stack
LEVELS: dict[str, LogLevel] = {level: level for level in get_args(LogLevel)}

_OPENED, _CLOSED = b"[" * NESTING_SPARE, b"]" * NESTING_SPARE
_encode = msgspec.json.Encoder().encode
_skip = msgspec.json.Decoder(msgspec.Raw).decode


def to_json(value: object) -> bytes:
    """Encode a value as JSON, and make sure that everybody can read it: a `msgspec.Raw` is passed on as it is.

    Raises:
        TypeError: the value has no JSON form, or is nested too deep.
        BaseException: whatever a property or a method of the value raises.
    """
    try:
        encoded = _encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(str(error)) from error
    except RecursionError as error:
        raise TypeError("it is nested too deep") from error
    try:
        _skip(encoded)
        if not encoded.isascii():
            encoded.decode()
        if len(encoded) > 2 * NESTING_SPARE:
            _skip(_OPENED + encoded + _CLOSED)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TypeError(f"it has a msgspec.Raw in it that is not JSON ({error})") from error
    except RecursionError as error:
        raise TypeError("it is nested too deep") from error
    return encoded


def to_number(value: object) -> float:
    """Return a number of any type as a float. A bool, a Decimal or a number of another library would be none in JSON.

    Raises:
        TypeError: the value is no number.
        BaseException: whatever the value's ``__float__`` raises.
    """
    if not hasattr(type(value), "__float__"):
        raise TypeError(f"{value!r} is no number")
    return float(cast("SupportsFloat", value))


def to_fraction(fraction: object) -> float:
    """Return how far a task is, as a float.

    Raises:
        TypeError: ``fraction`` is no number.
        ValueError: ``fraction`` is not from 0 to 1.
    """
    value = to_number(fraction)
    if not 0 <= value <= 1:
        raise ValueError(f"progress({fraction!r}): the fraction is from 0 to 1")
    return value


def to_text(message: object) -> str:
    """Return a text as a plain str, whose methods are those of Python.

    Raises:
        TypeError: ``message`` is no str.
    """
    if not isinstance(message, str):
        raise TypeError(f"a message is a str, not {type(message).__name__}")
    return str.__str__(message)


def to_level(level: object) -> LogLevel:
    """Return the level of a line.

    Raises:
        ValueError: there is no such level.
    """
    if not isinstance(level, str) or level not in LEVELS:
        raise ValueError(f"log(level={level!r}): a level is one of {', '.join(LEVELS)}")
    return LEVELS[str.__str__(level)]
