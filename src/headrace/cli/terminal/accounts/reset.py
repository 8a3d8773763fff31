"""`headrace admin reset`: let somebody set a new password who does not know the old one."""

from __future__ import annotations

from headrace.cli.terminal.accounts.audit import add_audit_entry
from headrace.cli.terminal.accounts.credentials import RESET_SECONDS, make_reset_token
from headrace.cli.terminal.accounts.database import find_database, open_database, read_secrets
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import note, show
from headrace.contracts.audit import Action
from headrace.settings import Settings
from headrace.store.users import find_by_email


async def show_reset_token(settings: Settings, email: str, home: str | None) -> None:
    """Print a token with which the user of an email address sets a new password, once.

    Args:
        settings: The database, and the secrets of the API.
        email: The address, in any case.
        home: The home of the `up` whose database it is.

    Raises:
        CommandFailed: No account has the address, the secrets are not set, or Postgres refuses.
    """
    settings = find_database(settings, home)
    secrets = read_secrets(settings)
    async with open_database(settings.database) as session:
        user = await find_by_email(session, email)
        if user is None:
            raise CommandFailed(f"there is no account with the address {email}", EXIT_REFUSED)
        token = await make_reset_token(session, secrets, user.id)
        await add_audit_entry(session, Action.PASSWORD_RESET_ASKED, user.id)
    # It is printed when it is valid, and not before.
    show(token)
    minutes = RESET_SECONDS // 60
    note(
        f'it sets a new password once, within {minutes} minutes: PUT /api/v1/password with {{"token": …, "password": …}}'
    )
    if user.state != "active":
        note(f"the account is {user.state}, which a new password does not change")
