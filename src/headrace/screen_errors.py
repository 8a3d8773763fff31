"""The errors of parts of screens. The other parts are sent, and the answer says of this one why it is not.

HeadraceError
├── PartTimeout                  503 part_timeout
└── ExternalServiceError         503 external_service_error
"""

from __future__ import annotations

from headrace.errors import HeadraceError


class PartTimeout(HeadraceError):
    """A part of a screen was not read within its deadline. The other parts are sent."""

    status = 503
    code = "part_timeout"
    retry_after = 1


class ExternalServiceError(HeadraceError):
    """Another HTTP service, which a part of a screen comes from, does not answer, or not as it should."""

    status = 503
    code = "external_service_error"
    retry_after = 5
