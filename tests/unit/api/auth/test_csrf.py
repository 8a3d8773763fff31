from __future__ import annotations

import pytest

from headrace.api.auth.csrf import check_csrf
from headrace.identity_errors import CsrfRefused

OWN = {b"x-headrace-csrf": b"1", b"origin": b"http://127.0.0.1:8080"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("missing", "said"), [(b"x-headrace-csrf", "X-Headrace-CSRF: 1"), (b"origin", "Sec-Fetch-Site")], ids=str
)
def test_a_change_with_a_cookie_needs_both_headers(method: str, missing: bytes, said: str) -> None:
    with pytest.raises(CsrfRefused, match=said) as refused:
        check_csrf(method, {name: value for name, value in OWN.items() if name != missing})
    assert (refused.value.status, refused.value.code) == (403, "csrf")


def test_all_that_is_missing_is_named_at_once_and_for_what() -> None:
    with pytest.raises(CsrfRefused, match=r"^a sign-in needs .*X-Headrace-CSRF: 1.* and the header Origin"):
        check_csrf("POST", {}, "a sign-in")


def test_either_of_the_headers_that_browsers_send_will_do() -> None:
    check_csrf("POST", OWN)
    check_csrf("POST", {b"x-headrace-csrf": b"1", b"sec-fetch-site": b"same-origin"})


@pytest.mark.parametrize("value", [b"", b"0", b"true", b"1, 1"])
def test_the_header_has_one_value(value: bytes) -> None:
    with pytest.raises(CsrfRefused):
        check_csrf("POST", OWN | {b"x-headrace-csrf": value})


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_needs_neither(method: str) -> None:
    check_csrf(method, {})
