"""The limits of this API process, which it shares with all the others: what requests are counted by, and what happens without NATS.

When the counters do not answer, this process limits by itself. Then each process permits the whole limit, so that with several
processes more is possible than the limit says, and nobody is refused who would not be refused otherwise.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from litestar.types import HTTPScope, Scope
from msgspec.structs import replace

from headrace.api.edge.admission import SAFE_METHODS
from headrace.api.edge.client_address import client_network
from headrace.api.edge.headers import answer_with
from headrace.contracts.run_time_settings import RunTimeSettings
from headrace.errors import HeadraceError, LogUnavailable
from headrace.identity.limits import Allowance, Policy, cost_of_batch
from headrace.identity_errors import TooManyRequests
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.jetstream import ProvisionError
from headrace.log.rates import provision_limits
from headrace.settings import LimitsSettings
from headrace.telemetry import get_logger

MINUTE: Final = 60
HOUR: Final = 3600
COUNT_SECONDS = 0.5  # a counter answers within milliseconds; a request is not held up for longer than this
RETRY_SECONDS = 1.0  # between two attempts while the counters do not answer
NAMES_MAX = 20_000  # that a limit remembers; who has been quiet longest is forgotten first

log = get_logger(__name__)

Digest = Callable[[str], bytes]


class Counters:
    """The counters that all API processes share.

    Args:
        log: The log whose servers keep them.
        digest: A keyed hash that all processes share: the names in counters show neither addresses nor e-mail addresses.
    """

    def __init__(self, log: Log, digest: Digest) -> None:
        self.digest = digest
        self._log = log
        self._away_until = 0.0

    async def open(self) -> None:
        """Make the counters, now and whenever their servers were started again, if this process may do that."""
        self._log.on_reconnect(self._provision)
        await self._provision()

    async def _provision(self) -> None:
        try:
            await provision_limits(self._log)
        except (LogUnavailable, ProvisionError) as error:
            log.warning("the counters of requests cannot be made; each process limits by itself", error=str(error))

    async def add(self, allowance: Allowance, asked: int) -> int | None:
        """Add to the counter of a window, and return what it says then; None when it does not answer."""
        if monotonic() < self._away_until:
            return None
        is_long = allowance.policy.window > MINUTE
        subject = subjects.limit_counter(allowance.policy.name, allowance.name, allowance.number, is_long=is_long)
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                counted = await self._log.appender.count(subject, asked)
        except (HeadraceError, TimeoutError) as error:
            if not self._away_until:
                log.warning(
                    "requests cannot be counted; each process limits by itself", error=str(error) or "no answer"
                )
            self._away_until = monotonic() + RETRY_SECONDS
            return None
        if self._away_until:
            log.info("requests are counted again")
            self._away_until = 0.0
        return counted


class Limit:
    """One limit, for everybody it applies to.

    Args:
        policy: The limit and its window.
        counters: The counters.
        what: What is limited, in the plural, as errors name it.
    """

    def __init__(self, policy: Policy, counters: Counters, what: str) -> None:
        self.policy = policy
        self._counters = counters
        self._what = what
        self._own_policies: dict[str, Policy] = {}
        self._stated = (b"ratelimit-policy", policy.header())
        self._allowances: OrderedDict[str, Allowance] = OrderedDict()
        self._reservations: dict[Allowance, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._allowances)

    def change(self, limit: int, own: Mapping[str, int]) -> None:
        """Change the limit, from the next window of each on.

        Args:
            limit: What is permitted in a window.
            own: The same for those who have a limit of their own.
        """
        self.policy = replace(self.policy, limit=limit)
        self._own_policies = {who: replace(self.policy, limit=each) for who, each in own.items()}
        self._stated = (b"ratelimit-policy", self.policy.header())

    def policy_of(self, who: str) -> Policy:
        """Return the limit that applies to somebody."""
        return self._own_policies.get(who, self.policy)

    def take_nowait(self, who: str) -> Allowance | None:
        """Take one permit that is reserved here already; None when there is none, and `take` has to be asked."""
        allowance = self._allowances.get(who)
        if allowance is None or not allowance.permits or allowance.ends_at <= monotonic():
            return None
        self._allowances.move_to_end(who)
        allowance.permits -= 1
        # The next portion is there before this one is used up.
        if 2 * allowance.permits < allowance.policy.portion - 1 and not allowance.is_spent:
            self._reserve(allowance, allowance.policy.portion)
        return allowance

    async def take(self, who: str, cost: int = 1) -> Allowance:
        """Take permits, and reserve more of them when there are too few.

        Args:
            who: The principal, the address or the account.
            cost: How many to take; all or none.

        Raises:
            TooManyRequests: There are too few in the present window.
        """
        allowance = self.find(who)
        while allowance.permits < cost and not allowance.is_spent:
            wanted = max(allowance.policy.portion, cost - allowance.permits)
            await asyncio.shield(self._reserve(allowance, wanted))
            # Meanwhile the window may have ended.
            allowance = self.find(who)
        if allowance.permits < cost:
            raise self._refusal(allowance, cost)
        allowance.permits -= cost
        return allowance

    def headers(self, allowance: Allowance) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers that tell a client what it may do, and what is left of that."""
        policy = self._stated if allowance.policy is self.policy else (b"ratelimit-policy", allowance.policy.header())
        return policy, (b"ratelimit", allowance.header(monotonic()))

    def find(self, who: str) -> Allowance:
        """Return what somebody may still do in the window of this moment."""
        allowance = self._allowances.get(who)
        if allowance is None:
            allowance = Allowance(self.policy, self._counters.digest(f"{self.policy.name} {who}"))
            self._allowances[who] = allowance
            if len(self._allowances) > NAMES_MAX:
                self._allowances.popitem(last=False)
        self._allowances.move_to_end(who)
        now = monotonic()
        if allowance.ends_at <= now:
            allowance.policy = self.policy_of(who)
            allowance.enter(clock.now().timestamp(), now)
        return allowance

    def _reserve(self, allowance: Allowance, wanted: int) -> asyncio.Task[None]:
        """Return the task that reserves permits; there is one at a time for each allowance."""
        task = self._reservations.get(allowance)
        if task is None:
            task = asyncio.create_task(self._reserve_now(allowance, wanted), name="reserve permits")
            self._reservations[allowance] = task
        return task

    async def _reserve_now(self, allowance: Allowance, wanted: int) -> None:
        window = allowance.number
        try:
            counted = await self._counters.add(allowance, wanted)
        finally:
            # Whoever waits for this task and needs more has to find none: to wait for one that is done takes no turn of the loop.
            del self._reservations[allowance]
        if allowance.number != window:
            return
        if counted is None:
            allowance.grant_alone(wanted)
        else:
            allowance.grant(wanted, counted)

    def _refusal(self, allowance: Allowance, cost: int) -> TooManyRequests:
        seconds, policy = allowance.seconds_left(monotonic()), allowance.policy
        limit = f"there are at most {policy.limit:,} {self._what} in {policy.window} seconds"
        if cost > 1:
            limit = f"this takes {cost:,} more {self._what}, and {limit}; send fewer tasks at once, or"
        else:
            limit += ";"
        return TooManyRequests(f"{limit} try again in {seconds} s", retry_after=seconds)


