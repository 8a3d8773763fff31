"""The names of files: what one may be, and how an answer tells it to a browser."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from headrace.contracts.files import NAME_CHARS_MAX
from headrace.contracts.patterns import is_printable
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput

_SEPARATORS = "/\\"


def read_name(given: str, path: str) -> str:
    """Return a name as it is kept: composed (Unicode NFC), so that the same name is written in one way.

    Args:
        given: What a client has called a file.
        path: Where the name is in its request.

    Raises:
        InvalidInput: No file may be called so.
    """
    name = unicodedata.normalize("NFC", given)
    if (wrong := _find_wrong(name)) is not None:
        raise InvalidInput(wrong, [FieldError(path=path, message=wrong)])
    return name


def _find_wrong(name: str) -> str | None:
    if not name.strip():
        return "a file has a name; send one"
    if len(name) > NAME_CHARS_MAX:
        return f"the name of a file has {NAME_CHARS_MAX} characters at most, this one has {len(name)}; shorten it"
    if any(each in name for each in _SEPARATORS) or name in (".", ".."):
        return "the name of a file has no / and no \\, and is not . or ..; send the name without its directory"
    if is_printable(name) is None:
        return "the name of a file has no control characters and no line breaks; send it without them"
    return None


def content_disposition(name: str, *, is_shown: bool) -> str:
    """Return the header that tells a browser the name of a file, and whether to show it (RFC 6266).

    Browsers take the second name, which may have any characters (RFC 8187). The first is for those that do not know it.
    """
    kind = "inline" if is_shown else "attachment"
    plain = "".join(each if " " <= each <= "~" and each not in '"\\%' else "_" for each in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
