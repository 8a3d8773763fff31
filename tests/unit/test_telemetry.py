"""What a terminal, and a machine, are shown of a log line whose values come from others."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

import pytest

from headrace.telemetry import get_logger, set_up_logs
from tests.logs import logs_as_found

PATH = "/x\x1b]0;pwned\x07\x9b2J\u202e"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    with logs_as_found():
        yield


@pytest.mark.parametrize("format", ["pretty", "json"])
def test_no_value_of_a_line_does_anything_on_a_terminal(
    format: Literal["pretty", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("api", format=format)
    log = get_logger("test")
    try:
        raise ValueError(PATH)
    except ValueError:
        log.exception("refused %s", PATH, path=PATH, paths=[PATH], error=ValueError(PATH))
    logging.getLogger("theirs").error("said %s", PATH)
    said = capsys.readouterr().err
    assert all(line.replace("\t", "").isprintable() for line in said.split("\n")), said
    assert said.count("pwned") >= 5


def test_a_line_for_machines_says_what_was_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("api", format="json")
    get_logger("test").warning("refused", path=PATH)
    assert json.loads(capsys.readouterr().err)["path"] == PATH


@pytest.mark.parametrize(
    "closes", ["sys.stderr.close()", "sys.stdout.close(); sys.stderr.close()", "os.close(2)", "sys.stderr = None"]
)
def test_a_handler_that_closes_standard_error_stops_neither_the_log_nor_who_logs(closes: str) -> None:
    code = f"""
import os, sys
from headrace.telemetry import get_logger, set_up_logs
set_up_logs("worker", format="json")
{closes}
get_logger("test").warning("still here")
os._exit(7)
"""
    ended = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=20, check=False)
    assert ended.returncode == 7
    assert json.loads(ended.stderr)["event"] == "still here"
