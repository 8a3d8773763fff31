from __future__ import annotations

import pytest

from headrace.api.auth.cookies import (
    ON_THIS_MACHINE,
    OVER_HTTPS,
    access_cookie,
    cookie_names,
    expired_cookies,
    refresh_cookie,
    session_cookies,
)
from headrace.identity_errors import NotAuthenticated

HERE = b"127.0.0.1:8080"
THERE = b"headrace.example"


def cookies(host: bytes, *pairs: bytes) -> dict[bytes, bytes]:
    return {b"host": host, b"cookie": b"; ".join(pairs)}


@pytest.mark.parametrize(
    "host", [HERE, b"localhost", b"LOCALHOST:1", b"app.localhost:80", b"[::1]:8080", b"127.0.0.2", b"localhost."]
)
def test_on_this_machine_the_names_have_no_prefix(host: bytes) -> None:
    assert cookie_names({b"host": host}) is ON_THIS_MACHINE


@pytest.mark.parametrize(
    "host",
    [THERE, b"10.0.0.1", b"[fe80::1]", b"nas", b"127.0.0.1.example", b"localhost.example", b"", b"[", b"xlocalhost"],
)
def test_elsewhere_they_are_bound_to_the_host_and_to_https(host: bytes) -> None:
    names = cookie_names({b"host": host})
    assert names is OVER_HTTPS
    assert names.access.startswith("__Host-")
    assert names.refresh.startswith("__Host-")


@pytest.mark.parametrize("header", [b"x-forwarded-for", b"x-forwarded-proto", b"forwarded", b"via"])
def test_behind_a_proxy_no_host_is_this_machine(header: bytes) -> None:
    assert cookie_names({b"host": HERE, header: b"x"}) is OVER_HTTPS


@pytest.mark.parametrize(("host", "names"), [(HERE, ON_THIS_MACHINE), (THERE, OVER_HTTPS)])
def test_a_browser_gets_cookies_that_no_script_reads_and_sends_them_back(host: bytes, names: object) -> None:
    made = session_cookies({b"host": host}, "access", 600, "refresh", 7000)
    assert [each.max_age for each in made] == [600, 7000]
    assert all(each.httponly and each.samesite == "lax" and each.path == "/" and each.domain is None for each in made)
    assert {each.secure for each in made} == {host == THERE}
    headers = cookies(host, b"other=1", *(f"{each.key}={each.value}".encode() for each in made))
    assert (access_cookie(headers), refresh_cookie(headers)) == ("access", "refresh")


def test_signing_out_expires_both_cookies_under_their_names() -> None:
    made = session_cookies({b"host": THERE}, "a", 1, "r", 1)
    gone = expired_cookies({b"host": THERE})
    assert [(each.key, each.path, each.secure) for each in gone] == [
        (each.key, each.path, each.secure) for each in made
    ]
    assert {(each.value, each.max_age) for each in gone} == {("", 0)}


def test_a_cookie_that_another_host_could_have_set_is_not_read() -> None:
    assert access_cookie(cookies(THERE, b"headrace=token")) is None
    assert access_cookie(cookies(HERE, b"__Host-headrace=token")) is None


@pytest.mark.parametrize(
    "sent", [b"", b"headrace", b"headrace=", b"headrace-refresh=x", b"xheadrace=x", b"Headrace=x", b";;="]
)
def test_what_is_no_access_cookie_is_none(sent: bytes) -> None:
    assert access_cookie(cookies(HERE, sent)) is None
    assert access_cookie({b"host": HERE}) is None


def test_a_cookie_that_is_there_twice_is_refused() -> None:
    with pytest.raises(NotAuthenticated, match="more than once"):
        access_cookie(cookies(HERE, b"headrace=a", b"headrace=a"))
