"""A `.creds` file, as `nsc` writes it, against a server that lets only such users in."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import nkeys

from headrace.embedded.nats import nats_server
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.process import Process
from headrace.log.client import open_client
from headrace.settings import Settings
from tests.waiting import until

LIMITS = {
    "subs": -1,
    "data": -1,
    "payload": -1,
    "imports": -1,
    "exports": -1,
    "wildcards": True,
    "conn": -1,
    "leaf": -1,
}
CREDENTIALS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Signer:
    """A pair of keys: of an operator, an account or a user."""

    def __init__(self, prefix: int) -> None:
        self.seed = nkeys.encode_seed(os.urandom(32), prefix)
        self._pair = nkeys.from_seed(bytearray(self.seed))
        self.public = self._pair.public_key.decode()

    def sign(self, subject: str, nats: dict[str, Any]) -> str:
        """Make a JWT in the form of NATS (github.com/nats-io/jwt)."""
        claims = {"jti": subject[:20], "iat": int(time.time()), "iss": self.public, "name": "test", "sub": subject}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, claims | {"nats": nats | {"version": 2}}]
        text = ".".join(encoded(json.dumps(each).encode()) for each in parts)
        return f"{text}.{encoded(self._pair.sign(text.encode()))}"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


async def test_a_user_comes_in_with_a_file_of_credentials(place: Path) -> None:
    operator, account, user = (
        Signer(prefix) for prefix in (nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER)
    )
    (port,) = free_ports(1)
    configuration = {
        "listen": f"{LOOPBACK}:{port}",
        "operator": operator.sign(operator.public, {"type": "operator"}),
        "resolver": "MEMORY",
        "resolver_preload": {account.public: operator.sign(account.public, {"type": "account", "limits": LIMITS})},
    }
    (place / "nats.conf").write_text(json.dumps(configuration))
    jwt = account.sign(user.public, {"type": "user", "subs": -1, "data": -1, "payload": -1})
    (place / "user.creds").write_text(CREDENTIALS.format(jwt=jwt, seed=user.seed.decode()))
    lines: list[str] = []
    process = await Process.start((nats_server(), "-c", str(place / "nats.conf")), on_line=lines.append)
    try:
        await until(lambda: any("Server is ready" in line for line in lines), f"NATS after {lines}")
        environ = {
            "HEADRACE_NATS_URL": f"nats://{LOOPBACK}:{port}",
            "HEADRACE_NATS_CREDENTIALS": str(place / "user.creds"),
        }
        async with open_client(Settings.read(environ).nats, "test", 5) as client:
            await client.flush()
            assert client.asks_who_we_are
    finally:
        await process.stop(5)
