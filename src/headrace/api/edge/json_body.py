"""JSON bodies: one place says what is wrong with a body that cannot be decoded, for every route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request

from headrace.contracts.problems import FieldError, split_path
from headrace.errors import MalformedRequest

T = TypeVar("T")

_decode_any = msgspec.json.Decoder().decode


class JsonRequest(Request[Any, Any, Any]):
    """A request whose body is JSON. The routes that take their body as an argument read it through this class."""

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            MalformedRequest: The body is empty.
        """
        return require_body(await super().body())

    async def json(self) -> Any:
        """Return what the body says.

        Raises:
            MalformedRequest: The body is not JSON.
        """
        return decode_body(_decode_any, await self.body())


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
        message, path = split_path(str(error))
        explained = f"{path}: {message}" if path else message
        raise MalformedRequest(
            f"the request cannot be used: {explained}", [FieldError(path=path, message=message)]
        ) from error
