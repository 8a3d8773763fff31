"""The API, for commands: what goes wrong with it, in words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import httpx

from headrace.cli.terminal.stopped import EXIT_REFUSED, EXIT_UNREACHABLE, Stopped
from headrace.client import NOT_HEADRACE, ProblemError


@contextmanager
def explaining(url: str) -> Generator[None]:
    """Turn what goes wrong with the API into `Stopped`.

    Raises:
        Stopped: instead of a `ProblemError` or an error of the connection.
    """
    try:
        yield
    except ProblemError as problem:
        away = problem.status >= 500 or problem.error_code == NOT_HEADRACE
        raise Stopped(readable(problem), EXIT_UNREACHABLE if away else EXIT_REFUSED) from problem
    except httpx.ConnectError as error:
        raise Stopped(
            f"nothing answers at {url} ({error}): start `headrace up`, or say where the API is with --url",
            EXIT_UNREACHABLE,
        ) from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise Stopped(
            f"{url} cannot be reached ({reason}): check that it is the API's address", EXIT_UNREACHABLE
        ) from error


def readable(problem: ProblemError) -> str:
    """A refusal in words, with each path that is wrong."""
    lines = [f"{problem.error_code}: {problem.message}"]
    lines += [f"  {error.path or '/'}: {error.message}" for error in problem.errors]
    if problem.status >= 500 and problem.correlation_id:
        lines.append(f"  correlation id {problem.correlation_id}")
    return "\n".join(lines)
