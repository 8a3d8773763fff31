"""The errors of accounts and credentials, raised on purpose like those of `headrace.errors`.

HeadraceError
└── TooManySignIns               503 too_many_sign_ins    Retry-After
"""

from __future__ import annotations

from headrace.errors import HeadraceError


class TooManySignIns(HeadraceError):
    """More passwords are being hashed in this process than it does at a time, and enough wait."""

    status = 503
    code = "too_many_sign_ins"
    retry_after = 1
