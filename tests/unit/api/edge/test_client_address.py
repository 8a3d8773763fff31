"""Who the client is, also behind proxies: what trusted ones say is believed, and nothing that the client itself could have written."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from headrace.api.edge.client_address import Proxies, client_address, client_network, is_from_this_machine
from headrace.settings import ProxyHeader, Settings, SettingsError

TRUSTED = ("10.0.0.0/8", "fd00::/8", "127.0.0.1")
PROXY = "10.0.0.1"

Headers = list[tuple[str, str]]


async def seen(
    peer: str, headers: Headers, trusted: tuple[str, ...] = TRUSTED, header: ProxyHeader = "x-forwarded"
) -> Scope:
    """A request as the application sees it."""
    found: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append(scope)

    scope: Any = {
        "type": "http",
        "client": (peer, 4711),
        "scheme": "http",
        "headers": [(b"host", b"api:8080"), *((name.lower().encode(), value.encode()) for name, value in headers)],
        "state": {},
    }
    await Proxies(trusted, header).believe(app)(scope, None, None)  # pyright: ignore[reportArgumentType]
    return found[0]


@pytest.mark.parametrize(
    ("given", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:50123", "203.0.113.5"),
        ("6.6.6.6, 203.0.113.5", "203.0.113.5"),
        ("6.6.6.6, 203.0.113.5, 10.9.9.9, 10.0.0.7", "203.0.113.5"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("unknown", PROXY),
        ("203.0.113.5, _hidden", PROXY),
        ("203.0.113.5, garbage, 10.0.0.7", "10.0.0.7"),
        ("fe80::1%eth0", PROXY),
        ("127.0.0.1, 203.0.113.5", "203.0.113.5"),
        ("", PROXY),
        (",,,", PROXY),
        (", ".join(["6.6.6.6"] * 10_000) + ", 203.0.113.5", "203.0.113.5"),
        ("9" * 100_000, PROXY),
    ],
)
async def test_the_client_is_the_rightmost_address_that_no_trusted_proxy_has(given: str, client: str) -> None:
    assert client_address(await seen(PROXY, [("X-Forwarded-For", given)])) == client


@pytest.mark.parametrize(
    ("given", "client"),
    [
        ("for=203.0.113.5", "203.0.113.5"),
        ('For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ("for=6.6.6.6, for=203.0.113.5;proto=https;by=10.0.0.3, for=10.0.0.7", "203.0.113.5"),
        ('for="6.6.6.6, for=7.7.7.7", for=203.0.113.5', "203.0.113.5"),
        (r'for="203.0.113\.5"', "203.0.113.5"),
        ('for=203.0.113.5;secret="a\\"b, for=6.6.6.6;";', "203.0.113.5"),
        ('for=6.6.6.6;x="\\\\", for=203.0.113.5', "203.0.113.5"),
        # What a client leaves open does not swallow what the proxy adds.
        ('for="6.6.6.6, for=203.0.113.5', "203.0.113.5"),
        ("for=6.6.6.6\\, for=203.0.113.5", "203.0.113.5"),
        ('for="6.6.6.6, for=10.0.0.7', "10.0.0.7"),
        ("for=6.6.6.6;for=203.0.113.5", PROXY),
        ("for=203.0.113.5;nonsense", PROXY),
        ("for=_secret", PROXY),
        ("for=unknown, for=10.0.0.7", "10.0.0.7"),
        ('for="[2001:db8', PROXY),
        ("nonsense", PROXY),
    ],
)
async def test_forwarded_is_read_as_rfc_7239_has_it(given: str, client: str) -> None:
    assert client_address(await seen(PROXY, [("Forwarded", given)], header="forwarded")) == client


async def test_several_lines_of_a_header_are_one_list() -> None:
    lines = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-For", "10.0.0.7")]
    assert client_address(await seen(PROXY, lines)) == "203.0.113.5"


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::9", "not an address"])
async def test_what_a_client_writes_itself_is_not_believed(peer: str) -> None:
    headers = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    scope = await seen(peer, headers)
    assert client_address(scope) == ("" if peer == "not an address" else peer)
    assert scope["scheme"] == "http"
    assert (b"host", b"api:8080") in scope["headers"]
    # And without proxies nobody is believed at all.
    assert client_address(await seen(PROXY, headers, trusted=())) == PROXY


@pytest.mark.parametrize(
    "word", ["junk", "for=6.6.6.6", "for=203.0.113.5;proto=https;host=evil.example", "for=127.0.0.1"]
)
async def test_a_client_neither_hides_nor_moves_behind_a_header_that_its_proxy_does_not_write(word: str) -> None:
    scope = await seen(PROXY, [("Forwarded", word), ("X-Forwarded-For", "203.0.113.5")])
    assert (client_address(scope), scope["scheme"]) == ("203.0.113.5", "http")
    assert (b"host", b"api:8080") in scope["headers"]
    theirs = [("X-Forwarded-For", word), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    scope = await seen(PROXY, [*theirs, ("Forwarded", "for=203.0.113.5")], header="forwarded")
    assert (client_address(scope), scope["scheme"]) == ("203.0.113.5", "http")
    assert (b"host", b"api:8080") in scope["headers"]


async def test_a_trusted_proxy_says_which_address_the_client_has_asked() -> None:
    given = [("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-Host", "app.example")]
    forwarded = [("Forwarded", 'for=203.0.113.5;proto=https;host="app.example"')]
    for scope in (await seen(PROXY, given), await seen(PROXY, forwarded, header="forwarded")):
        assert scope["scheme"] == "https"
        assert [value for name, value in scope["headers"] if name == b"host"] == [b"app.example"]
    assert (await seen(PROXY, [("X-Forwarded-Proto", "javascript")]))["scheme"] == "http"


async def test_limits_count_the_addresses_of_one_ipv6_network_as_one_client() -> None:
    networks = {client_network(await seen(f"2001:db8:1:2::{number:x}", [])) for number in range(1, 50)}
    assert networks == {"2001:db8:1:2::/64"}
    assert client_network(await seen("::ffff:203.0.113.5", [])) == "203.0.113.5"


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1", "::1")])
async def test_a_program_of_this_machine_is_told_from_a_proxy_on_it(trusted: tuple[str, ...]) -> None:
    assert is_from_this_machine(await seen("127.0.0.1", [], trusted))
    assert is_from_this_machine(await seen("::1", [], trusted))
    assert not is_from_this_machine(await seen("203.0.113.5", [], trusted))
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert not is_from_this_machine(await seen("127.0.0.1", [(name, "for=127.0.0.1")], trusted))


def test_a_proxy_that_is_no_address_is_named_when_the_settings_are_read() -> None:
    with pytest.raises(SettingsError, match="'proxy' is neither an address nor a network"):
        Settings.read({"HEADRACE_API_TRUSTED_PROXIES": "10.0.0.0/8,proxy,::1"})
