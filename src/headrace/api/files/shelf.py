"""What the routes of files share: the object storage, the table, the limits, and turns for what takes memory."""

from __future__ import annotations

from urllib.parse import urlsplit

from headrace.api.files.verification import Verifications
from headrace.api.identity_database import IdentityDatabase
from headrace.api.turns import Turns
from headrace.errors import TooManyUploads
from headrace.file_errors import FilesOff, FileTooLarge, ObjectsUnavailable
from headrace.identity.file_urls import FileUrls
from headrace.identity.secrets import Secrets
from headrace.objects import Objects, open_objects
from headrace.settings.object_storage import ObjectsSettings
from headrace.telemetry import get_logger

LOCAL_WRITES = 64  # bodies that are written to a directory at a time; each has two megabytes in memory
CLOUD_WRITES = 8  # to a cloud store; each has 24 MB in memory
WRITES_WAITING_MAX = 500  # that are written, and wait for their turn
WRITE_PATIENCE_SECONDS = 25.0  # of waiting for a turn; proxies end a request that nothing happens to after 30 or 60

log = get_logger(__name__)


class FileShelf:
    """The files of an installation, as the API uses them.

    Args:
        settings: Where they are, and the limits.
        secrets: Sign the URLs of this API.
        identity: The database with the table.

    Attributes:
        urls: Signs URLs and verifies them.
        writes: Turns for bodies that pass through this process.
        verifications: The uploads that this process verifies.

    Raises:
        ObjectsUnavailable: The directory cannot be made.
    """

    def __init__(self, settings: ObjectsSettings, secrets: Secrets, identity: IdentityDatabase) -> None:
        self._objects = open_objects(settings)
        self.settings, self.identity = settings, identity
        self.urls = FileUrls(secrets)
        self.writes = Turns(
            LOCAL_WRITES if self._objects is None or self._objects.is_local else CLOUD_WRITES,
            WRITES_WAITING_MAX,
            _too_many,
            WRITE_PATIENCE_SECONDS,
        )
        self.verifications = Verifications(identity, self.require)

    @property
    def are_kept(self) -> bool:
        """Whether there is a store."""
        return self._objects is not None

    @property
    def bytes_max(self) -> int:
        """The bytes that a file may have; 0 without a store."""
        return self.settings.file_bytes_max if self.are_kept else 0

    @property
    def objects(self) -> Objects | None:
        """The store; None when the installation has none."""
        return self._objects

    @property
    def download_url(self) -> str | None:
        """Where a CDN asks for files; None when there is none."""
        return self.settings.download_url and self.settings.download_url.rstrip("/")

    def require(self) -> Objects:
        """Return the store.

        Raises:
            FilesOff: There is none.
        """
        if self._objects is None:
            raise FilesOff("files are not set up here; give every API process and worker the same HEADRACE_OBJECTS_URL")
        return self._objects

    def check_size(self, size: int) -> None:
        """Let a size pass that a file may have.

        Raises:
            FileTooLarge: It is more than one file may have.
        """
        if size > self.settings.file_bytes_max:
            raise FileTooLarge(
                f"a file may have {self.settings.file_bytes_max:,} bytes, this one has {size:,}; send a smaller one"
            )

    async def find_origins(self) -> tuple[str, ...]:
        """Return the origins to which browsers are sent for files, besides that of the API."""
        found = [self.download_url] if self.download_url else []
        try:
            signed = None if self._objects is None else await self._objects.sign("GET", "files", 60)
        except ObjectsUnavailable as error:
            log.warning("browsers are not told where files are, so pages show none", reason=error.message)
        else:
            found += [signed] if signed else []
        return tuple(f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, found))

    def close(self) -> None:
        """End what goes on by itself."""
        self.verifications.close()


def _too_many() -> TooManyUploads:
    return TooManyUploads("the API receives as many files as it can at the moment; try again shortly")
