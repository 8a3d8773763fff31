"""Find a running Headrace: the address that was given, else the `headrace up` of this machine, else the default."""

from __future__ import annotations

import os

import msgspec

from headrace.embedded.home import Home
from headrace.settings import NatsSettings, Settings


def find_api(given: str | None, settings: Settings) -> str:
    """Return the URL of the API: ``given``, else HEADRACE_URL, else that of the running `up`, else the default."""
    if given or os.environ.get("HEADRACE_URL"):
        return given or settings.url
    running = Home.at(settings.home).running()
    return running.api_url if running else settings.url


def find_nats(settings: Settings) -> Settings:
    """Return the settings with a NATS: that of HEADRACE_NATS_URL, else that of the running `up`, else the default."""
    if os.environ.get("HEADRACE_NATS_URL"):
        return settings
    home = Home.at(settings.home)
    running = home.running()
    if running is None:
        return settings
    nats = NatsSettings(url=running.nats_url, token=settings.nats.token or home.nats_token())
    return msgspec.structs.replace(settings, nats=nats)
