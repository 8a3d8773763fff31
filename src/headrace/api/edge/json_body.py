"""JSON bodies: one place says what is wrong with a body that cannot be decoded, for every route."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast

import msgspec
from litestar import Request
from litestar.types import HTTPRequestEvent, Receive

from headrace.api.edge.headers import read_headers
from headrace.api.edge.refused_body import explain_refused
from headrace.api.edge.repeated_names import check_names
from headrace.contracts.problems import FieldError
from headrace.errors import MalformedRequest, TooLarge

T = TypeVar("T")

# For the `opt` of a route that takes a body of any size and is asked most: of a name that an object has twice, the last one counts.
# What has labels checks those by itself.
LAST_NAME_COUNTS: Final[dict[str, Any]] = {"last_name_counts": True}
CHECKED_BYTES_MAX = 1 << 20  # of a body whose names are checked; a schedule has 256 KB of input

# In the state of a request: what is to be called with it once its body is there, which a client may take long to send.
AFTER_BODY: Final = "headrace_after_body"

_decode_any = msgspec.json.Decoder().decode


class JsonRequest(Request[Any, Any, Any]):
    """A request whose body is JSON. The routes that take their body as an argument read it through this class."""

    _whole: bytes | None = None

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            MalformedRequest: The body is empty.
            NotAuthenticated: The credential of the request has ended while its body was sent.
            TooLarge: The body is larger than its route takes.
        """
        if self._whole is None:
            limit = self.route_handler.resolve_request_max_body_size() or sys.maxsize
            if not self._last_name_counts:
                limit = min(limit, CHECKED_BYTES_MAX)
            if int(read_headers(self.scope).get(b"content-length", 0)) > limit:
                raise _too_large(limit)
            self._whole = require_body(await _read(self.receive, limit))
            if (check := self.scope["state"].get(AFTER_BODY)) is not None:
                check(self)
        return self._whole

    async def json(self) -> Any:
        """Return what the body says, as the type that the route takes.

        Raises:
            MalformedRequest: The body is not JSON, or not of this type, or an object in it has a name twice.
        """
        field = self.route_handler.parsed_data_field
        decode = _decode_any if field is None else _decoder_of(field.annotation)
        body = await self.body()
        return decode_body(decode, body) if self._last_name_counts else decode_strictly(decode, body)

    @property
    def _last_name_counts(self) -> bool:
        return "last_name_counts" in self.route_handler.opt


@cache
def _decoder_of(type_: Any) -> Callable[[bytes], Any]:
    """Return what decodes a body of a type. Litestar would also read a number from a text, and a time from a number."""
    return msgspec.json.Decoder(type_).decode


async def _read(receive: Receive, limit: int) -> bytes:
    """Read a whole body.

    Raises:
        TooLarge: It has more than ``limit`` bytes.
    """
    parts, size, more = list[bytes](), 0, True
    while more:
        message = cast("HTTPRequestEvent", await receive())
        part, more = message["body"], message["more_body"]
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    message = f"the request body is larger than {limit >> 20} MB, which is the limit; send less"
    return TooLarge(message, [FieldError(path="", message=message)])


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request has a body, by its headers."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def require_body(body: bytes) -> bytes:
    """Return a body that has something in it.

    Raises:
        MalformedRequest: The body is empty.
    """
    if not body:
        message = "the request has no body; send JSON"
        raise MalformedRequest(message, [FieldError(path="", message=message)])
    return body


def decode_body(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode a body of JSON.

    Raises:
        MalformedRequest: The body cannot be decoded.
    """
    try:
        return decode(body)
    except UnicodeDecodeError as error:
        message = f"the body is not UTF-8, as JSON has to be (RFC 8259, section 8.1): {error.reason}"
        raise MalformedRequest(message, [FieldError(path="", message=message)]) from error
    except RecursionError as error:
        message = "the JSON is nested too deep to be read; send less depth"
        raise MalformedRequest(message, [FieldError(path="", message=message)]) from error
    except msgspec.MsgspecError as error:
        wrong = explain_refused(error, body, _type_of(decode))
        explained = f"{wrong.path}: {wrong.message}" if wrong.path else wrong.message
        raise MalformedRequest(f"the request cannot be used: {explained}", [wrong]) from error


def _type_of(decode: Callable[[bytes], Any]) -> Any:
    """Return the type that the decoder reads to which a method belongs."""
    decoder: Any = getattr(decode, "__self__", None)
    return getattr(decoder, "type", Any)


def decode_strictly(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode a body of JSON whose objects have no name twice.

    To find them, the body is read once more, see `headrace.api.edge.repeated_names`.

    Raises:
        MalformedRequest: The body cannot be decoded, or has an object with a name twice.
    """
    decoded = decode_body(decode, body)
    decode_body(lambda given: check_names(given.decode()), body)
    return decoded
