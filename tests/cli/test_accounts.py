"""Administrators from the command line: the first one of a home, others, and how to get in again."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.cli.terminal.accounts.admin import create_admin
from headrace.cli.terminal.accounts.database import find_database, open_database
from headrace.cli.terminal.accounts.first_admin import make_first_admin
from headrace.cli.terminal.accounts.reset import show_reset_token
from headrace.cli.terminal.accounts.rotation import SECRETS_MAX, rotate_secret, rotated
from headrace.cli.terminal.exits import CommandFailed
from headrace.contracts.identity import Role, UserState
from headrace.embedded.credentials import Credentials
from headrace.embedded.home import Home, RunInfo, Started
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.identity.key_format import is_key, make_key
from headrace.identity.made_secrets import make_secret
from headrace.identity.passwords import Passwords
from headrace.identity.secrets import Secrets
from headrace.settings import DatabaseSettings, Settings
from headrace.store.api_keys import find_key_by_hash
from headrace.store.identity_tables import UserRow
from headrace.store.migrate import alembic_config, migrate
from headrace.store.one_time_tokens import Purpose, find_token, use_token
from headrace.store.users import change_user, find_by_email, find_user
from tests.cli.conftest import Shell, Up

API = "http://127.0.0.1:8080"
PASSWORD = "a long pass phrase"

MakeDatabase = Callable[[], Awaitable[str]]
Capture = pytest.CaptureFixture[str]


class Installation:
    """A database, and the secret of its API."""

    def __init__(self, url: str, place: Path) -> None:
        self.secret = make_secret()
        self.file = place / "credentials.json"
        self.settings = Settings.read(
            {"HEADRACE_DATABASE_URL": url, "HEADRACE_API_SECRETS": self.secret, "HEADRACE_HOME": str(place)}
        )

    async def start(self, file: Path | None = None, secrets: str | None = None) -> None:
        """Do what `up` has done at each start."""
        settings = self.settings
        if secrets is not None:
            settings = Settings.read({"HEADRACE_DATABASE_URL": settings.database.url, "HEADRACE_API_SECRETS": secrets})
        await make_first_admin(settings, file or self.file, API)

    def credentials(self) -> Credentials:
        found = Credentials.read(self.file)
        assert found is not None
        return found

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncSession]:
        async with open_database(self.settings.database) as session:
            yield session

    async def local(self) -> UserRow:
        async with self.session() as session:
            found = await find_user(session, "local")
        assert found is not None
        return found

    async def owner_of(self, key: str, secret: str | None = None) -> str | None:
        """Whose a key is, as the API finds out."""
        async with self.session() as session:
            found = await find_key_by_hash(session, Secrets([secret or self.secret]).hashes(key), datetime.now(UTC))
        return found and found.key.owner

    async def user_of_link(self, link: str, at: datetime | None = None) -> str | None:
        token = link.strip().removeprefix(f"{API}/enter/")
        async with self.session() as session:
            hashes = Secrets([self.secret]).hashes(token)
            return await use_token(session, hashes, Purpose.ENTER, at or datetime.now(UTC))


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADRACE_DATABASE_URL", "HEADRACE_API_SECRETS", "HEADRACE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def installation(make_database: MakeDatabase, place: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    url = await make_database()
    monkeypatch.setenv("HEADRACE_DATABASE_URL", url)
    return Installation(url, place)


async def test_the_first_start_makes_an_administrator_and_the_next_ones_change_nothing(
    installation: Installation, capsys: Capture
) -> None:
    await installation.start()
    made = installation.credentials()
    said = capsys.readouterr()
    assert said.err == f"made the administrator admin@localhost; its password and API key are in {installation.file}\n"
    assert installation.file.stat().st_mode & 0o777 == 0o600
    local = await installation.local()
    assert (local.email, local.role, local.state) == ("admin@localhost", Role.ADMIN, UserState.ACTIVE)
    assert await Passwords().verify(made.password, local.password)
    assert is_key(made.api_key)
    assert await installation.owner_of(made.api_key) == "local"
    assert made.password not in said.out + said.err
    assert made.api_key not in said.out + said.err

    await installation.start()
    assert installation.credentials() == made
    assert await installation.local() == local
    assert capsys.readouterr().err == ""


async def test_each_start_makes_a_link_that_signs_in_once_within_15_minutes_and_ends_the_one_before(
    installation: Installation, capsys: Capture
) -> None:
    await installation.start()
    first = capsys.readouterr().out
    await installation.start()
    second = capsys.readouterr().out
    assert await installation.user_of_link(first) is None
    assert await installation.user_of_link(second, datetime.now(UTC) + timedelta(seconds=901)) is None
    assert await installation.user_of_link(second, datetime.now(UTC) + timedelta(seconds=890)) == "local"
    assert await installation.user_of_link(second) is None


async def test_without_the_credentials_the_next_start_says_how_to_get_in_again(
    installation: Installation, capsys: Capture
) -> None:
    await installation.start()
    installation.file.unlink()
    capsys.readouterr()
    await installation.start()
    said = capsys.readouterr()
    assert not installation.file.exists()
    assert "`headrace enter` signs you in, and `headrace admin reset EMAIL` sets a new password" in said.err
    assert await installation.user_of_link(said.out) == "local"


async def test_of_homes_that_share_a_database_the_first_one_makes_the_administrator(
    installation: Installation, capsys: Capture
) -> None:
    files = [installation.file.with_name(name) for name in ("1", "2", "3")]
    await asyncio.gather(*(installation.start(file) for file in files))
    made = [file for file in files if file.exists()]
    said = capsys.readouterr().err
    assert len(made) == 1
    assert said.count("made the administrator") == 1
    assert said.count("there is an administrator already, and its credentials are not in this home") == 2


async def test_a_key_whose_secret_is_gone_is_replaced_in_the_credentials(
    installation: Installation, capsys: Capture
) -> None:
    await installation.start()
    before = installation.credentials()
    other = make_secret()
    await installation.start(secrets=other)
    after = installation.credentials()
    assert (after.password, after.api_key == before.api_key) == (before.password, False)
    assert await installation.owner_of(after.api_key, other) == "local"
    assert "was made with a secret that is gone; there is a new one" in capsys.readouterr().err


async def test_a_key_that_was_revoked_and_credentials_of_another_database_stay_as_they_are(
    installation: Installation, capsys: Capture
) -> None:
    await installation.start()
    made = installation.credentials()
    async with installation.session() as session:
        await session.execute(text("UPDATE api_keys SET revoked_at = now()"))
    await installation.start()
    assert installation.credentials() == made
    other = Credentials(email=made.email, password="another one", api_key="hr_other")
    other.write(installation.file)
    await installation.start()
    assert installation.credentials() == other
    assert "is of another database, or older than the password" in capsys.readouterr().err


async def test_an_administrator_who_was_disabled_gets_no_link(installation: Installation, capsys: Capture) -> None:
    await installation.start()
    async with installation.session() as session:
        await change_user(session, "local", state="disabled")
    made = installation.credentials()
    capsys.readouterr()
    await installation.start(installation.file.with_name("other"))
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no link to sign in with" in said.err
    assert installation.credentials() == made


async def test_a_home_of_the_version_before_accounts_gets_an_administrator_who_has_its_tasks(
    postgres: EmbeddedPostgres, place: Path
) -> None:
    url = await postgres.create("before_accounts")
    settings = DatabaseSettings(url=url)
    await asyncio.to_thread(command.upgrade, alembic_config(settings), "0005")
    await asyncio.to_thread(migrate, settings)
    installation = Installation(url, place)
    await installation.start()
    assert await installation.owner_of(installation.credentials().api_key) == "local"


async def test_a_database_that_is_not_migrated_or_not_there_is_told(postgres: EmbeddedPostgres, place: Path) -> None:
    with pytest.raises(CommandFailed, match="not up to date: run `headrace migrate`"):
        await Installation(await postgres.create("empty"), place).start()
    with pytest.raises(CommandFailed, match=r"Postgres cannot be reached .*: start `headrace up`"):
        await Installation("postgresql://127.0.0.1:1/none", place).start()


async def test_an_administrator_is_made_from_lines_of_standard_input_or_from_settings(
    installation: Installation, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"ann@example.com\n{PASSWORD}\n"))
    await create(installation.settings)
    assert (await installation.local()).email == "ann@example.com"
    assert await Passwords().verify(PASSWORD, (await installation.local()).password)
    with_settings = Settings.read(
        {
            "HEADRACE_DATABASE_URL": installation.settings.database.url,
            "HEADRACE_API_SECRETS": installation.secret,
            "HEADRACE_ADMIN_EMAIL": "bob@example.com",
            "HEADRACE_ADMIN_PASSWORD": PASSWORD,
        }
    )
    await create(with_settings, if_none=True)
    async with installation.session() as session:
        assert await find_by_email(session, "bob@example.com") is None
    await create(with_settings, credentials=installation.file)
    async with installation.session() as session:
        bob = await find_by_email(session, "bob@example.com")
    assert bob is not None
    assert (bob.role, bob.state, bob.id == "local") == (Role.ADMIN, UserState.ACTIVE, False)
    assert await installation.owner_of(installation.credentials().api_key) == bob.id
    with pytest.raises(CommandFailed, match=r"there is an account with the address bob@example\.com already"):
        await create(with_settings)
    assert PASSWORD not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ("", "no email address was given: type it on a terminal"),
        ("ann\n", "'ann' is no email address"),
        ("ann@example.com\n", "no password was given"),
        ("ann@example.com\nshort\n", "a password has 12 to 128 characters"),
    ],
)
async def test_an_administrator_needs_an_address_and_a_password(
    installation: Installation, given: str, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(CommandFailed, match=refusal):
        await create(installation.settings)


async def create(settings: Settings, *, if_none: bool = False, credentials: Path | None = None) -> None:
    await create_admin(settings, if_none=if_none, credentials=credentials, home=None)


async def test_a_reset_token_is_valid_for_30_minutes_ends_the_one_before_and_stands_alone_on_standard_output(
    installation: Installation, capsys: Capture
) -> None:
    await installation.start()
    capsys.readouterr()
    tokens: list[str] = []
    for email in ("admin@localhost", "ADMIN@localhost"):
        await show_reset_token(installation.settings, email, None)
        out, err = capsys.readouterr()
        tokens.append(out.removesuffix("\n"))
        assert "within 30 minutes" in err
        assert tokens[-1] not in err
    secrets, now = Secrets([installation.secret]), datetime.now(UTC)
    async with installation.session() as session:

        async def owner(token: str, minutes: int) -> str | None:
            return await find_token(session, secrets.hashes(token), Purpose.RESET, now + timedelta(minutes=minutes))

        assert [await owner(token, 29) for token in tokens] == [None, "local"]
        assert await owner(tokens[1], 31) is None
    with pytest.raises(CommandFailed, match="no account with the address eve@example"):
        await show_reset_token(installation.settings, "eve@example.com", None)


def test_a_new_secret_comes_before_the_old_ones_which_can_be_forgotten(place: Path, capsys: Capture) -> None:
    settings = Settings(home=str(place))
    with pytest.raises(CommandFailed, match="there is no secret yet: `headrace up` makes one"):
        rotate_secret(settings, None, forget_old=False)
    home = Home(place)
    old = home.api_secret()
    rotate_secret(settings, None, forget_old=False)
    new, second = home.api_secret().split(",")
    assert second == old
    assert home.api_secret_file.stat().st_mode & 0o777 == 0o600
    rotate_secret(settings, None, forget_old=True)
    assert home.api_secret() == new
    said = "".join(capsys.readouterr())
    assert "restart `headrace up`" in said
    assert new not in said
    assert len(rotated(",".join([old] * 9), forget_old=False).split(",")) == SECRETS_MAX


def test_secrets_of_the_environment_are_printed_with_a_new_one_and_the_overlap_is_explained(capsys: Capture) -> None:
    settings = Settings.read({"HEADRACE_API_SECRETS": "o" * 32})
    rotate_secret(settings, None, forget_old=False)
    said = capsys.readouterr()
    first, second = (line.split(",") for line in said.out.splitlines())
    # Every process takes the new secret before the first one signs with it.
    assert first == ["o" * 32, second[0]]
    assert second == [second[0], "o" * 32]
    assert Secrets(second)
    assert "the others are still taken" in said.err
    rotate_secret(Settings.read({"HEADRACE_API_SECRETS": ",".join(second)}), None, forget_old=True)
    assert capsys.readouterr().out == f"{second[0]}\n"


def test_the_database_and_the_secret_are_those_of_the_running_home_unless_another_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=str(place))
    assert find_database(settings) == settings
    with pytest.raises(CommandFailed, match="no `headrace up` runs in"):
        find_database(settings, str(place))
    home = Home(place)
    ours = "postgresql://ours/x"
    home.announce(
        RunInfo(up=Started.of_this_process(), api_url=API, nats_url="nats://n", database_url=ours, children={})
    )
    found = find_database(settings)
    assert (found.database.url, found.api.secrets) == (ours, home.api_secret())
    monkeypatch.setenv("HEADRACE_DATABASE_URL", "postgresql://theirs/x")
    theirs = Settings.read({"HEADRACE_DATABASE_URL": "postgresql://theirs/x", "HEADRACE_HOME": str(place)})
    assert find_database(theirs) == theirs
    assert find_database(theirs, str(place)).database.url == ours


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


async def test_a_secret_is_printed_that_the_api_takes(up: Up) -> None:
    done: Any = await up.shell.call("secret")
    assert Secrets([done.out.strip()])


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
