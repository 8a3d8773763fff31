"""Which key goes to which server, and that it is shown nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.api_key import ApiKey, find_key
from headrace.cli.terminal.discovery import find_api
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.saved_keys import SavedKeys
from headrace.client import Client, ProblemError, UnusableRequest
from headrace.embedded.credentials import Credentials
from headrace.embedded.errors import HomeError
from headrace.embedded.home import Home, RunInfo, Started
from headrace.settings import Settings, SettingsError
from tests.cli.canned import Server, problem, refused, stream

KEY = "hr_0secret0secret0secret0secret0abcd"
ONE, OTHER = "http://127.0.0.1:8080", "http://127.0.0.1:9090"


@pytest.fixture(autouse=True)
def folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder is one of the test's own."""
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: place / "config" / name)
    monkeypatch.delenv("HEADRACE_URL", raising=False)
    return place / "config"


def running_home(path: Path, url: str, key: str | None) -> Settings:
    """The settings with a home whose `up` runs at a URL: it is this process."""
    path.mkdir(mode=0o700)
    home = Home(path)
    home.announce(
        RunInfo(
            up=Started.of_this_process(), api_url=url, nats_url="nats://n", database_url="postgresql://d", children={}
        )
    )
    if key is not None:
        Credentials(email="admin@localhost", password="p", api_key=key).write(home.credentials)
    return Settings(home=str(path))


def text(found: ApiKey | None) -> str | None:
    return found and found.text


async def test_the_key_is_sent_with_every_request_and_with_streams() -> None:
    server = Server(httpx.Response(200, json={"items": []}), stream(b"event: settled\ndata: {}\n\n"))
    async with Client("http://headrace", key=KEY, transport=httpx.MockTransport(server)) as client:
        await client.kinds()
        with pytest.raises(ProblemError):
            _ = [view async for view in client.follow_batch("b")]
    assert {request.headers["Authorization"] for request in server.requests} == {f"Bearer {KEY}"}


@pytest.mark.usefixtures("at_once")
async def test_the_key_is_in_no_error_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = Server(refused, httpx.Response(200, text="<html>"), problem(401, "not_authenticated"))
    said: list[Any] = []
    async with Client("http://headrace", key=KEY, transport=httpx.MockTransport(server)) as client:
        for _ in range(3):
            with pytest.raises((ProblemError, httpx.TransportError)) as caught:
                await client.submit("k", {})
            said += [str(caught.value), repr(caught.value), vars(caught.value)]
        said += [repr(client), vars(client)]
    said.append(repr(ApiKey(KEY, "here")) + repr(Api("http://headrace", ApiKey(KEY, "here"))))
    said.append(repr(Credentials(email="e", password=KEY, api_key=KEY)))
    assert KEY not in f"{said} {caplog.text}"


async def test_a_redirect_is_not_followed_so_the_key_goes_to_no_other_server() -> None:
    server = Server(httpx.Response(307, headers={"Location": "http://elsewhere/api/v1/kinds"}))
    async with Client("http://headrace", key=KEY, transport=httpx.MockTransport(server)) as client:
        with pytest.raises(ProblemError, match="answered 307"):
            await client.kinds()
    assert [request.url.host for request in server.requests] == ["headrace"]


