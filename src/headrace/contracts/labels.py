"""Labels of tasks: what the submitter calls them by, such as ``{"customer": "42"}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from headrace.contracts.normal_form import to_nfc
from headrace.contracts.patterns import NOT_PRINTABLE, pattern_of

LABELS_MAX: Final = 8  # of a task; each event of the task repeats them
LABEL_CHARS_MAX: Final = 63  # of a key, and of a value

LABEL_KEY_PATTERN = pattern_of(
    f"made of 1 to {LABEL_CHARS_MAX} lower-case letters, digits, _, . and -",
    rf"^[a-z0-9_.-]{{1,{LABEL_CHARS_MAX}}}$(?!\n)",
)
LABEL_VALUE_PATTERN = pattern_of(
    f"made of 1 to {LABEL_CHARS_MAX} printable characters", rf"^[^{NOT_PRINTABLE}]{{1,{LABEL_CHARS_MAX}}}$(?!\n)"
)

Labels = Annotated[
    dict[Annotated[str, Meta(pattern=LABEL_KEY_PATTERN)], Annotated[str, Meta(pattern=LABEL_VALUE_PATTERN)]],
    Meta(
        max_length=LABELS_MAX,
        description="What you call the tasks by, to find them again.",
        examples=[{"customer": "42"}],
    ),
]

_decode: msgspec.json.Decoder[dict[str, str]] = msgspec.json.Decoder(Labels)
_encode = msgspec.json.Encoder(order="sorted").encode


def encode_labels(labels: Mapping[str, str]) -> str:
    """Write labels as one line of JSON, sorted by key, with values in NFC."""
    written = _encode(labels)
    if not written.isascii():
        written = _encode({key: normal_value(value) for key, value in labels.items()})
    return written.decode()


def normal_value(value: str) -> str:
    """Return the value of a label in NFC, so that what looks the same is found. It stays as it is when that would be too long."""
    normal = to_nfc(value)
    return normal if len(normal) <= LABEL_CHARS_MAX else value


def decode_labels(written: str) -> dict[str, str]:
    """Read labels from JSON, whoever wrote it; empty when it is not JSON of labels."""
    try:
        labels = _decode.decode(written)
        # Half of a surrogate pair is no character, and Postgres cannot hold it.
        "".join(labels.values()).encode()
    except (msgspec.DecodeError, UnicodeEncodeError):
        return {}
    return labels


def label_entries(labels: Mapping[str, str]) -> list[str]:
    """Return labels as sorted entries ``key=value``, as a row of a task has them, with values in NFC."""
    return sorted(f"{key}={value if value.isascii() else normal_value(value)}" for key, value in labels.items())


def labels_of_entries(entries: list[str]) -> dict[str, str]:
    """Return the labels of entries ``key=value``. No key has a ``=``."""
    return dict(entry.split("=", 1) for entry in entries)
