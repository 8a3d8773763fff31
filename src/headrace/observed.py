"""What a process sends to others about itself while it runs: spans, and reports of errors."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from headrace import error_reports
from headrace.errors import HeadraceError
from headrace.tracing.active import start_tracing, stop_tracing


@contextmanager
def observed(process: str) -> Generator[None]:
    """Trace the block and report its errors, where the environment says where to.

    Raises:
        HeadraceError: one of these is asked for and cannot be had.
    """
    try:
        start_tracing(process)
        error_reports.start(process)
        yield
    except Exception as error:
        if not isinstance(error, HeadraceError):
            error_reports.report_error(error)
        raise
    finally:
        send_what_waits()


def send_what_waits() -> None:
    """Send the last spans and the last reports, and make no more: what does not get through in a few seconds is lost.

    The seconds are the longer of `headrace.tracing.exporting.FLUSH_SECONDS` and `headrace.error_reports.FLUSH_SECONDS`.
    """
    # Whoever stops this process waits for the slower of the two, and not for one after the other.
    spans = threading.Thread(target=stop_tracing, name="last spans", daemon=True)
    spans.start()
    error_reports.stop()
    spans.join()
