"""The window as a service of the broker: one thread with an event loop of its own, and a socket on the loopback.

The broker does its work without it: a port that is taken is logged and makes the service ailing, it refuses no start.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from swf import log
from swf.config import Web
from swf.errors import ConfigError
from swf.net import tcp
from swf.net.probes import Peer, Probed
from swf.net.tls import Secured
from swf.store import users
from swf.store.database import Database
from swf.workflow.site import Site

if TYPE_CHECKING:
    from swf.extensions.web.rooms import Playground
    from swf.extensions.web.serving import Serving

_OPEN_S, _STOP_S = 10.0, 8.0


class Window:
    """Serves the pages while it is started. `address` is where, ("", 0) while it is nowhere."""

    name = "web window"

    def __init__(
        self,
        settings: Web,
        database: Database,
        site: Callable[[], Site],
        ailing: Callable[[], Sequence[str]],
        *,
        probe: Callable[[Peer], Probed],
        reload: Callable[[], None],
        secured: Secured | None = None,
        simulator: "Playground | None" = None,
    ) -> None:
        """What the pages are given stands in `rooms.Rooms`. With `secured` it speaks TLS."""
        self._simulator = simulator
        self._settings = settings
        self._database = database
        self._site = site
        self._ailing = ailing
        self._reload = reload
        self._secured = secured
        self._probe = probe
        self._socket: socket.socket | None = None
        self._serving: Serving | None = None
        self._thread: threading.Thread | None = None
        self.address: tuple[str, int] = ("", 0)

    @property
    def url(self) -> str:
        """What to type into a browser; "" while it is nowhere."""
        host, port = self.address
        scheme = "https" if self._secured else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}" if port else ""

    def check(self) -> None:
        """Raises ConfigError when nobody could sign in where everybody has to."""
        settings = self._settings
        if settings.proxy_user_header or not (settings.reached_by_others or settings.login):
            return
        with self._database.reading() as connection:
            if users.admins(connection):
                return
        key = "login" if not settings.reached_by_others else "proxy_addresses" if settings.proxy_addresses else "host"
        mistake = (
            f"web.{key}: one has to sign in to this window, and there is no admin who could: add one with swf users "
            "add NAME --role admin, or set proxy_addresses and proxy_user_header for a proxy that people sign in with; "
            "at 127.0.0.1 the window needs neither"
        )
        raise ConfigError([mistake])

    def start(self) -> None:
        """Open the window; when its port is taken, say so and go without."""
        from swf.extensions.web import app, rooms, serving  # noqa: PLC0415  half a second no command should wait for

        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        try:
            self._socket = socket.create_server((self._settings.host, self._settings.port), family=family)
        except OSError as error:
            reason = f"cannot listen on {self._settings.host}:{self._settings.port}: {error.strerror}"
            log.error("web window not opened", reason=reason, advice="set port in [web], or enabled = false")
            return
        tcp.prepare(self._socket)  # its connections inherit it; asyncio sets it for sockets it has made itself
        self.address = self._socket.getsockname()[:2]
        given = rooms.Rooms(self._database, self._site, self._ailing, self._probe, self._reload, self._simulator)
        pages = app.build(given)
        self._serving = serving.Serving(pages, self._socket, self._settings, self._secured)
        self._thread = threading.Thread(target=self._serving.run, name=self.name, daemon=True)
        self._thread.start()
        self._serving.opened.wait(_OPEN_S)

    def stop(self) -> None:
        """End every stream, finish the pages that were begun, close the socket."""
        if self._serving is not None:
            self._serving.end()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()

    def healthy(self) -> bool:
        """True while the loop turns."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and self._serving is not None and self._serving.turning()
