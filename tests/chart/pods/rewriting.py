"""What a container is told that means something else on this machine, and nothing more.

- an address without a host, as `:9090`, whose port the container has: the address of the pod, because all pods share a host;
- a path below one where a volume is mounted: the directory of that volume, because there are no mounts;
  a path below that of the node is left, since only a test can mean one;
- the name of a Service in a URL: the address of its stand-in, because there is no DNS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

# A name with the namespace or without, as pods may write it, and its port.
_AUTHORITY = re.compile(r"(?<=//)([a-z0-9-]+)((?:\.[a-z0-9-]+(?:\.svc(?:\.cluster\.local)?)?)?)(:\d+)?(?=[/?]|$)")

AddressOf = Callable[[str, int], str | None]


class Rewriting(NamedTuple):
    """What is replaced in the environment and the arguments of a container."""

    place: Path
    address: str
    ports: frozenset[int]
    mounts: dict[str, Path]
    service: AddressOf

    def __call__(self, text: str) -> str:
        """Return a value as it has to be on this machine."""
        if text.startswith(":") and text[1:].isdecimal() and int(text[1:]) in self.ports:
            return self.address + text
        for path, directory in self.mounts.items():
            if text.startswith(f"{self.place}/") or text == str(self.place):
                break
            if text == path or text.startswith(f"{path}/"):
                return f"{directory}{text[len(path) :]}"
        return _AUTHORITY.sub(self._authority, text)

    def _authority(self, found: re.Match[str]) -> str:
        return self.service(found[1], int((found[3] or ":80")[1:])) or found[0]
