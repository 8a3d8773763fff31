"""Opening object storage: the stores that there may be, how patient they are, and what their errors mean here."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from headrace.file_errors import ObjectMissing, ObjectsUnavailable
from headrace.settings.object_storage import ObjectsSettings

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0  # in which some byte has to come
RETRIES_MAX = 4
RETRY_SECONDS = 60.0  # of all tries of one request together

AnyStore = LocalStore | S3Store | GCSStore | AzureStore
SigningStore = S3Store | GCSStore | AzureStore

# What is written to a directory has such a name until it is complete.
_IS_UNFINISHED = re.compile(r".+#[0-9]+").fullmatch


class Opened(NamedTuple):
    """A store, and the same as browsers reach it, which signs URLs; None for a directory, which cannot."""

    store: AnyStore
    signer: SigningStore | None


def open_store(settings: ObjectsSettings) -> Opened | None:
    """Open the store that the settings name; None when they name none. Nothing is asked of it yet.

    Raises:
        ObjectsUnavailable: The directory cannot be made.
    """
    if settings.url is None:
        return None
    place = urlsplit(settings.url)
    if place.scheme == "file":
        return _directory(Path(unquote(place.path)))
    prefix = place.path.strip("/") or None
    match place.scheme:
        case "s3":
            return Opened(
                _s3(settings, place.netloc, prefix, settings.endpoint),
                _s3(settings, place.netloc, prefix, settings.public_endpoint or settings.endpoint),
            )
        case "gs":
            gcs = GCSStore(place.netloc, prefix=prefix, **_client())
            return Opened(gcs, gcs)
        case _:
            azure = AzureStore(container_name=place.netloc, prefix=prefix, **_client())
            return Opened(azure, azure)


def _directory(path: Path) -> Opened:
    with as_unavailable(str(path)):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Opened(LocalStore(path, automatic_cleanup=True), None)


def _s3(settings: ObjectsSettings, bucket: str, prefix: str | None, endpoint: str | None) -> S3Store:
    config: Any = {}
    if endpoint is not None:
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
    if settings.region is not None:
        config["region"] = settings.region
    client = _client()
    client["client_options"]["allow_http"] = (endpoint or "").startswith("http://")
    return S3Store(bucket, prefix=prefix, config=config, **client)


def _client() -> dict[str, Any]:
    return {
        "client_options": {
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "read_timeout": timedelta(seconds=READ_SECONDS),
            # Of a whole object of any size; a transfer that stands still is ended by the limit of a read.
            "timeout": timedelta(days=1),
        },
        "retry_config": {"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    }


def remove_unfinished(directory: Path, before: datetime, *, only_count: bool) -> int:
    """Remove the files below a directory that were not completed and not written since a time; returns how many."""
    everything = (Path(place, name) for place, _, names in os.walk(directory) for name in names)
    found = 0
    for file in (each for each in everything if _IS_UNFINISHED(each.name)):
        # It may be completed, or given up, meanwhile.
        with suppress(FileNotFoundError):
            is_old = file.stat().st_mtime < before.timestamp()
            found += is_old
            if is_old and not only_count:
                file.unlink()
    return found


@contextmanager
def as_unavailable(key: str) -> Generator[None]:
    """Say what a store says in the errors of Headrace."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(f"there is no object {key}") from error
    except (BaseError, OSError, TimeoutError) as error:
        raise ObjectsUnavailable("the storage of files is not available at the moment; try again shortly") from error
