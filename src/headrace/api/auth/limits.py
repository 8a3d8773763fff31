"""The limits of this API process, which it shares with all the others: what requests are counted by."""

from __future__ import annotations

from typing import Final

from litestar.types import HTTPScope, Scope

from headrace.api.auth.counters import HOUR, MINUTE, Counters
from headrace.api.auth.limit import Limit
from headrace.api.auth.wrong_credentials import WrongCredentials
from headrace.api.edge.admission import SAFE_METHODS
from headrace.api.edge.client_address import client_network
from headrace.api.edge.headers import answer_with
from headrace.contracts.run_time_settings import RunTimeSettings
from headrace.identity.limits import Allowance, Policy, cost_of_batch
from headrace.identity_errors import TooManyRequests
from headrace.settings import LimitsSettings

# What an account may have of what one address may: whoever fails from a few addresses does not keep the owner of it out.
SIGN_INS_OF_ACCOUNT: Final = 10


class Limits:
    """The limits of this process.

    Args:
        settings: How much is permitted.
        counters: The counters.

    Attributes:
        sign_ins: Attempts to sign in, from an address.
        account_sign_ins: Attempts to sign in to an account, from all addresses together.
        registrations: Registrations, of an address.
        submissions: Submissions and other changes, of a principal.
        reads: Requests that only read, of a principal.
        wrong_credentials: Wrong API keys and reset tokens, of an address, at this process.
    """

    def __init__(self, settings: LimitsSettings, counters: Counters) -> None:
        self._settings = settings
        self._changed = RunTimeSettings()
        self.sign_ins = Limit(self._policy("sign_ins", MINUTE), counters, "attempts to sign in")
        of_account = Policy("account_sign_ins", SIGN_INS_OF_ACCOUNT * self.sign_ins.policy.limit, MINUTE)
        self.account_sign_ins = Limit(of_account, counters, "attempts to sign in to one account")
        self.registrations = Limit(self._policy("registrations", HOUR), counters, "registrations")
        self.submissions = Limit(self._policy("submissions", MINUTE), counters, "submissions")
        self.reads = Limit(self._policy("reads", MINUTE), counters, "requests that only read")
        self.wrong_credentials = WrongCredentials(self._policy("wrong_credentials", MINUTE).limit)

    async def count(self, scope: HTTPScope, who: str) -> None:
        """Count a request of a principal, and have its answer tell what is left.

        Raises:
            TooManyRequests: The principal has made as many requests as it may in the present window.
        """
        limit = self.reads if scope["method"] in SAFE_METHODS else self.submissions
        if (allowance := limit.take_nowait(who)) is not None:
            answer_with(scope, limit.headers(allowance))
        else:
            await _take(scope, limit, who)

    async def count_batch(self, scope: Scope, who: str, tasks: int) -> None:
        """Count what a batch costs besides the one request that it is, and have its answer tell what is left then.

        Raises:
            TooManyRequests: There is not so much left in the present window.
        """
        cost = cost_of_batch(tasks, self.submissions.policy_of(who)) - 1
        if cost > 0:
            await _take(scope, self.submissions, who, cost)

    async def count_sign_in(self, scope: Scope, account: str) -> None:
        """Count an attempt to sign in, for the address that it comes from and for the account, whether or not there is one.

        What an address may not try any more does not count for the account.

        Raises:
            TooManyRequests: There were too many in the last minute.
        """
        of_address = await _take(scope, self.sign_ins, client_network(scope))
        await _take(scope, self.account_sign_ins, account.strip().casefold())
        # How often others try to sign in to an account is told to nobody who may still try.
        answer_with(scope, self.sign_ins.headers(of_address))

    async def count_registration(self, scope: Scope) -> None:
        """Count a registration for the address that it comes from.

        Raises:
            TooManyRequests: There were too many in the last hour.
        """
        await _take(scope, self.registrations, client_network(scope))

    def streams_of(self, who: str) -> int:
        """Return how many event streams a principal may have open at a time."""
        own = self._changed.own_limits.get(who)
        changed = (own.streams if own else None) or self._changed.limits.streams
        return changed or int(self._settings.streams * self._settings.factor)

    def change(self, changed: RunTimeSettings) -> None:
        """Take over the limits that were changed at run time. What they do not name is as the settings of the process say."""
        self._changed = changed
        for name in ("submissions", "reads"):
            limit: Limit = getattr(self, name)
            own = {who: getattr(each, name) for who, each in changed.own_limits.items()}
            common = getattr(changed.limits, name) or self._policy(name, MINUTE).limit
            limit.change(common, {who: each for who, each in own.items() if each is not None})

    def _policy(self, name: str, window: int) -> Policy:
        return Policy(name, int(getattr(self._settings, name) * self._settings.factor), window)


async def _take(scope: Scope, limit: Limit, who: str, cost: int = 1) -> Allowance:
    """Take permits for a request, and have its answer tell what is left.

    Raises:
        TooManyRequests: There are too few in the present window.
    """
    try:
        allowance = await limit.take(who, cost)
    except TooManyRequests:
        answer_with(scope, limit.headers(limit.find(who)))
        raise
    answer_with(scope, limit.headers(allowance))
    return allowance
