from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

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


def test_standard_input_is_at_its_end_for_the_child_and_for_what_it_starts() -> None:
    code = "import subprocess, sys; print(len(sys.stdin.read()), len(subprocess.check_output(['cat'])), flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{WATCH}{code}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HEADRACE_PARENT_PIPE": "1"},
        start_new_session=True,
    )
    killed = threading.Timer(10, process.kill)
    killed.start()
    assert process.stdout is not None
    with process:
        assert process.stdout.read().split() == [b"ready", b"0", b"0"]
    killed.cancel()
