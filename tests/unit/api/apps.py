"""The application without its servers, whose callers may do everything."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

from litestar import Litestar
from litestar.exceptions.base_exceptions import LitestarDeprecationWarning

from headrace.api.app import create_app
from headrace.api.auth.credentials import Credentials
from headrace.contracts.identity import Role
from headrace.identity.principals import LOCAL, Principal, scopes_of
from tests.unit.api.counters import make_limits

SIGNED = {"Authorization": "Bearer anybody"}


class Anybody:
    """Takes every token for the administrator's."""

    def takes(self, token: str) -> bool:
        return True

    async def verify(self, token: str) -> Principal | None:
        return Principal(id=LOCAL, role=Role.ADMIN, scopes=scopes_of(Role.ADMIN), credential="key:test")


def make_app() -> Litestar:
    """Make the application, which knows who its callers are and nothing else."""
    state: Any = SimpleNamespace(
        credentials=Credentials([Anybody()]), limits=make_limits(), last_used=SimpleNamespace(note=lambda _: None)
    )
    with warnings.catch_warnings():
        # Litestar announces other ways to declare a body, which the tests of servers do not see.
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        return create_app(state)
