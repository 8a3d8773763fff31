"""The settings that change at run time as a form shows them: in groups, each with its schema, and who has changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, get_type_hints

import msgspec

from headrace.contracts.run_time_settings import RunTimeSettings, SettingsVersion
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.settings import Setting, SettingChange, SettingGroup

_DEFAULTS = RunTimeSettings()


class _Field(NamedTuple):
    key: str
    title: str
    help: str


# In the order of the form. A test holds them against the fields that there are.
GROUPS: Mapping[str, tuple[str, tuple[_Field, ...]]] = {
    "accounts": (
        "Accounts",
        (
            _Field("registration", "Registration", "Whether anybody may ask for an account."),
            _Field("banner", "Banner", "A text above every page, for everybody."),
        ),
    ),
    "kinds": (
        "Kinds",
        (_Field("disabled_kinds", "Disabled kinds", "They take no submissions, and schedules do not fire for them."),),
    ),
    "limits": (
        "Limits",
        (
            _Field("limits", "Limits of an account", "Those of accounts that have none of their own."),
            _Field("own_limits", "Limits of single accounts", "By the id of the account."),
        ),
    ),
    "retention": (
        "Retention",
        (_Field("retention", "Retention", "How long lists and details show what has finished."),),
    ),
}


def history_of(versions: Sequence[SettingsVersion]) -> dict[str, SettingsVersion]:
    """Find the version that has set each setting to what it is, as far as the versions reach.

    Args:
        versions: The last versions, the newest first.
    """
    found: dict[str, SettingsVersion] = {}
    for version, before in pairwise(versions):
        for key in RunTimeSettings.__struct_fields__:
            if key not in found and getattr(version.settings, key) != getattr(before.settings, key):
                found[key] = version
    return found


def setting_groups(
    settings: RunTimeSettings, history: Mapping[str, SettingsVersion], names: Mapping[str, str]
) -> list[SettingGroup]:
    """Return all settings, in groups.

    Args:
        settings: The values.
        history: The version that has set each of them, where that is known.
        names: What people know users by, by their ids.
    """
    return [
        SettingGroup(name=name, title=title, settings=[_setting(each, settings, history, names) for each in fields])
        for name, (title, fields) in GROUPS.items()
    ]


def _setting(
    field: _Field, settings: RunTimeSettings, history: Mapping[str, SettingsVersion], names: Mapping[str, str]
) -> Setting:
    value, default = getattr(settings, field.key), getattr(_DEFAULTS, field.key)
    by = history.get(field.key)
    return Setting(
        key=field.key,
        title=field.title,
        help=field.help,
        schema=_SCHEMAS[field.key],
        value=msgspec.to_builtins(value),
        default=msgspec.to_builtins(default),
        source="default" if value == default else "stored",
        changed=None if by is None else SettingChange(by=Ref(id=by.by, name=names.get(by.by)), at=by.at),
        applies="at_once",
    )


def _schemas() -> dict[str, dict[str, Any]]:
    hints = get_type_hints(RunTimeSettings, include_extras=True)
    return {key: msgspec.json.schema(hints[key]) for key in RunTimeSettings.__struct_fields__}


_SCHEMAS = _schemas()
