"""Passwords, hashed with argon2id: two at a time in each process, in threads, and so many waiting at most.

An account that does not exist, or has no password, costs a sign-in the same time as a wrong password does.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from headrace.identity.password_rules import check_new_password, normalize
from headrace.identity_errors import TooManySignIns

# OWASP's Password Storage Cheat Sheet, argon2id: "a minimum configuration of 19 MiB of memory, an iteration count of 2, and 1
# degree of parallelism". It takes 20 to 40 ms of a core.
MEMORY_KIB = 19 * 1024
ITERATIONS = 2
LANES = 1
SALT_BYTES = 16  # RFC 9106, section 3.1
HASH_BYTES = 32

HASHINGS_MAX = 2  # at a time: with more, sign-ins would take the cores from everything else that the process does
OPEN_MAX = 50  # hashings that run or wait; the last one waits about a second

R = TypeVar("R")


class Passwords:
    """Hashes and verifies passwords. A process has one of these."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=ITERATIONS,
            memory_cost=MEMORY_KIB,
            parallelism=LANES,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(HASHINGS_MAX, thread_name_prefix="password")
        self._nobodys = _hash_of_no_password()
        self._open = 0

    async def hash_new(self, password: str, about: Iterable[str] = (), path: str = "/password") -> str:
        """Check a password that somebody chose, and return its hash.

        Args:
            password: What the user chose.
            about: What is known about the account, as its email address and display name.
            path: The field of the body, for the error.

        Raises:
            InvalidInput: The password may not be used; the error says why.
            TooManySignIns: Too many hashings wait.
        """

        def check_and_hash() -> str:
            return self._hasher.hash(check_new_password(password, about, path))

        return await self._run(check_and_hash)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Return whether a password is the one that was hashed.

        Args:
            password: What was entered.
            stored: The hash of the account; None when there is no such account, or it has no password.

        Raises:
            TooManySignIns: Too many hashings wait.
            InvalidHashError: What is stored is no hash.
        """
        normalized = normalize(password)
        # No account can have it, so this answer says nothing about the account.
        if normalized is None:
            return False
        return await self._run(lambda: self._matches(stored or self._nobodys, normalized)) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made with other parameters than those of today. It is replaced at the next sign-in."""
        return self._hasher.check_needs_rehash(stored)

    async def hash_again(self, password: str) -> str:
        """Return a new hash of a password that was verified, also if it could not be chosen today.

        Raises:
            TooManySignIns: Too many hashings wait.
            ValueError: No account can have this password.
        """
        normalized = normalize(password)
        if normalized is None:
            raise ValueError("only a verified password is hashed again")
        return await self._run(lambda: self._hasher.hash(normalized))

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except VerifyMismatchError:
            return False

    async def _run(self, work: Callable[[], R]) -> R:
        """Run a hashing in a thread, when one is free."""
        if self._open >= OPEN_MAX:
            raise TooManySignIns("too many passwords are being checked at the moment; try again in a second")
        self._open += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._open -= 1


def _hash_of_no_password() -> str:
    """Make a text that is verified like any hash, with the same parameters, and that no password matches."""
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${salt}${digest}"
