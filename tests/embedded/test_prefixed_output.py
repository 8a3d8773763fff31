from __future__ import annotations

import asyncio
import os
import threading

import pytest

from headrace.embedded.line_writer import STALLED_SECONDS, WAITING_LINES_MAX
from headrace.embedded.prefixed_output import PrefixedOutput

LINE = "x" * 1000
LINES = 2 * WAITING_LINES_MAX


async def test_output_that_nobody_reads_holds_nobody_up_and_says_later_what_it_left_out() -> None:
    read, write = os.pipe()
    said: list[str] = []
    with os.fdopen(write, "w") as stream:
        output = PrefixedOutput(stream)
        say = output.of("worker")
        unread = threading.Thread(target=lambda: [say(LINE) for _ in range(LINES)], daemon=True)
        unread.start()
        unread.join(STALLED_SECONDS + 9)
        assert not unread.is_alive()

        reading = threading.Thread(target=_read_lines, args=(read, said))
        reading.start()
        while not (notices := [line for line in said if "left out" in line]):
            output.say("back")
            await asyncio.sleep(0.01)
        output.close()
    reading.join()
    written = said.count(f"worker    | {LINE}")
    assert WAITING_LINES_MAX <= written < LINES
    assert int(notices[0].removeprefix("up        | ").split()[0].replace(",", "")) >= LINES - written


def test_what_was_said_before_a_flush_is_written_when_it_returns() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    with os.fdopen(write, "w") as stream:
        output = PrefixedOutput(stream)
        for number in range(100):
            output.say(str(number))
        output.flush()
        assert os.read(read, 1 << 16).decode().splitlines()[-1] == "up        | 99"
        output.close()
    os.close(read)


def test_there_may_be_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    output = PrefixedOutput()
    output.say("to nobody")
    output.close()


def _read_lines(descriptor: int, said: list[str]) -> None:
    with os.fdopen(descriptor) as lines:
        said.extend(line.rstrip("\n") for line in lines)
