"""How people and commands get in at a running `up`: links, keys that are printed, and keys that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.cli.terminal.accounts import admin
from headrace.embedded.credentials import Credentials
from headrace.identity.key_format import make_key
from headrace.identity.secrets import Secrets
from tests.cli.conftest import Shell, Up


async def test_the_key_of_a_running_up_is_found_by_its_home_and_printed(up: Up) -> None:
    done = await up.shell.call("key")
    assert (done.code, done.out, done.err) == (0, f"{up.key}\n", "")
    other = await up.shell.call("key", "--url", "http://127.0.0.1:1")
    assert (other.code, other.out) == (2, "")
    assert "there is no key for http://127.0.0.1:1: `headrace login --url http://127.0.0.1:1` keeps one" in other.err


async def test_enter_prints_a_link_that_signs_a_browser_in_once_and_nothing_secret_beside_it(up: Up) -> None:
    done = await up.shell.run("enter")
    async with httpx.AsyncClient() as browser:
        answers = [await browser.get(done.out.strip()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 410]
    assert "HttpOnly" in answers[0].headers["Set-Cookie"]
    assert done.code == 0
    assert done.out.startswith(f"{up.url}/enter/")
    assert done.err == "it signs you in once, on this machine, within 15 minutes\n"
    alone = await up.shell.call("enter", "--home", "/nowhere")
    assert (alone.code, alone.out) == (2, "")
    assert "no `headrace up` runs in /nowhere: start it" in alone.err


async def test_enter_says_how_to_get_a_web_app_where_there_is_none(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    async def has_web_app(_host: str, _port: int) -> bool:
        return False

    monkeypatch.setattr(admin, "has_web_app", has_web_app)
    done = await up.shell.call("enter")
    assert (done.code, done.out) == (2, "")
    assert "this installation has no web app, so there is no link to sign in with: with Node 20.19" in done.err
    assert str(up.home.credentials) in done.err


async def test_a_secret_is_printed_that_the_api_takes(up: Up) -> None:
    done: Any = await up.shell.call("secret")
    assert Secrets([done.out.strip()])


@pytest.mark.slow
async def test_a_key_is_kept_for_its_server_once_the_server_accepts_it_and_can_be_forgotten(
    up: Up, place: Path
) -> None:
    # On macOS the folder is below HOME.
    shell = Shell({"HEADRACE_HOME": str(place), "XDG_CONFIG_HOME": str(place / "config"), "HOME": str(place)})
    address = ("--url", up.url)
    before = await shell.run("kinds", *address)
    assert (before.code, before.out) == (2, "")
    assert f"{up.url} asks for an API key: keep one with  headrace login --url {up.url}" in before.err
    for given, refusal in (
        ("", "no API key was given: type it on a terminal, or send it to standard input"),
        (up.key[:-1], "this is no API key of Headrace: copy it again"),
        (make_key(), f"{up.url} does not accept the key of this command: it is revoked, expired or for another server"),
    ):
        refused = await shell.run("login", *address, stdin=f"{given}\n".encode())
        assert (refused.code, refused.out) == (2, "")
        assert refusal in refused.err
        assert not given or given not in refused.err
    kept = await shell.run("login", *address, stdin=f"{up.key}\n".encode())
    assert kept.code == 0
    assert kept.out.startswith(f"Administrator (admin) at {up.url}; the key is kept in ")
    assert up.key not in kept.out + kept.err
    assert (await shell.run("kinds", *address)).code == 0
    assert (await shell.run("key", *address)).out == f"{up.key}\n"
    assert (await shell.run("logout", *address)).code == 0
    assert (await shell.run("logout", *address)).code == 2
    assert (await shell.run("kinds", *address)).code == 2


async def test_no_log_line_of_up_has_a_secret_but_the_link_that_it_says(up: Up) -> None:
    credentials = Credentials.read(up.home.credentials)
    assert credentials is not None
    said = "".join(up.said)
    assert said.count("/enter/") == 1
    for secret in (credentials.password, credentials.api_key, up.home.api_secret(), up.home.follow_secret()):
        assert secret not in said
