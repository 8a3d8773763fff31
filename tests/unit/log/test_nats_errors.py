from __future__ import annotations

import pytest
from nats.errors import ConnectionClosedError, Error, NoRespondersError

from headrace.errors import LogUnavailable
from headrace.log.nats_errors import nats_errors_as_unavailable


@pytest.mark.parametrize("error", [ConnectionClosedError(), NoRespondersError(), Error()])
def test_every_error_of_the_client_library_means_that_the_log_is_unavailable(error: Error) -> None:
    with (
        pytest.raises(LogUnavailable, match=r"cannot be reached \(.+\); try again") as raised,
        nats_errors_as_unavailable(),
    ):
        raise error
    assert raised.value.__cause__ is error


def test_an_error_that_is_not_of_the_client_library_passes_unchanged() -> None:
    with pytest.raises(ValueError, match="mine"), nats_errors_as_unavailable():
        raise ValueError("mine")
