"""What is refused about batches. The base of these errors, and how they are answered, is in `headrace.errors`.

HeadraceError
├── BatchNotFound                404 batch_not_found
├── BatchSettledError            409 batch_settled
└── BatchNotSettled              409 batch_not_settled
"""

from __future__ import annotations

from headrace.errors import HeadraceError


class BatchNotFound(HeadraceError):
    """There is no such batch, or it has another owner."""

    status = 404
    code = "batch_not_found"


class BatchSettledError(HeadraceError):
    """All tasks of the batch are final; there is nothing left to cancel."""

    status = 409
    code = "batch_settled"


class BatchNotSettled(HeadraceError):
    """Tasks of the batch are not final yet, so it has no results."""

    status = 409
    code = "batch_not_settled"
