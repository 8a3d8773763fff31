"""`headrace admin`: more administrators, new passwords, new secrets, and an audit that does not grow without end."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.cli.terminal.accounts.admin import create_admin
from headrace.cli.terminal.accounts.audit_retention import trim_audit_of_home
from headrace.cli.terminal.accounts.database import find_database
from headrace.cli.terminal.accounts.reset import show_reset_token
from headrace.cli.terminal.accounts.rotation import SECRETS_MAX, rotate_secret, rotated
from headrace.cli.terminal.exits import CommandFailed
from headrace.contracts.identity import Role, UserState
from headrace.embedded.home import Home, RunInfo, Started
from headrace.identity.passwords import Passwords
from headrace.identity.secrets import Secrets
from headrace.settings import Settings
from headrace.store.audit import AuditFilter, add_entries, list_entries
from headrace.store.one_time_tokens import Purpose, find_token
from headrace.store.users import find_by_email
from tests.cli.accounts.installation import API, PASSWORD, Capture, Installation
from tests.unit.store.identity_rows import make_entry


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
    with pytest.raises(CommandFailed, match="say --yes if that is meant"):
        rotate_secret(settings, None, forget_old=True)
    assert home.api_secret() == f"{new},{old}"
    rotate_secret(settings, None, forget_old=True, yes=True)
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
    rotate_secret(Settings.read({"HEADRACE_API_SECRETS": ",".join(second)}), None, forget_old=True, yes=True)
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


async def test_entries_of_the_audit_are_removed_when_their_retention_is_over_and_the_audit_says_so(
    installation: Installation, capsys: Capture
) -> None:
    now = datetime.now(UTC)
    made = [make_entry(at=now - timedelta(days=days)) for days in (399, 401, 1000)]
    async with installation.session() as session:
        await add_entries(session, made)
    for _ in range(2):
        await trim_audit_of_home(installation.settings, None)
    assert capsys.readouterr().err == f"removed 2 entries of the audit from before {now - timedelta(400):%Y-%m-%d}\n"
    async with installation.session() as session:
        (noted, kept), _ = await list_entries(session, AuditFilter(), None, 10)
    assert (noted.action, kept.id) == ("audit.trimmed", made[0].id)
    assert b'"entries":2' in bytes(noted.data)
