"""Why a schedule submits nothing although it is not paused."""

from __future__ import annotations

from headrace.contracts.schedules import Resting, RestReason


def resting(kind: str, *, is_owner_disabled: bool, is_kind_enabled: bool) -> Resting | None:
    """Return why a schedule rests, or None when it submits at its firings.

    Args:
        kind: The kind of its tasks.
        is_owner_disabled: Whether the account that it belongs to is disabled.
        is_kind_enabled: Whether the settings at run time permit submissions of the kind.
    """
    if is_owner_disabled:
        message = "the account that this schedule belongs to is disabled; it goes on when the account is enabled again"
        return Resting(reason=RestReason.ACCOUNT_DISABLED, message=message)
    if not is_kind_enabled:
        message = f"an administrator has disabled kind {kind!r}; the schedule goes on when the kind is enabled again"
        return Resting(reason=RestReason.KIND_DISABLED, message=message)
    return None
