from __future__ import annotations

import os
import signal
import subprocess
import sys

WATCH = "from headrace import parent_watch; parent_watch.GRACE_SECONDS = 0.1; parent_watch.watch_parent(); print('ready', flush=True);"


def end_of(code: str, before: str = "", **environ: str) -> int:
    """The exit code of a child whose parent's end of the pipe closes when it is ready; it does ``before`` until then."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{WATCH}{code}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environ},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process:
        process.stdout.readline()
        process.stdin.close()
        return process.wait(timeout=20)


def test_a_child_is_told_to_end_when_its_parent_is_gone() -> None:
    assert end_of("import signal; signal.pause()", HEADRACE_PARENT_PIPE="1") == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    assert end_of("[signal.pause() for _ in range(9)]", before=deaf, HEADRACE_PARENT_PIPE="1") == -signal.SIGKILL


def test_nothing_is_watched_when_nobody_holds_the_pipe() -> None:
    assert end_of("import sys; sys.stdin.read(); sys.exit(7)") == 7
