"""The errors of files, raised on purpose like those of `headrace.errors`.

HeadraceError
├── ObjectsUnavailable           503 objects_unavailable  Retry-After
├── ObjectMissing                404 object_missing       never shown as such: a file has its own error
├── FilesOff                     501 files_off
├── ValueMissing                 410 value_missing
├── FileNotFound                 404 file_not_found
├── FileNotReady                 409 file_not_ready
├── FileOfTask                   409 file_of_task
├── UploadEnded                  409 upload_ended
├── PartsMissing                 409 parts_missing
├── FileTooLarge                 413 file_too_large
├── QuotaExceeded                413 quota_exceeded
├── FileRefused                  422 file_refused
│   ├── WrongSize                422 wrong_size
│   ├── WrongChecksum            422 wrong_checksum
│   └── WrongType                422 wrong_type
├── InvalidFileUrl               403 invalid_file_url
├── FileUrlExpired               403 file_url_expired
└── TooManyFilesVerified         503 too_many_files_verified  Retry-After
"""

from __future__ import annotations

from headrace.errors import HeadraceError


class ObjectsUnavailable(HeadraceError):
    """The object storage cannot be reached, or refuses what is asked of it. What needs no file goes on without it."""

    status = 503
    code = "objects_unavailable"
    retry_after = 2


class ObjectMissing(HeadraceError):
    """The object storage has no such object."""

    status = 404
    code = "object_missing"


class FilesOff(HeadraceError):
    """The installation has no object storage."""

    status = 501
    code = "files_off"


class ValueMissing(HeadraceError):
    """The object storage has lost the input or the result of a task."""

    status = 410
    code = "value_missing"


class FileNotFound(HeadraceError):
    """There is no such file, or it has another owner."""

    status = 404
    code = "file_not_found"


class FileNotReady(HeadraceError):
    """The file is not complete yet, or was refused, so it can be neither read nor given to a task."""

    status = 409
    code = "file_not_ready"


class FileOfTask(HeadraceError):
    """The file was produced by a task, and is removed together with it."""

    status = 409
    code = "file_of_task"


class UploadEnded(HeadraceError):
    """Parts of an upload are no longer taken: it was completed or refused."""

    status = 409
    code = "upload_ended"


class PartsMissing(HeadraceError):
    """Some parts of an upload have not arrived."""

    status = 409
    code = "parts_missing"


class FileTooLarge(HeadraceError):
    """The file is larger than one file may be."""

    status = 413
    code = "file_too_large"


class QuotaExceeded(HeadraceError):
    """The files of the owner would take more than they may take together."""

    status = 413
    code = "quota_exceeded"


class FileRefused(HeadraceError):
    """What has arrived is not the file that was declared."""

    status = 422
    code = "file_refused"


class WrongSize(FileRefused):
    """More or fewer bytes have arrived than were declared."""

    code = "wrong_size"


class WrongChecksum(FileRefused):
    """The SHA-256 of the bytes is not the one that was declared."""

    code = "wrong_checksum"


class WrongType(FileRefused):
    """The bytes are of another type than the one that was declared."""

    code = "wrong_type"


class InvalidFileUrl(HeadraceError):
    """The URL was not signed here for this use, or was changed."""

    status = 403
    code = "invalid_file_url"


class FileUrlExpired(HeadraceError):
    """The URL has expired."""

    status = 403
    code = "file_url_expired"


class TooManyFilesVerified(HeadraceError):
    """Many files are being verified at the moment; each is read as a whole."""

    status = 503
    code = "too_many_files_verified"
    retry_after = 5
