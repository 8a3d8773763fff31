"""The first administrator of a home, which `headrace up` makes, and how it gets in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from headrace.cli.terminal.exits import CommandFailed
from headrace.contracts.identity import Role, UserState
from headrace.embedded.credentials import Credentials
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.identity.key_format import is_key
from headrace.identity.made_secrets import make_secret
from headrace.identity.passwords import Passwords
from headrace.settings import DatabaseSettings
from headrace.store.migrate import alembic_config, migrate
from headrace.store.users import change_user
from tests.cli.accounts.installation import Capture, Installation


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
