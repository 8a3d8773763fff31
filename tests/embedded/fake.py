"""A child that stands for one of ours: ``fake.py NAME``, with HEADRACE_* as `up` gives it.

It answers 200 to everything where NAME would listen, ends with 0 on SIGTERM, and says what it does. With FAKE_STOP=never it
goes on after SIGTERM, with FAKE_MIGRATE=fails the migration fails, with FAKE_WORKER=fails each worker ends at once and the API starts
after three of them, with FAKE_APP=missing the API has no page, and with FAKE_ADMIN=fails the first administrator cannot be made.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from headrace.parent_watch import watch_parent
from headrace.settings import split_bind

ENDS = 3
LISTENS = {
    "api": ("HEADRACE_API_BIND", "HEADRACE_API_OPS"),
    "worker": ("HEADRACE_WORKER_OPS",),
    "projector": ("HEADRACE_PROJECTOR_OPS",),
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asked = await reader.readuntil(b"\r\n\r\n")
    has_page = not asked.startswith(b"GET / ") or os.environ.get("FAKE_APP") != "missing"
    status = b"200 OK" if has_page else b"404 Not Found"
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    await writer.drain()
    writer.close()


async def listen(variable: str) -> asyncio.Server:
    is_shared = variable == "HEADRACE_API_BIND" and os.environ.get("HEADRACE_API_SHARE_BIND") == "true"
    return await asyncio.start_server(answer, *split_bind(os.environ[variable]), reuse_port=is_shared)


async def fail_or_wait_for_failures(name: str) -> None:
    """Have a worker end, and the API start when three workers have ended."""
    ended = Path(os.environ["HEADRACE_HOME"]) / "workers-ended"
    if name == "worker":
        with ended.open("a") as counted:
            counted.write("x")
        sys.exit("no type annotations")
    while name == "api" and len(ended.read_text() if ended.exists() else "") < ENDS:
        await asyncio.sleep(0.02)


async def main(name: str) -> None:
    watch_parent()
    if os.environ.get("FAKE_WORKER") == "fails":
        await fail_or_wait_for_failures(name)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    servers = [await listen(variable) for variable in LISTENS[name]]
    print(f"{name} runs as {os.getpid()}", flush=True)
    secrets, credentials = (os.environ.get(f"HEADRACE_{of}") for of in ("API_FOLLOW_SECRETS", "NATS_CREDENTIALS"))
    print(f"{name} has {len(secrets or '')} letters of secrets, credentials: {credentials}", flush=True)
    secrets_end = ("SECRETS", "KEY", "KEY_FILE", "PASSWORD", "DATABASE_URL", "OWN_VALUE")
    print(f"{name} may read {sorted(each for each in os.environ if each.endswith(secrets_end))}", flush=True)
    await told.wait()
    for server in servers:
        server.close()
    print(f"{name} was told to stop", flush=True)
    if os.environ.get("FAKE_STOP") == "never":
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "provision":
        print(f"provisioning as {os.environ.get('HEADRACE_NATS_USER')}", flush=True)
    elif sys.argv[1] == "admin":
        assert len(os.environ["HEADRACE_API_SECRETS"]) >= 32
        print("made with", *sys.argv[2:])
        if os.environ.get("FAKE_ADMIN") == "fails":
            sys.exit("no such table")
        if "--link" in sys.argv:
            print(f"{sys.argv[sys.argv.index('--link') + 1]}/enter/s3cret")
    elif sys.argv[1] == "migrate":
        if os.environ.get("FAKE_MIGRATE") == "fails":
            sys.exit("no such column")
        print("migrated", os.environ["HEADRACE_DATABASE_URL"])
    else:
        asyncio.run(main(sys.argv[1]))
