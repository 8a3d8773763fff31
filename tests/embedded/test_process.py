from __future__ import annotations

import os
import signal
import sys

import pytest

from headrace.embedded.errors import ServerError
from headrace.embedded.process import LINE_BYTES_MAX, Process, describe_exit
from tests.embedded.conftest import alive, until


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_both_outputs_come_as_lines_and_long_ones_are_cut() -> None:
    lines: list[str] = []
    code = """if 1:
        import sys
        sys.stdout.write('one\\n' + 'x' * 100_000 + '\\ntwo'); sys.stdout.flush(); print(' three', file=sys.stderr); print('last', end='')"""
    process = await Process.start(python(code), on_line=lines.append)
    assert await process.wait() == 0
    assert [line[:12] for line in lines] == ["one", "x" * 12, "two three", "last"]
    assert len(lines[1]) == LINE_BYTES_MAX + 1
    assert process.last_line() == "last"


async def test_a_program_that_fails_is_quoted_with_its_error_and_not_with_what_it_did_about_it() -> None:
    said = (
        "creating configuration files ... ",
        "initdb: error: could not write file: No space left on device",
        "initdb: removing data directory",
    )
    process = await Process.start(python(f"print(*{said}, sep='\\n')"))
    await process.wait()
    assert process.cause() == said[1]
    process = await Process.start(python("print('one'); print('an error is not here')"))
    await process.wait()
    assert process.cause() == "an error is not here"


async def test_what_a_program_started_does_not_outlive_it() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    process = await Process.start(python(code))
    assert await process.wait() == 0
    await until(lambda: not alive(int(process.last_line())), "the end of the grandchild")


async def test_one_that_does_not_end_when_told_is_killed() -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    process = await Process.start(python(code))
    await until(lambda: process.tail, "its first line")
    assert await process.stop(grace=0.1) == -signal.SIGKILL


async def test_one_that_ends_before_it_is_ready_is_reported_with_its_last_line() -> None:
    async def never() -> bool:
        return False

    process = await Process.start(python("import sys; sys.exit('no such thing')"))
    with pytest.raises(ServerError, match=r"ended while it started \(exit code 1\): no such thing"):
        await process.ready(never, timeout=10)


async def test_it_has_a_session_of_its_own_and_the_default_signals() -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), open('/proc/self/status').read() if 0 else '')"
    process = await Process.start(python(code))
    await process.wait()
    assert process.last_line().startswith("True")
    assert os.getsid(0) != process.pid


def test_exits_are_described() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "killed by SIGKILL"
    assert describe_exit(-99) == "killed by signal 99"
