"""Bringing the database up to date with `headrace.store.tables`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from headrace.settings import DatabaseSettings
from headrace.store.engine import sqlalchemy_url


def migrate(settings: DatabaseSettings) -> None:
    """Apply every migration that the database does not have yet; safe to run from several processes at once.

    Raises:
        OSError: Postgres cannot be reached.
        sqlalchemy.exc.DBAPIError: Postgres refuses a migration.
    """
    command.upgrade(alembic_config(settings), "head")


def alembic_config(settings: DatabaseSettings) -> Config:
    """Configure Alembic for a database."""
    config = Config()
    config.set_main_option("script_location", str(_migrations()))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = sqlalchemy_url(settings.url)
    return config


def _migrations() -> Path:
    package = Path(__file__).parents[1]
    # A wheel has the migrations inside the package, a checkout at its top.
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"
