"""What a process sends to others about itself while it runs: spans, and reports of errors."""

from __future__ import annotations

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
        stop_tracing()
        error_reports.stop()
