"""Names and passwords: whether they are right, not asked too often, and never so many at once that pages wait for them."""

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.concurrency import run_in_threadpool

from swf import clock
from swf.config import Web
from swf.errors import UserRefused
from swf.extensions.web.language import _
from swf.extensions.web.tries import Tries
from swf.store import users
from swf.store.database import Database, Record, Transaction
from swf.workflow import passwords
from swf.workflow import users as rules

_AT_ONCE = 2  # each takes 64 MiB and a tenth of a second
_MOST_WAITING = 20
Result = TypeVar("Result")


class NotProven(Exception):
    """Why nobody is let in; `wait` are the seconds after which one may try again, 0 for at once."""

    def __init__(self, sentence: str, wait: int = 0) -> None:
        super().__init__(sentence)
        self.wait = wait


class Proofs:
    """Looks at passwords. Belongs to one event loop."""

    def __init__(self, database: Database, settings: Web) -> None:
        self._database = database
        self._settings = settings
        self._tries = Tries()
        self._several = CapacityLimiter(_AT_ONCE)

    async def proven(self, name: str, password: str, address: str) -> Record:
        """The user whose password it is; raises NotProven, in the same words and time whatever was wrong."""
        wait = self._tries.begin(name, address, time.monotonic())
        if wait:
            minutes = math.ceil(wait / 60)
            raise NotProven(_("Too many tries. Try again in %(minutes)s min.", minutes=minutes), math.ceil(wait))
        user = await run_in_threadpool(self._user, name)
        kept = user.password_hash if user else None
        right = await self._in_turn(passwords.matches, kept, password)
        if user is None or user.disabled_at is not None or not right:
            await run_in_threadpool(self._note_refusal, name, address)
            raise NotProven(_("Name or password is wrong."))
        self._tries.succeeded(name, address)
        return user

    async def hashed(self, name: str, password: str) -> str:
        """How a new password is kept; raises UserRefused for one that will not do."""
        return await self._in_turn(passwords.hashed, name, password)

    async def opened(self, user: Record, address: str, old: str = "") -> str:
        """A new session for somebody proven, in place of the one with the key `old`; its key."""

        def work(transaction: Transaction) -> str:
            users.end_session(transaction, passwords.key_hash(old))
            lasts, idle = timedelta(hours=self._settings.session_hours), timedelta(minutes=self._settings.idle_minutes)
            return rules.sign_in(transaction, clock.now(), user, address, lasts=lasts, idle=idle)

        try:
            return await run_in_threadpool(self._database.run, work)
        except UserRefused as error:
            raise NotProven(_("Name or password is wrong.")) from error

    async def _in_turn(self, work: Callable[..., Result], *given: Any) -> Result:
        if self._several.statistics().tasks_waiting >= _MOST_WAITING:
            raise NotProven(_("Too many sign in at once. Try again in a moment."), 1)
        return await anyio.to_thread.run_sync(work, *given, limiter=self._several)

    async def user(self, name: str) -> Record:
        """The user as it is now; raises NotProven when there is none any more."""
        found = await run_in_threadpool(self._user, name)
        if found is None:
            raise NotProven(_("Name or password is wrong."))
        return found

    def _user(self, name: str) -> Record | None:
        with self._database.reading() as connection:
            return users.named(connection, name.strip().casefold())

    def _note_refusal(self, name: str, address: str) -> None:
        self._database.run(lambda transaction: rules.sign_in_refused(transaction, clock.now(), name, address))