class Limits:
    """The limits of this process.

    Args:
        settings: How much is permitted.
        counters: The counters.

    Attributes:
        sign_ins: Attempts to sign in, of an address and of an account.
        registrations: Registrations, of an address.
        submissions: Submissions and other changes, of a principal.
        reads: Requests that only read, of a principal.
    """

    def __init__(self, settings: LimitsSettings, counters: Counters) -> None:
        self._settings = settings
        self._changed = RunTimeSettings()
        self.sign_ins = Limit(self._policy("sign_ins", MINUTE), counters, "attempts to sign in")
        self.registrations = Limit(self._policy("registrations", HOUR), counters, "registrations")
        self.submissions = Limit(self._policy("submissions", MINUTE), counters, "submissions")
        self.reads = Limit(self._policy("reads", MINUTE), counters, "requests")

    async def count(self, scope: HTTPScope, who: str) -> None:
        """Count a request of a principal, and have its answer tell what is left.

        Raises:
            TooManyRequests: The principal has made as many requests as it may in the present window.
        """
        limit = self.reads if scope["method"] in SAFE_METHODS else self.submissions
        try:
            allowance = limit.take_nowait(who) or await limit.take(who)
        except TooManyRequests as error:
            answer_with(scope, limit.headers(limit.find(who)))
            raise error from None
        answer_with(scope, limit.headers(allowance))

    async def count_batch(self, who: str, tasks: int) -> None:
        """Count what a batch costs besides the one request that it is.

        Raises:
            TooManyRequests: There is not so much left in the present window.
        """
        cost = cost_of_batch(tasks, self.submissions.policy_of(who)) - 1
        if cost > 0:
            await self.submissions.take(who, cost)

    async def count_sign_in(self, scope: Scope, account: str) -> None:
        """Count an attempt to sign in, for the address that it comes from and for the account, whether or not there is one.

        Raises:
            TooManyRequests: There were too many in the last minute.
        """
        await self.sign_ins.take(f"address {client_network(scope)}")
        await self.sign_ins.take(f"account {account.strip().casefold()}")

    async def count_registration(self, scope: Scope) -> None:
        """Count a registration for the address that it comes from.

        Raises:
            TooManyRequests: There were too many in the last hour.
        """
        await self.registrations.take(client_network(scope))

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
