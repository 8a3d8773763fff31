"""A database with the secret of its API, on which the commands for accounts work without servers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.cli.terminal.accounts.database import open_database
from headrace.cli.terminal.accounts.first_admin import make_first_admin
from headrace.embedded.credentials import Credentials
from headrace.identity.made_secrets import make_secret
from headrace.identity.secrets import Secrets
from headrace.settings import Settings
from headrace.store.api_keys import find_key_by_hash
from headrace.store.identity_tables import UserRow
from headrace.store.one_time_tokens import Purpose, use_token
from headrace.store.users import find_user

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
