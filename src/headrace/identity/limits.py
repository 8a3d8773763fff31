"""Limits: how much somebody may do within a window of time, shared by processes that do not ask each other every time.

A window has a counter that all processes share. A process reserves permits in portions: it adds a portion to the counter, and of
what the counter then says, what is within the limit is its own to give away. So the limit is never exceeded over all processes,
and most requests cost no more than a subtraction here. What one process has reserved and not used is lost for the others until the
window ends, which is at most one and a half portions for each process.

Windows follow each other without a gap, so around the end of one, twice the limit is possible within less than a window.
"""

from __future__ import annotations

from math import ceil

from msgspec import Struct

PORTIONS = 20  # of a limit: each process asks the counter about so often within a window
TASKS_OF_ONE = 100  # tasks of a batch that count as one submission
DIGEST_BYTES = 12  # of a name in a counter; two names among a billion do not share one


class Policy(Struct, frozen=True):
    """A limit and its window.

    Attributes:
        name: How the limit is called in answers and in counters.
        limit: How much is permitted in a window.
        window: Seconds that a window lasts.
    """

    name: str
    limit: int
    window: int

    @property
    def portion(self) -> int:
        """How many permits a process reserves at a time. Small limits are counted one by one."""
        return max(1, self.limit // PORTIONS)

    def header(self) -> bytes:
        """Return the policy as a `RateLimit-Policy` field has it (draft-ietf-httpapi-ratelimit-headers-11, section 3.1)."""
        return b'"%s";q=%d;w=%d' % (self.name.encode(), self.limit, self.window)


class Allowance:
    """What one principal or address may still do at this process within the present window.

    Attributes:
        policy: The limit.
        name: How it is called in counters, which says nothing of who it is.
        number: The number of the window, since 1970.
        ends_at: When the window ends, by the clock of the caller.
        permits: Reserved here and not used.
        reserved: Reserved here in this window, used or not.
        counted: What all processes have asked for in this window, as far as it is known here.
        is_spent: Whether there is nothing more to reserve in this window.
    """

    __slots__ = (
        "_prefix",
        "counted",
        "ends_at",
        "is_spent",
        "name",
        "number",
        "permits",
        "phase",
        "policy",
        "reserved",
    )

    def __init__(self, policy: Policy, digest: bytes) -> None:
        self.policy = policy
        self._prefix = b'"%s";r=' % policy.name.encode()
        self.name = digest[:DIGEST_BYTES].hex()
        # Windows begin at another moment for everyone, so that not all are counted, and not all refused ones come back, at once.
        self.phase = int.from_bytes(digest[-4:]) % policy.window
        self.number = -1
        self.ends_at = 0.0
        self._empty()

    def _empty(self) -> None:
        self.permits = self.reserved = self.counted = 0
        self.is_spent = False

    def enter(self, time: float, now: float) -> None:
        """Begin the window of a moment, with nothing reserved in it.

        Args:
            time: The moment in seconds since 1970.
            now: The same moment by the clock of ``ends_at``.
        """
        elapsed = (time + self.phase) % self.policy.window
        self.number = int((time + self.phase) // self.policy.window)
        self.ends_at = now + self.policy.window - elapsed
        self._empty()

    def grant(self, asked: int, counted: int) -> None:
        """Take in that the counter was raised by ``asked`` permits to ``counted``."""
        self.counted = max(self.counted, counted)
        self._take_in(asked, self.policy.limit - (counted - asked))

    def grant_alone(self, asked: int) -> None:
        """Reserve permits without the counter: the whole limit, less what this process has had of it in this window."""
        self._take_in(asked, self.policy.limit)

    def _take_in(self, asked: int, left: int) -> None:
        # A counter that began anew, after a restart of its servers, does not give this process more than the limit.
        granted = max(0, min(asked, left, self.policy.limit - self.reserved))
        self.permits += granted
        self.reserved += granted
        self.is_spent = granted < asked

    @property
    def remaining(self) -> int:
        """How much is left as far as it is known here: what is reserved here, and what nobody has reserved."""
        if self.is_spent:
            return self.permits
        asked = max(self.reserved, self.counted)
        unreserved = self.policy.limit - asked
        return self.permits + unreserved if unreserved > 0 else self.permits

    def header(self, now: float) -> bytes:
        """Return what is left as a `RateLimit` field has it (draft-ietf-httpapi-ratelimit-headers-11, section 4.1)."""
        return b"%s%d;t=%d" % (self._prefix, self.remaining, self.seconds_left(now))

    def seconds_left(self, now: float) -> int:
        """Return after how many seconds the window is over."""
        return int(self.ends_at - now) + 1


def cost_of_batch(tasks: int, policy: Policy) -> int:
    """Return as how many submissions a batch counts: one for each hundred tasks, begun ones included, and at most the limit."""
    return min(max(1, ceil(tasks / TASKS_OF_ONE)), policy.limit)
