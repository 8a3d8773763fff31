"""The errors of accounts and credentials, raised on purpose like those of `headrace.errors`.

HeadraceError
├── NotAuthenticated             401 not_authenticated    WWW-Authenticate
│   └── SignInRefused            401 sign_in_refused      WWW-Authenticate
├── GrantRefused                 400 invalid_grant        what OAuth 2 calls the two above
├── Forbidden                    403 forbidden
│   ├── MissingScope             403 missing_scope
│   ├── CsrfRefused              403 csrf
│   ├── AccountNotActive         403 account_not_active
│   ├── WrongPassword            403 wrong_password
│   ├── InvalidOneTimeToken      403 invalid_one_time_token
│   ├── AccountDisabled          403 account_disabled
│   └── SessionNeeded            403 session_needed
├── SessionNotFound              404 session_not_found
├── UserNotFound                 404 user_not_found
├── ApiKeyNotFound               404 api_key_not_found
├── WrongUserState               409 wrong_user_state
├── LastAdmin                    409 last_admin
├── TooManyApiKeys               409 too_many_api_keys
├── SecretsMissing               500 secrets_missing      never shown: a process does not start
├── IdentityUnavailable          503 identity_unavailable Retry-After
├── AuditUnavailable             503 audit_unavailable    Retry-After
├── TooManySignIns               503 too_many_sign_ins    Retry-After
├── TooManyPendingUsers          503 too_many_pending_users  Retry-After
└── TooManyRequests              429 too_many_requests    Retry-After
"""

from __future__ import annotations

from headrace.errors import HeadraceError

CHALLENGE = 'Bearer realm="headrace"'
HOW_TO_SIGN_IN = "sign in with POST /api/v1/session, or send an API key as `Authorization: Bearer <key>`"


class NotAuthenticated(HeadraceError):
    """No credential was presented, or none that is valid (RFC 6750, section 3).

    Args:
        reason: What is wrong.
        is_invalid: Whether a credential was presented.
        remedy: What to do; None when the reason says it.

    Attributes:
        challenge: The value of the header WWW-Authenticate.
    """

    status = 401
    code = "not_authenticated"

    def __init__(self, reason: str, *, is_invalid: bool = False, remedy: str | None = HOW_TO_SIGN_IN) -> None:
        super().__init__(reason if remedy is None else f"{reason}; {remedy}")
        self.challenge = f'{CHALLENGE}, error="invalid_token"' if is_invalid else CHALLENGE


class SignInRefused(NotAuthenticated):
    """The email address or the password is wrong. It says nothing about which of them, or about whether there is an account.

    Attributes:
        user: The id of the account, if there is one. It is for the audit, and never part of an answer.
    """

    code = "sign_in_refused"

    def __init__(self, message: str, user: str | None = None) -> None:
        super().__init__(message, remedy=None)
        self.user = user


class GrantRefused(HeadraceError):
    """OAuth 2's name for a password or a refresh token that is not valid (RFC 6749, section 5.2)."""

    status = 400
    code = "invalid_grant"


class Forbidden(HeadraceError):
    """The credential is valid and does not allow this."""

    status = 403
    code = "forbidden"


class MissingScope(Forbidden):
    """The credential lacks the scope that a route asks for."""

    code = "missing_scope"


class CsrfRefused(Forbidden):
    """A change was asked for with a cookie, and a page of another site could have made a browser ask for it."""

    code = "csrf"


class AccountNotActive(Forbidden):
    """The account waits for its approval, was rejected, or is disabled."""

    code = "account_not_active"


class WrongPassword(Forbidden):
    """The old password, without which there is no new one, is wrong."""

    code = "wrong_password"


class InvalidOneTimeToken(Forbidden):
    """The token of a link is none, or was used, or has expired."""

    code = "invalid_one_time_token"


class UserNotFound(HeadraceError):
    """There is no such user."""

    status = 404
    code = "user_not_found"


class WrongUserState(HeadraceError):
    """The state of an account does not allow this decision or change."""

    status = 409
    code = "wrong_user_state"


class LastAdmin(HeadraceError):
    """Nobody would be an active administrator any more."""

    status = 409
    code = "last_admin"


class ApiKeyNotFound(HeadraceError):
    """There is no such API key, or it belongs to somebody else."""

    status = 404
    code = "api_key_not_found"


class TooManyApiKeys(HeadraceError):
    """An owner has as many live API keys as it may have."""

    status = 409
    code = "too_many_api_keys"


class SecretsMissing(HeadraceError):
    """The process has no secret with which credentials can be verified, so it cannot start."""

    code = "secrets_missing"


class AccountDisabled(Forbidden):
    """The account may do nothing at all, until an administrator enables it.

    Attributes:
        user: The id of the account, for the audit.
    """

    code = "account_disabled"

    def __init__(self, message: str, user: str) -> None:
        super().__init__(message)
        self.user = user


class SessionNeeded(Forbidden):
    """The route wants a session, and the request was made with a key."""

    code = "session_needed"


class SessionNotFound(HeadraceError):
    """There is no such session, or it has ended, or it is somebody else's."""

    status = 404
    code = "session_not_found"


class IdentityUnavailable(HeadraceError):
    """A credential that this process does not know cannot be verified while Postgres is away."""

    status = 503
    code = "identity_unavailable"
    retry_after = 2


class TooManyPendingUsers(HeadraceError):
    """As many accounts wait for a decision as administrators can decide about."""

    status = 503
    code = "too_many_pending_users"
    retry_after = 3600


class AuditUnavailable(HeadraceError):
    """What a request asks for is done only when it can be recorded, and Postgres is away."""

    status = 503
    code = "audit_unavailable"
    retry_after = 2


class TooManySignIns(HeadraceError):
    """More passwords are being hashed in this process than it does at a time, and enough wait."""

    status = 503
    code = "too_many_sign_ins"
    retry_after = 1


class TooManyRequests(HeadraceError):
    """A limit of requests is reached. ``retry_after`` says after how many seconds the next ones are permitted."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
