"""Which passwords may be chosen."""

from __future__ import annotations

import pytest

from headrace.errors import InvalidInput
from headrace.identity.password_rules import check_new_password, normalize

# The passwords of 12 characters or more among the 10,000 most common of 10 million leaked ones (SecLists,
# 10-million-password-list-top-10000); the shorter ones are refused by their length.
MOST_COMMON = [
    "123456654321",
    "123456789qwe",
    "123456qwerty",
    "123qweasdzxc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qazxsw23edc",
    "gfhjkmgfhjkm",
    "ghhh47hj7649",
    "ghjcnjgfhjkm",
    "leavemealone",
    "Mailcreated5240",
    "masterbating",
    "motherfucker",
    "PolniyPizdec0211",
    "q1w2e3r4t5y6",
    "qazwsxedc123",
    "qazwsxedcrfv",
    "qwerasdfzxcv",
    "qwerty123456",
    "qwertyqwerty",
    "Sojdlg123aljg",
    "sonyericsson",
    "zxcasdqwe123",
]


@pytest.mark.parametrize(
    "password",
    [
        "river stone 9",
        "twelve chars",
        "x" * 60 + "y" * 68,
        "мой пароль за рекой",
        "密码在河边的石头下面很安全",
        "with\0a NUL in it",
        "\N{GRINNING FACE}" * 12,
        " spaces around ",
    ],
)
def test_a_password_of_any_characters_may_be_chosen_and_is_not_changed(password: str) -> None:
    assert check_new_password(password) == password


@pytest.mark.parametrize("password", ["", "a", "eleven char", "x" * 129, "\ufdfa" * 129, "a" * 11 + "\ud800"])
def test_a_password_that_is_too_short_or_too_long_or_no_text_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="12 to 128 characters") as refused:
        check_new_password(password, path="/new_password")
    assert [each.path for each in refused.value.errors] == ["/new_password"]
    assert normalize(password) is None


@pytest.mark.parametrize(
    "password", [*MOST_COMMON, "passwordpassword", "PasswordPassword", "123456789012", "changeme1234"]
)
def test_a_common_password_is_refused_in_any_case(password: str) -> None:
    for spelled in (password, password.lower(), password.upper()):
        with pytest.raises(InvalidInput, match="attackers try first"):
            check_new_password(spelled)


@pytest.mark.parametrize(
    "password",
    [
        "headrace-2026",
        "Headrace!Headrace!",
        "grace.hopper@navy.example",
        "GraceHopper1906",
        "hopper-navy-12",
        "Ace of Base1906",
    ],
)
def test_a_password_made_of_what_is_known_about_the_account_is_refused(password: str) -> None:
    about = ("grace.hopper@navy.example", "Grace Hopper", "Ace of Base")
    with pytest.raises(InvalidInput, match="names that belong to the account"):
        check_new_password(password, about)


def test_a_name_may_occur_in_a_password_that_says_enough_else() -> None:
    assert check_new_password("headrace runs by the mill", ("hopper@navy.example", "H. Ace"))


def test_the_same_letters_are_the_same_password_however_the_keyboard_composed_them() -> None:
    composed, decomposed = "Zürich am See", "Zu\u0308rich am See"
    assert composed != decomposed
    assert normalize(composed) == normalize(decomposed) == composed
    # Letters that look alike stay different: nobody typed the other one.
    assert normalize("\ufb01nal answers") != normalize("final answers")


def test_the_length_counts_characters_as_they_are_hashed() -> None:
    assert normalize("e\u0301" * 11) is None
    assert normalize("e\u0301" * 12) == "é" * 12
