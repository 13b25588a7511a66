"""uvicorn in a thread: opened, watched and ended from outside its event loop."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
import time

import h11
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from swf.config import Web
from swf.extensions.web.access import Access
from swf.extensions.web.language import Spoken
from swf.extensions.web.live import Live
from swf.net.tls import Secured

_BEAT_S, _SILENT_S = 1, 10.0
_GRACE_S = 2
_MOST_CONNECTIONS = 500
REQUEST_S = 30.0  # as long as the largest form takes on a slow line


class Serving:
    """One server. `opened` is set when it answers."""

    def __init__(self, app: FastAPI, listening: socket.socket, settings: Web, secured: Secured | None) -> None:
        """With `secured` it speaks TLS, to new connections with the context of then."""
        self._socket = listening
        self._live: Live = app.state.live
        self.opened = threading.Event()
        self._beat = 0.0
        # Its lines hold addresses of pages, and with them numbers of patients; what goes wrong is logged by the app.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
        configured = uvicorn.Config(
            fronted(app, settings),
            loop="asyncio",
            http=_Conversation,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_notify=_BEAT_S,
            callback_notify=self._note_the_beat,
            ssl_context_factory=(lambda *_: _renewable(secured)) if secured else None,
        )
        self._server = _Server(configured, self.opened)

    def run(self) -> None:
        """Serve until `end`."""
        self._server.run(sockets=[self._socket])

    def end(self) -> None:
        """Let the streams end and the server with them."""
        self._live.close()
        self._server.end()

    def turning(self) -> bool:
        """Whether the loop has shown a sign of life lately."""
        return self._server.started and time.monotonic() - self._beat < _SILENT_S

    async def _note_the_beat(self) -> None:
        self._beat = time.monotonic()


def fronted(app: ASGIApp, settings: Web) -> ASGIApp:
    """The application with what every request meets before it."""
    return Spoken(Access(app, settings), settings.language)


def _renewable(secured: Secured) -> ssl.SSLContext:
    """A context that hands each new connection to the one of then, so that new certificates need no restart."""
    first = secured.context()

    def now(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = secured.context()

    first.sni_callback = now
    return first


class _Conversation(H11Protocol):
    """A connection on which requests come whole within a time: uvicorn waits for ever for one that is begun, or never is.

    Else whoever reaches the port shuts it for all others with a few hundred connections on which nothing is said.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cease()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._expect()
        super().data_received(data)

    def handle_events(self) -> None:
        """As uvicorn's, which is here when bytes have come, and when an answer has gone."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cease()

    def _expect(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _cease(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Server(uvicorn.Server):
    def __init__(self, settings: uvicorn.Config, opened: threading.Event) -> None:
        super().__init__(settings)
        self._opened = opened
        self._told: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """Wake the loop, from another thread, for its last turn; a loop that is over has had it."""
        self.should_exit = True
        if self._loop is not None and self._told is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether it is to end; this one sleeps from beat to beat."""
        self._told, self._loop = asyncio.Event(), asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _BEAT_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which sleeps a while for connections to end; without one there is nothing to wait for."""
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.config.callback_notify is not None:
            await self.config.callback_notify()
        self._opened.set()
