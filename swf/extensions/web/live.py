"""Server-sent events: `changed` tells a page to fetch what it shows anew. What changed is found in the store.

One look at the store for all streams, twice a second, and none while nobody watches: intake does not wait for anybody
who watches it. A change is told a second time a moment later, because a transaction of PostgreSQL that took its journal
numbers first may be committed last.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from threading import Event

from starlette.concurrency import run_in_threadpool

from swf.errors import StoreError

LOOK_S = 0.5
STILL_THERE_S = 15.0
MOST_STREAMS = 200
_AGAIN = 2  # looks after a change until it is told once more


class Live:
    """The streams of one window. `stamp` gives something that differs after every change."""

    def __init__(self, stamp: Callable[[], object]) -> None:
        self._stamp = stamp
        self._closing = Event()
        self._streams = 0
        self._changes = 0
        self._turned = asyncio.Condition()
        self._watcher: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether there are as many streams as are let in."""
        return self._streams >= MOST_STREAMS

    def close(self) -> None:
        """Let every stream end; may be called from any thread."""
        self._closing.set()

    async def stream(self, welcome: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """What one page is sent, until it leaves or is no longer welcome, which is asked now and then."""
        self._streams += 1
        try:
            if self._watcher is None or self._watcher.done():
                self._begun = asyncio.Event()
                self._watcher = asyncio.create_task(self._watch(self._begun))
            await self._begun.wait()  # what comes once the page knows it is connected must differ from a look before it
            seen = self._changes
            yield b"retry: 2000\n\n"
            asked = time.monotonic()
            while not self._closing.is_set():
                changed = await self._wait(seen)
                if time.monotonic() - asked >= STILL_THERE_S:
                    if not await welcome():
                        yield b"event: changed\ndata: ended\n\n"  # the page looks once more, and is told to sign in
                        return
                    asked = time.monotonic()
                seen = self._changes
                yield f"event: changed\ndata: {seen}\n\n".encode() if changed else b": still there\n\n"
        finally:
            self._streams -= 1

    async def _wait(self, seen: int) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STILL_THERE_S), self._turned:
                await self._turned.wait_for(lambda: self._changes != seen or self._closing.is_set())
        return self._changes != seen

    async def _watch(self, begun: asyncio.Event) -> None:
        """Look while there is a stream; whoever comes after the last one left begins anew."""
        try:
            seen, again = await self._look(), 0
        finally:
            begun.set()
        while self._streams and not self._closing.is_set():
            await asyncio.sleep(LOOK_S)
            now = await self._look()
            again = again - 1 if now == seen else _AGAIN
            if now != seen or again == 0:
                await self._tell()
            seen = now
        async with self._turned:
            self._turned.notify_all()

    async def _tell(self) -> None:
        async with self._turned:
            self._changes += 1
            self._turned.notify_all()

    async def _look(self) -> object:
        try:
            return await run_in_threadpool(self._stamp)
        except StoreError:  # the pages say it; the next look may find it well again
            return None
