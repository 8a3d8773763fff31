"""Names under which files unpack safely on every system, each once."""

from __future__ import annotations

import re
import unicodedata

NAME_BYTES_MAX = 200  # in UTF-8; systems allow 255, and a number may follow
NUMBER_MAX = 1_000_000  # more names than an archive has

# What Windows does not allow in names; "/" and "\\" would make directories.
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
# Names that Windows reads as devices, whatever their suffix.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)


class MemberNames:
    """The names of the members of one archive."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._next: dict[str, int] = {}

    def add(self, name: str) -> str:
        """Return a safe name that no other member has, also where small and capital letters are the same."""
        stem, suffix = _split(make_safe(name))
        key, number = _fold(stem + suffix), 1
        found = stem + suffix
        number = self._next.get(key, 1)
        while _fold(found) in self._used:
            number += 1
            found = f"{stem} ({number}){suffix}"
        self._next[key] = number
        self._used.add(_fold(found))
        return found


def make_safe(name: str) -> str:
    """Return a name without directories, control characters and whatever a system does not allow."""
    seen = "".join(each for each in unicodedata.normalize("NFC", name) if unicodedata.category(each)[0] != "C")
    safe = _UNSAFE.sub("_", seen).strip(" ").rstrip(". ")
    safe = _shorten(safe)
    if not safe.strip("._ "):
        return "file"
    return f"_{safe}" if _DEVICES.fullmatch(safe.partition(".")[0].rstrip(" ")) else safe


def _shorten(name: str) -> str:
    """Cut a name to `NAME_BYTES_MAX`, keeping its suffix."""
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    stem, suffix = _split(name)
    left = NAME_BYTES_MAX - len(suffix.encode())
    return stem.encode()[:left].decode(errors="ignore").rstrip(". ") + suffix


def _split(name: str) -> tuple[str, str]:
    """Split a name into its stem and a suffix of at most 16 letters and digits."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem and suffix.isalnum() and len(suffix) <= 16 else (name, "")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
