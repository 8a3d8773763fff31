"""The errors of the settings that change at run time, raised on purpose like those of `headrace.errors`.

HeadraceError
├── KindDisabled                 409 kind_disabled
├── RegistrationClosed           403 registration_closed
├── SettingsChanged              412 settings_changed
└── IfMatchMissing               428 if_match_missing
"""

from __future__ import annotations

from headrace.errors import HeadraceError


class KindDisabled(HeadraceError):
    """An administrator has disabled the kind: it takes no submissions."""

    status = 409
    code = "kind_disabled"


class RegistrationClosed(HeadraceError):
    """An administrator has closed the registration: nobody may ask for an account."""

    status = 403
    code = "registration_closed"


class SettingsChanged(HeadraceError):
    """The settings were changed since the client has read them (RFC 9110, section 13.1.1)."""

    status = 412
    code = "settings_changed"


class IfMatchMissing(HeadraceError):
    """A change has to say which version it replaces (RFC 6585, section 3)."""

    status = 428
    code = "if_match_missing"
