"""Bringing the database up to date with the tables in `models`."""

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
        sqlalchemy.exc.DBAPIError: it refuses a migration.
    """
    command.upgrade(alembic_config(settings), "head")


def alembic_config(settings: DatabaseSettings) -> Config:
    """Alembic's configuration, for this database."""
    config = Config()
    config.set_main_option("script_location", str(_migrations()))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = sqlalchemy_url(settings.url)
    return config


def _migrations() -> Path:
    package = Path(__file__).parents[1]
    packaged = package / "migrations"  # in a wheel; in a checkout they are at the top
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"
