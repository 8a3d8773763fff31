"""The room for what clients upload: a bound on the bytes of all requests together, in memory or on the disk."""

from __future__ import annotations

from headrace.errors import TooManyUploads


class UploadRoom:
    """Counts the bytes that requests keep while they are served.

    Args:
        bytes_max: The most bytes of all requests together.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._taken = 0

    def take(self, size: int) -> None:
        """Count bytes that a request is about to keep.

        Raises:
            TooManyUploads: There is no room for them.
        """
        if self._taken + size > self._bytes_max:
            raise TooManyUploads("the API receives as many large bodies as it can at the moment; try again shortly")
        self._taken += size

    def give_back(self, size: int) -> None:
        """Count bytes no more, because their request is over."""
        self._taken -= size
