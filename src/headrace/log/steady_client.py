"""nats-py's client, with what a process that lives for months needs it to do otherwise, and with less work for each message.

Each method here replaces one of nats-py that is not public, or mends a public one. Should nats-py rename one, its own is called,
and everything still works; a test then says which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from headrace.log.wire import WireParser

FLUSH_TIMEOUT_SECONDS = 10  # as nats-py has it
NAMES_MAX = 256  # of headers whose form is remembered; there are some thirty

_HEAD = b"NATS/1.0\r\n"


class SteadyClient(Client):
    """A client that flushes all it has, stays connected when somebody stops waiting, and handles messages sooner."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = WireParser(self)
        self._hearing: dict[int, Callable[[Msg], None]] = {}

    async def hear(self, subject: str, on_message: Callable[[Msg], None]) -> Subscription:
        """Subscribe with a plain function, which is called while the connection is read.

        nats-py puts each message into a queue, from which a task takes it. That takes twice as long, and is of use only where
        messages wait for something.

        Args:
            subject: The subject, wildcards allowed.
            on_message: Called for each message, in order. It must not take long, because nothing else is read meanwhile.

        Raises:
            nats.errors.Error: The connection is closed, or draining.
        """

        async def on_queued(message: Msg) -> None:
            on_message(message)

        subscription = await self.subscribe(subject, cb=on_queued)
        self._hearing[next(sid for sid, each in self._subs.items() if each is subscription)] = on_message
        return subscription

    async def flush(self, timeout: int = FLUSH_TIMEOUT_SECONDS) -> None:
        """Return when the server has everything that was sent before, subscriptions among it; see `Client.flush`.

        nats-py writes its ping ahead of what waits in its buffer, so without this the server would answer too early.
        """
        await self._flush_pending(force_flush=True)
        task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        await super().flush(timeout)
        if task is not None and task.cancelling() > before:
            # Up to Python 3.11, `asyncio.wait_for` passes over a cancellation that comes in the moment of the answer.
            raise asyncio.CancelledError

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        """Pass on a message; see `Client._process_msg`."""
        hear = self._hearing.get(sid)
        if hear is None or sid not in self._subs:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        try:
            if not headers:
                read = None
            elif headers.startswith(_HEAD):
                read = self._parse_header_lines(headers[len(_HEAD) :])
            else:
                # They begin with a status.
                read = await self._process_headers(headers)
            hear(Msg(self, subject.decode(), reply.decode(), data, read))
        except Exception as error:  # noqa: BLE001 - as nats-py: the connection is read on, whatever a callback raises
            await self._error_cb(error)

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        """Forget a subscription; see `Client._remove_sub`."""
        super()._remove_sub(sid, max_msgs)
        if sid not in self._subs:
            self._hearing.pop(sid, None)

    async def _send_publish(
        self, subject: str, reply: str, payload: bytes, payload_size: int, headers: dict[str, Any] | None
    ) -> None:
        """Send a message; see `Client._send_publish`.

        nats-py goes through every character of every header. Here names are checked once, and nearly all values in one look.
        """
        written = self._write_headers(headers) if headers else None
        if written is None:
            await super()._send_publish(subject, reply, payload, payload_size, headers)
            return
        line = f"HPUB {subject} {reply} {len(written)} {len(written) + payload_size}\r\n"
        await self._send_command(b"".join((line.encode(), written, payload, b"\r\n")))
        if self._flush_queue is not None and self._flush_queue.empty():
            await self._flush_pending()

    def _write_headers(self, headers: dict[str, str]) -> bytes | None:
        """Return headers as they are sent; None when they are unusual, so that nats-py mends or refuses them."""
        if not all(map(_is_plain, headers)):
            return None
        text = "".join([f"{name}: {value.strip()}\r\n" for name, value in headers.items()])
        if text.count("\n") != len(headers) or text.count("\r") != len(headers):
            return None
        return _HEAD + f"{text}\r\n".encode()

    async def _process_pong(self) -> None:
        """Give the answer to a ping to who waits for it; see `Client._process_pong`.

        Who was cancelled or waited too long does not wait any more. nats-py would end its reading of the connection on such an
        answer, and the process would hear nothing until two pings have failed.
        """
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Read headers in a third of the time that nats-py takes.

        nats-py checks every character of every header's name, which is a tenth of a projector's work; the server sends
        well-formed names. Should nats-py rename this method, its own is called, and everything still works.
        """
        lines = [line.partition(":") for line in raw.decode("utf-8", "replace").split("\r\n") if line]
        return {name: value.strip() for name, _, value in lines}


@lru_cache(NAMES_MAX)
def _is_plain(name: str) -> bool:
    """Whether the name of a header has letters, digits and hyphens only."""
    return name.isascii() and name.replace("-", "a").isalnum()
