"""Server-sent events: `changed` says that something did, `board` brings what a page shows. What changed is found in the store.

However many pages show the same board, it is made once for each change: they do not each ask for it. One look at the store for all streams, twice a second, and none while nobody watches: intake does not wait for anybody
who watches it. A change is told a second time a moment later, because a transaction of PostgreSQL that took its journal
numbers first may be committed last.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from threading import Event
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from swf.errors import StoreError

LOOK_S = 0.5
STILL_THERE_S = 15.0
MOST_STREAMS = 200
_AGAIN = 2  # looks after a change until it is told once more


class Shown(NamedTuple):
    """What a page shows: `make` gives its markup, the same for every page of one `key`."""

    key: tuple[str, ...]
    make: Callable[[], str]


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
        self._boards: dict[tuple[str, ...], tuple[int, asyncio.Task[bytes]]] = {}

    @property
    def full(self) -> bool:
        """Whether there are as many streams as are let in."""
        return self._streams >= MOST_STREAMS

    def close(self) -> None:
        """Let every stream end; may be called from any thread."""
        self._closing.set()

    async def stream(
        self, welcome: Callable[[], Awaitable[bool]], shown: Shown | None = None
    ) -> AsyncGenerator[bytes, None]:
        """What one page is sent, until it leaves or is no longer welcome, which is asked now and then.

        What it has `shown` is sent at once and after every change.
        """
        self._streams += 1
        try:
            if self._watcher is None or self._watcher.done():
                self._begun = asyncio.Event()
                self._boards.clear()
                self._watcher = asyncio.create_task(self._watch(self._begun))
            await self._begun.wait()  # what comes once the page knows it is connected must differ from a look before it
            seen = self._changes
            yield b"retry: 2000\n\n" + await self._board(shown)
            asked = time.monotonic()
            while not self._closing.is_set():
                changed = await self._wait(seen)
                if time.monotonic() - asked >= STILL_THERE_S:
                    if not await welcome():
                        yield b"event: changed\ndata: ended\n\n"  # the page looks once more, and is told to sign in
                        return
                    asked = time.monotonic()
                seen = self._changes
                told = f"event: changed\ndata: {seen}\n\n".encode() if changed else b": still there\n\n"
                yield told + await self._board(shown)
        finally:
            self._streams -= 1

    async def _board(self, shown: Shown | None) -> bytes:
        """The event that brings what a page shows, made for the last change by whoever asks first."""
        if shown is None:
            return b""
        change, making = self._boards.get(shown.key, (-1, None))
        if making is None or change != self._changes:
            making = asyncio.create_task(run_in_threadpool(_event, shown.make))
            self._boards = {key: each for key, each in self._boards.items() if each[0] == self._changes}
            self._boards[shown.key] = (self._changes, making)
        try:
            return await asyncio.shield(making)
        except StoreError:  # the page keeps what it shows; the next change may find the store well again
            return b""

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


def _event(make: Callable[[], str]) -> bytes:
    lines = (line.strip() for line in make().splitlines())
    return "".join(["event: board\n", *(f"data: {line}\n" for line in lines if line), "\n"]).encode()
