"""One limit: who it applies to, what each of them may still do at this process, and how answers tell them.

When the counters do not answer, this process limits by itself. Then each process permits the whole limit, so that with several
processes more is possible than the limit says, and nobody is refused who would not be refused otherwise.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from time import monotonic

from msgspec.structs import replace

from headrace.api.auth.counters import Counters
from headrace.identity.limits import Allowance, Policy
from headrace.identity_errors import TooManyRequests
from headrace.log import clock

NAMES_MAX = 20_000  # that a limit remembers; who has been quiet longest is forgotten first


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
