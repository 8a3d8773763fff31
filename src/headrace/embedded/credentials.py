"""The credentials of the administrator that `headrace up` makes, as its home keeps them for the people of this machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from headrace.embedded.errors import HomeError
from headrace.embedded.private_files import read_private, write_private


class Credentials(Struct, frozen=True, kw_only=True):
    """How the administrator of a home signs in."""

    email: str
    password: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials(email={self.email!r})"

    @classmethod
    def read(cls, file: Path) -> Credentials | None:
        """Read the credentials from a file; None when there is no file.

        Raises:
            HomeError: The file cannot be read, has something else, or another user may have written or read it.
        """
        try:
            return msgspec.json.decode(read_private(file), type=cls)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return None
        except OSError as error:
            raise HomeError(
                f"{file} cannot be read ({error.strerror}): it is for the user that runs `headrace up`"
            ) from error
        except msgspec.MsgspecError:
            raise HomeError(
                f"{file} has no credentials: remove it, and `headrace up` says how to get in again"
            ) from None

    def write(self, file: Path) -> None:
        """Write the credentials to a file that no other user may read.

        Raises:
            HomeError: The file cannot be written.
        """
        write_private(file, msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n")
