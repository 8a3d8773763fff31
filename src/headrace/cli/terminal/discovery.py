"""Find a running Headrace: the address that was given, else the `headrace up` of this machine, else the default."""

from __future__ import annotations

import os

import msgspec

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.embedded.home import Home
from headrace.log.permissions import OPERATOR
from headrace.settings import DatabaseSettings, NatsSettings, Settings
from headrace.settings.object_storage import ObjectsSettings
from headrace.settings.secret_files import is_given


def find_api(given: str | None, settings: Settings) -> str:
    """Return the URL of the API: ``given``, else HEADRACE_URL, else that of the running `up`, else the default."""
    running = Home.at(settings.home).running()
    if given or is_given(os.environ, "HEADRACE_URL"):
        url = given or settings.url
        return running.api_url if running and _is_localhost_of(running.api_url, url) else url
    return running.api_url if running else settings.url


def _is_localhost_of(api_url: str, url: str) -> bool:
    """Tell whether ``url`` says `localhost` for the server at ``api_url``, whose key goes to no other that has this name too."""
    api, _, port = api_url.removeprefix("http://").rpartition(":")
    return api in ("127.0.0.1", "0.0.0.0", "[::1]", "[::]") and url.rstrip("/") == f"http://localhost:{port}"  # noqa: S104


def find_nats(settings: Settings, given: str | None = None) -> Settings:
    """Return the settings with a NATS: of the `up` with the home ``given``, else of HEADRACE_NATS_URL, else of the running `up`.

    Raises:
        CommandFailed: No `up` runs in the home ``given``.
    """
    if given is None and is_given(os.environ, "HEADRACE_NATS_URL"):
        return settings
    home = Home.at(given or settings.home)
    running = home.running()
    if running is None and given is not None:
        raise CommandFailed(
            f"no `headrace up` runs in {home.path}: start it, or name the home of another", EXIT_REFUSED
        )
    if running is None:
        return settings
    nats = NatsSettings(url=running.nats_url, user=OPERATOR, password=home.nats_password(OPERATOR))
    return msgspec.structs.replace(settings, nats=nats)


def find_database(settings: Settings, given: str | None = None) -> DatabaseSettings | None:
    """Return the read model beside the NATS of `find_nats`; None when nobody has said where it is."""
    if given is None and settings.database != DatabaseSettings(pool=settings.database.pool):
        return settings.database
    running = (
        None
        if given is None and is_given(os.environ, "HEADRACE_NATS_URL")
        else Home.at(given or settings.home).running()
    )
    return DatabaseSettings(url=running.database_url) if running else None


def find_objects(settings: Settings, given: str | None = None) -> ObjectsSettings:
    """Return where files are: HEADRACE_OBJECTS_URL, else the directory of the `up` that `find_nats` finds."""
    if settings.objects.url is not None or (given is None and is_given(os.environ, "HEADRACE_NATS_URL")):
        return settings.objects
    home = Home.at(given or settings.home)
    return msgspec.structs.replace(settings.objects, url=home.objects.as_uri()) if home.running() else settings.objects


def how_to_find(settings: Settings, option: str) -> str:
    """Say where a running `up` was looked for in vain, and how to name another: with ``option``, or with HEADRACE_HOME."""
    home = Home.at(settings.home)
    if home.running() is not None:
        return f"the `headrace up` of {home.path} runs; if another is meant, name it with {option} or HEADRACE_HOME"
    return f"no `headrace up` runs in {home.path}: start it, or name another with {option} or HEADRACE_HOME"