@pytest.mark.parametrize("key", ["", "hr_ x", f"{KEY}\n", f"{KEY}\r\nX: y", "hr_ü"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UnusableRequest, match="this is no key of Headrace") as caught:
        Client("http://headrace", key=key)
    assert KEY not in str(caught.value)


def test_an_address_with_a_password_leaves_no_room_for_a_key() -> None:
    with pytest.raises(UnusableRequest, match="for both: leave the user and password out") as caught:
        Client("http://me:s3cret@headrace", key=KEY)
    assert KEY not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_setting_that_is_no_key_is_not_shown() -> None:
    with pytest.raises(SettingsError, match=r"HEADRACE_API_KEY=\(hidden\)") as caught:
        Settings.read({"HEADRACE_API_KEY": f"{KEY} "})
    assert KEY not in str(caught.value)


def test_the_key_is_that_of_the_environment_else_the_kept_one_else_that_of_the_home(place: Path) -> None:
    settings = running_home(place / "home", ONE, "hr_home")
    assert find_key(ONE, settings) == ApiKey("hr_home", str(place / "home" / "credentials.json"))
    SavedKeys().keep(ONE, "hr_kept")
    assert find_key(ONE, settings) == ApiKey("hr_kept", str(place / "config" / "headrace" / "keys.json"))
    assert text(find_key(ONE, Settings(home=settings.home, api_key="hr_set"))) == "hr_set"
    assert SavedKeys().forget(ONE)
    assert not SavedKeys().forget(ONE)
    assert text(find_key(ONE, settings)) == "hr_home"


def test_two_homes_and_their_servers_do_not_mix_their_keys(place: Path) -> None:
    one, other = running_home(place / "1", ONE, "hr_1"), running_home(place / "2", OTHER, "hr_2")
    assert (text(find_key(ONE, one)), find_key(OTHER, one)) == ("hr_1", None)
    assert (find_key(ONE, other), text(find_key(OTHER, other))) == (None, "hr_2")
    SavedKeys().keep("http://127.0.0.1:9090", "hr_kept")
    assert (text(find_key(ONE, one)), text(find_key(OTHER, one))) == ("hr_1", "hr_kept")
    assert find_key("http://127.0.0.1:9091", one) is None


def test_the_key_of_a_home_goes_to_nobody_when_its_server_does_not_run(place: Path) -> None:
    settings = running_home(place / "home", ONE, "hr_home")
    (place / "home" / "run.json").unlink()
    assert find_key(ONE, settings) is None


@pytest.mark.parametrize(
    ("listens", "called", "same"),
    [
        (ONE, "http://127.0.0.1:8080/", True),
        (ONE, "http://127.0.0.1:8080/below", True),
        (ONE, "https://127.0.0.1:8080", False),
        (ONE, "http://127.0.0.2:8080", False),
        (ONE, "http://[::1]:8080", False),
        (ONE, "http://localhost:8080", False),
        (ONE, "http://127.0.0.1:8080@elsewhere", False),
        (ONE, "http://127.0.0.1.elsewhere:8080", False),
        ("http://127.0.0.1:80", "http://127.0.0.1", True),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080", True),
        ("http://0.0.0.0:8080", "http://10.1.1.1:8080", False),
        ("http://0.0.0.0:8080", "http://[::1]:8080", False),
        ("http://[::]:8080", "http://[::1]:8080", True),
        (ONE, "no address", False),
    ],
)
def test_a_home_gives_its_key_to_the_address_that_its_server_listens_on(
    place: Path, listens: str, called: str, same: bool
) -> None:
    settings = running_home(place / "home", listens, KEY)
    assert text(find_key(called, settings)) == (KEY if same else None)


def test_localhost_is_the_address_that_the_server_of_the_home_listens_on(place: Path) -> None:
    settings = running_home(place / "home", ONE, None)
    assert find_api("http://localhost:8080", settings) == ONE
    assert find_api("http://localhost:8081", settings) == "http://localhost:8081"
    assert find_api("https://localhost:8080", settings) == "https://localhost:8080"


def test_kept_keys_are_for_their_user_alone(folder: Path) -> None:
    keys = SavedKeys()
    keys.keep(ONE, KEY)
    assert (keys.file.stat().st_mode & 0o777, keys.file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    keys.file.chmod(0o640)
    with pytest.raises(CommandFailed, match=r"others may read .*keys\.json: change that with  chmod 600 /"):
        keys.of(ONE)
    keys.file.chmod(0o600)
    keys.file.write_text(f"{KEY} is no JSON")
    with pytest.raises(CommandFailed, match=r"keys\.json has no keys: remove it") as caught:
        keys.of(ONE)
    assert KEY not in str(caught.value)


def test_credentials_that_cannot_be_read_are_named_and_not_shown(place: Path) -> None:
    settings = running_home(place / "home", ONE, None)
    (place / "home" / "credentials.json").write_text(f'{{"api_key": "{KEY}"}}')
    (place / "home" / "credentials.json").chmod(0o600)
    with pytest.raises(HomeError, match=r"credentials\.json has no credentials: remove it") as caught:
        find_key(ONE, settings)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "key", "hint"),
    [
        (401, None, f"{ONE} asks for an API key: keep one with  headrace login --url {ONE}  or set HEADRACE_API_KEY"),
        (
            401,
            ApiKey(KEY, "HEADRACE_API_KEY"),
            "does not accept the key of HEADRACE_API_KEY: it is revoked, expired or for another server",
        ),
        (
            403,
            ApiKey(KEY, "/home/me/keys.json"),
            "not_authenticated: say who you are\nthis was asked with the key of /home/me/keys.json",
        ),
    ],
)
async def test_who_is_not_let_in_is_told_what_to_do(status: int, key: ApiKey | None, hint: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        async with open_client(Api(ONE, key)):
            raise ProblemError(status, "not_authenticated", "say who you are")
    assert hint in failed.value.message
    assert failed.value.exit_code == EXIT_REFUSED
    assert KEY not in failed.value.message
