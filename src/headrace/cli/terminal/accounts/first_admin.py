"""Make the first administrator of an installation, and the file by which the people of this machine are it.

`headrace up` runs this at each start. It makes what is missing, and never changes an account that is there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from headrace.cli.terminal.accounts.audit import add_audit_entry
from headrace.cli.terminal.accounts.credentials import make_enter_link, make_key_of
from headrace.cli.terminal.accounts.database import find_database, open_database, read_secrets
from headrace.cli.terminal.output import note, show
from headrace.contracts.audit import Action
from headrace.contracts.identity import Role, UserState
from headrace.embedded.credentials import Credentials
from headrace.identity.made_secrets import make_password
from headrace.identity.passwords import Passwords
from headrace.identity.principals import LOCAL
from headrace.identity.secrets import Secrets
from headrace.identity_errors import TooManyApiKeys
from headrace.settings import Settings
from headrace.store.api_keys import has_key
from headrace.store.first_admin import create_first_admin, has_admin
from headrace.store.users import find_user

EMAIL = "admin@localhost"
KEY_NAME = "headrace up"
HOW_TO_GET_IN = "`headrace enter` signs you in, and `headrace admin reset EMAIL` sets a new password"


async def make_first_admin(settings: Settings, file: Path, link_to: str | None) -> None:
    """Make the administrator `local` unless there is an administrator, write its credentials, and print a link that signs it in.

    Args:
        settings: The database, and the secrets of the API.
        file: Where the credentials are kept.
        link_to: Where browsers of this machine reach the API; no link is made when None.

    Raises:
        CommandFailed: Postgres cannot be reached, or refuses.
        HomeError: The file cannot be read or written.
    """
    settings = find_database(settings)
    secrets = read_secrets(settings)
    async with open_database(settings.database) as session:
        await _make_unless_there(session, secrets, file)
        link = None if link_to is None else await _make_link(session, secrets, link_to)
    # It is printed when it is valid, and not before.
    if link is not None:
        show(link)


async def _make_unless_there(session: AsyncSession, secrets: Secrets, file: Path) -> None:
    if await has_admin(session) or not await _make(session, secrets, file):
        await _keep_credentials_usable(session, secrets, file)


async def _make(session: AsyncSession, secrets: Secrets, file: Path) -> bool:
    password = make_password()
    hashed = await Passwords().hash_new(password)
    if await create_first_admin(session, EMAIL, hashed, datetime.now(UTC)) is None:
        return False
    key = await make_key_of(session, secrets, LOCAL, KEY_NAME)
    await add_audit_entry(session, Action.USER_CREATED, LOCAL, role=Role.ADMIN)
    # The file is written before the commit: an administrator whom nobody can be would be worse than a file that is replaced.
    Credentials(email=EMAIL, password=password, api_key=key).write(file)
    note(f"made the administrator {EMAIL}; its password and API key are in {file}")
    return True


async def _keep_credentials_usable(session: AsyncSession, secrets: Secrets, file: Path) -> None:
    """Say how to get in without the file; in a file that is there, replace a key that was hashed with a secret that is gone."""
    credentials = Credentials.read(file)
    if credentials is None:
        note(f"there is an administrator already, and its credentials are not in this home: {HOW_TO_GET_IN}")
        return
    if await has_key(session, secrets.hashes(credentials.api_key)):
        return
    local = await find_user(session, LOCAL)
    if local is None or not await Passwords().verify(credentials.password, local.password):
        note(f"{file} is of another database, or older than the password: {HOW_TO_GET_IN}")
        return
    try:
        key = await make_key_of(session, secrets, LOCAL, KEY_NAME)
    except TooManyApiKeys as error:
        note(f"the API key in {file} is not known here, and cannot be replaced: {error.message}")
        return
    Credentials(email=credentials.email, password=credentials.password, api_key=key).write(file)
    note(f"the API key in {file} was made with a secret that is gone; there is a new one")


async def _make_link(session: AsyncSession, secrets: Secrets, url: str) -> str | None:
    local = await find_user(session, LOCAL)
    if local is None or (local.role, local.state) != (Role.ADMIN, UserState.ACTIVE):
        note("there is no link to sign in with, because the first administrator was deleted, disabled or made a member")
        return None
    return await make_enter_link(session, secrets, LOCAL, url)
