"""`headrace admin create` and `headrace enter`: make an administrator, and sign in without a password."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uuid_utils
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.cli.terminal.accounts.audit import add_audit_entry
from headrace.cli.terminal.accounts.credentials import ENTER_SECONDS, make_enter_link, make_key_of
from headrace.cli.terminal.accounts.database import find_database, open_database, read_secrets
from headrace.cli.terminal.accounts.secret_input import ask_secret, ask_text
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import note, show
from headrace.contracts.audit import Action
from headrace.contracts.identity import Email, Role, UserState
from headrace.embedded.credentials import Credentials
from headrace.embedded.home import Home
from headrace.embedded.network import authority, has_web_app, loopback_of
from headrace.errors import HeadraceError
from headrace.identity.passwords import Passwords
from headrace.identity.principals import LOCAL
from headrace.settings import Settings
from headrace.store.first_admin import create_first_admin, has_admin
from headrace.store.identity_tables import UserRow
from headrace.store.users import find_user, insert_user
from headrace.web_place import NO_WEB_APP, how_to_get

KEY_NAME = "headrace admin create"


async def create_admin(settings: Settings, *, if_none: bool, credentials: Path | None, home: str | None) -> None:
    """Make an administrator. What HEADRACE_ADMIN_EMAIL and HEADRACE_ADMIN_PASSWORD do not say is asked for.

    Args:
        settings: The database, and the email address and the password if they are set.
        if_none: Do nothing when there is an administrator already.
        credentials: Where to write the address, the password and an API key; no key is made when None.
        home: The home of the `up` whose database it is.

    Raises:
        CommandFailed: The address or the password cannot be used, the address is taken, or Postgres refuses.
    """
    settings = find_database(settings, home)
    if if_none and await _has_admin(settings):
        note("there is an administrator already; nothing was made")
        return
    secrets = read_secrets(settings) if credentials is not None else None
    email = _check_email(settings.admin.email or ask_text("email address"))
    password = settings.admin.password or ask_secret("password", twice=True)
    try:
        hashed = await Passwords().hash_new(password, about=(email,))
    except HeadraceError as error:
        raise CommandFailed(error.message, EXIT_REFUSED) from error
    async with open_database(settings.database) as session:
        user = await _insert_admin(session, email, hashed)
        if user is None:
            raise CommandFailed(f"there is an account with the address {email} already", EXIT_REFUSED)
        await add_audit_entry(session, Action.USER_CREATED, user, role=Role.ADMIN)
        if credentials is not None and secrets is not None:
            key = await make_key_of(session, secrets, user, KEY_NAME)
            Credentials(email=email, password=password, api_key=key).write(credentials)
    show(f"made the administrator {email}" + (f"; its API key is in {credentials}" if credentials else ""))


async def show_enter_link(settings: Settings, home: str | None) -> None:
    """Print a link that signs the first administrator of a running `up` in, on this machine.

    Raises:
        CommandFailed: No `up` runs there, its API has no web app or does not listen on this machine alone, or Postgres refuses.
    """
    place = Home.at(home or settings.home)
    running = place.running()
    if running is None:
        raise CommandFailed(
            f"no `headrace up` runs in {place.path}: start it, or name the home of another with --home", EXIT_REFUSED
        )
    host, _, port = running.api_url.partition("://")[2].rpartition(":")
    loopback = loopback_of(host.strip("[]"))
    if loopback is None:
        raise CommandFailed(
            f"{running.api_url} is no address of this machine alone, and the link works nowhere else: sign in with the "
            f"password in {place.credentials}",
            EXIT_REFUSED,
        )
    if not await has_web_app(loopback, int(port)):
        raise CommandFailed(
            f"{NO_WEB_APP}: {how_to_get()}\nthe password and an API key are in {place.credentials}", EXIT_REFUSED
        )
    settings = find_database(settings, home)
    async with open_database(settings.database) as session:
        local = await find_user(session, LOCAL)
        if local is None or (local.role, local.state) != (Role.ADMIN, UserState.ACTIVE):
            raise CommandFailed(
                "the first administrator was deleted, disabled or made a member: sign in as another one, or set a new "
                "password with `headrace admin reset EMAIL`",
                EXIT_REFUSED,
            )
        await add_audit_entry(session, Action.SIGN_IN_LINK_MADE, LOCAL)
        link = await make_enter_link(session, read_secrets(settings), LOCAL, f"http://{authority(loopback, int(port))}")
    show(link)
    note(f"it signs you in once, on this machine, within {ENTER_SECONDS // 60} minutes")


async def _has_admin(settings: Settings) -> bool:
    async with open_database(settings.database) as session:
        return await has_admin(session)


async def _insert_admin(session: AsyncSession, email: str, hashed: str) -> str | None:
    now = datetime.now(UTC)
    if (first := await create_first_admin(session, email, hashed, now)) is not None:
        return first
    row = UserRow(
        id=str(uuid_utils.uuid7()),
        email=email,
        display_name="Administrator",
        role=Role.ADMIN,
        state=UserState.ACTIVE,
        password=hashed,
        reason=None,
        created_at=now,
        decided_at=None,
        decided_by=None,
        seen_at=None,
    )
    return row.id if await insert_user(session, row) else None


def _check_email(text: str) -> str:
    try:
        return msgspec.convert(text, Email)
    except msgspec.ValidationError:
        raise CommandFailed(f"{text!r} is no email address", EXIT_REFUSED) from None
