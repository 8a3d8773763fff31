"""The `Idempotency-Key` header (IETF draft-ietf-httpapi-idempotency-key-header): the same key makes the same thing.

There is no table of keys. An id derived from the owner and the key, and an append on condition that nothing of that id is in
the log, make a second first event impossible; a hash of the body in a header of the first tells a repetition from a mistake.
A key is remembered for as long as the log keeps what it made.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any

import msgspec
from litestar import Request

from headrace.contracts.problems import FieldError
from headrace.errors import InvalidKey

KEY_CHARS_MAX = 255

_CHARACTERS = rf"[\x21\x23-\x7e]{{1,{KEY_CHARS_MAX}}}"
_KEY = re.compile(f'"({_CHARACTERS})"|({_CHARACTERS})')  # with or without the quotes that the draft asks for

_encode = msgspec.json.Encoder(order="sorted").encode


def read_key(request: Request[Any, Any, Any]) -> str | None:
    """The key of a request, None when it has none.

    Raises:
        InvalidKey: it is empty, too long, or has characters that no key has.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    found = _KEY.fullmatch(given.strip())
    if found is None:
        message = f"an Idempotency-Key is 1 to {KEY_CHARS_MAX} visible ASCII characters without quotes, such as a UUID"
        raise InvalidKey(message, [FieldError(path="header Idempotency-Key", message=message)])
    return found[1] or found[2]


def derived_id(owner: str, key: str, what: str) -> str:
    """The id of what a key makes; ``what`` keeps a task and a batch of the same key apart."""
    digest = hashlib.sha256(f"{what}/{owner}/{key}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))  # RFC 9562: the version for what is made from a name


def body_hash(body: object) -> str:
    """What tells two bodies apart, whatever the order of their fields and the spaces in between."""
    return hashlib.sha256(_encode(body)).hexdigest()[:32]
