"""The keys that `headrace login` keeps, each for one server, in the user's configuration folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
import platformdirs

from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.embedded.errors import HomeError
from headrace.embedded.home import directory_of_user
from headrace.embedded.private_files import private_directory, write_private

_OTHERS = 0o077  # the bits of a mode for everybody but the owner


class SavedKeys:
    """A file that has the key of each server, by the origin of the server.

    Args:
        file: The file; that in the user's configuration folder by default.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or directory_of_user(platformdirs.user_config_path) / "keys.json"

    def of(self, origin: str) -> str | None:
        """Return the key for a server; None when none is kept.

        Raises:
            CommandFailed: The file cannot be read, or others may read it.
        """
        return self._read().get(origin)

    def keep(self, origin: str, key: str) -> None:
        """Keep the key for a server, in the place of an earlier one.

        Raises:
            CommandFailed: The file cannot be read or written.
        """
        self._write({**self._read(), origin: key})

    def forget(self, origin: str) -> bool:
        """Forget the key for a server; returns whether there was one.

        Raises:
            CommandFailed: The file cannot be read or written.
        """
        keys = self._read()
        if keys.pop(origin, None) is None:
            return False
        self._write(keys)
        return True

    def _read(self) -> dict[str, str]:
        try:
            if self.file.stat().st_mode & _OTHERS:
                raise CommandFailed(
                    f"others may read {self.file}: change that with  chmod 600 {self.file}", EXIT_REFUSED
                )
            return msgspec.json.decode(self.file.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CommandFailed(f"{self.file} cannot be read ({error.strerror})", EXIT_REFUSED) from error
        except msgspec.MsgspecError:
            raise CommandFailed(
                f"{self.file} has no keys: remove it, and `headrace login` makes it anew", EXIT_REFUSED
            ) from None

    def _write(self, keys: dict[str, str]) -> None:
        text = msgspec.json.format(msgspec.json.encode(keys, order="sorted"), indent=2).decode() + "\n"
        try:
            private_directory(self.file.parent)
            write_private(self.file, text)
        except HomeError as error:
            raise CommandFailed(
                f"{self.file} cannot be written ({error.__cause__ or error}): set HEADRACE_API_KEY instead",
                EXIT_REFUSED,
            ) from error
