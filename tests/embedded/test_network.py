from __future__ import annotations

import pytest

from headrace.embedded.errors import PortError
from headrace.embedded.network import check_port, free_ports, why_not_ready


@pytest.mark.parametrize("host", ["no such host", "a..b", "\udcff", "x" * 300, "203.0.113.1"])
def test_an_address_that_is_none_of_this_machine_is_refused_in_words(host: str) -> None:
    with pytest.raises(PortError, match=r"cannot listen on .*: name an address of this machine"):
        check_port(host, free_ports(1)[0])


async def test_an_api_that_merely_starts_is_not_reported_as_an_error() -> None:
    assert await why_not_ready("127.0.0.1", free_ports(1)[0]) == "it does not listen yet"
