"""Decoding the payloads of log messages, which anybody may have written."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Payload = TypeVar("Payload")


def decode_payload(decoder: msgspec.json.Decoder[Payload], payload: bytes) -> Payload:
    """Decode a payload. What is passed on undecoded is UTF-8 as well, because Postgres and browsers take nothing else.

    Raises:
        msgspec.MsgspecError: The payload is not JSON in UTF-8, is nested too deep, or is not what the decoder is for.
    """
    try:
        if not payload.isascii():
            payload.decode()
        return decoder.decode(payload)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise msgspec.ValidationError("nested too deep to be read") from error
