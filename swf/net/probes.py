"""Probes: does a configured peer, or a door of our own, answer now, how fast, and if not, exactly why.

A device or archive is asked for C-ECHO. A destination is called over MLLP, with its TLS handshake, and told nothing: there
is no message a HIS or MIS would not take for work. Only addresses of the settings are called.
"""

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from swf import clock
from swf.config import Settings
from swf.errors import PeerError, PeerRefused, PeerUnreachable
from swf.net import dicom_echo, tcp
from swf.net.dicom_echo import Titles
from swf.sentence import say

PATIENCE_S = 5.0
QUIET_S = 0.3
"""How long a destination may take to close a connection it did not want."""


class How(StrEnum):
    """How a peer is asked."""

    ECHO = "C-ECHO"
    MLLP = "MLLP"
    HTTP = "HTTP"


class Peer(NamedTuple):
    """Whom to ask: `kind` is device, destination, relay or door; `secured` names the TLS context, "" for plain TCP."""

    kind: str
    name: str
    how: How
    host: str
    port: int
    ae_title: str = ""
    secured: str = ""


class Probed(NamedTuple):
    """What became of it. `told` is what the peer said or why it said nothing, `advice` what mends that."""

    peer: Peer
    well: bool
    milliseconds: int
    told: str
    advice: str
    at: datetime


def peers(settings: Settings) -> list[Peer]:
    """Every peer of the settings with an address; a device has one when it has host and port."""
    devices = [
        Peer("device", each.ae_title, How.ECHO, each.host, each.port, each.ae_title)
        for each in settings.modality
        if each.host and each.port
    ]
    lines = [
        *(Peer("destination", each.name, How.MLLP, each.host, each.port) for each in settings.destination),
        *(Peer("relay", each.name, How.ECHO, each.host, each.port, each.ae_title) for each in settings.relay),
    ]
    tls = {each.name for each in (*settings.destination, *settings.relay) if each.tls}
    secured = [each._replace(secured=f"{each.kind} {each.name}") if each.name in tls else each for each in lines]
    return [*devices, *secured]


def probe(peer: Peer, calling: str, context: ssl.SSLContext | None = None) -> Probed:
    """Ask a peer, with our AE title `calling` where it is DICOM; never raises for what the peer does."""
    at, begun = clock.now(), time.monotonic()
    try:
        told = _WAYS[peer.how](peer, calling, context)
    except PeerError as error:
        return Probed(peer, well=False, milliseconds=_since(begun), told=str(error), advice=_advice(error, peer), at=at)
    return Probed(peer, well=True, milliseconds=_since(begun), told=told, advice="", at=at)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _echoed(peer: Peer, calling: str, context: ssl.SSLContext | None) -> str:
    dicom_echo.echo((peer.host, peer.port), Titles(calling, peer.ae_title), PATIENCE_S, context)
    return say("answers C-ECHO as %(title)s", title=peer.ae_title)


def _called(peer: Peer, _calling: str, context: ssl.SSLContext | None) -> str:
    """The connection stands, and the other side does not take it back at once."""
    with tcp.connect(peer.host, peer.port, PATIENCE_S, context) as connection:
        connection.settimeout(QUIET_S)
        with contextlib.suppress(TimeoutError):
            if not _heard(connection):
                raise PeerRefused(f"{peer.host}:{peer.port} closes the connection at once", ack_code="")
    return say("takes a connection; nothing was sent")


def _heard(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except TimeoutError:
        raise
    except OSError:
        return b""


def _lives(peer: Peer, _calling: str, _context: ssl.SSLContext | None) -> str:
    """A broker's own account of itself: /livez."""
    connection = http.client.HTTPConnection(peer.host, peer.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/livez", headers={"Host": f"localhost:{peer.port}"})
        answer = connection.getresponse()
        ailing = json.loads(answer.read())["ailing"]
    except OSError as error:
        raise PeerUnreachable(f"no connection to {peer.host}:{peer.port}: {tcp.reason(error)}") from error
    except (http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise PeerRefused(f"{peer.host}:{peer.port} is not the window of a broker", ack_code="") from error
    finally:
        connection.close()
    if ailing:
        raise PeerRefused(f"does not do its work: {', '.join(ailing)}", ack_code="")
    return say("every part does its work")


_WAYS: dict[How, Callable[[Peer, str, ssl.SSLContext | None], str]] = {
    How.ECHO: _echoed,
    How.MLLP: _called,
    How.HTTP: _lives,
}


def _advice(error: PeerError, peer: Peer) -> str:
    if isinstance(error, PeerUnreachable):
        return say("check that %(name)s is switched on, its address and port, and the firewall between", name=peer.name)
    if "calling AE title" in str(error):
        return say("let %(name)s know our AE title and the address of this machine", name=peer.name)
    if "called AE title" in str(error):
        return say("correct ae_title of %(name)s in the settings: it goes by another one", name=peer.name)
    if peer.how is How.MLLP:
        return say("let %(name)s accept connections from the address of this machine", name=peer.name)
    return say("look at the log of %(name)s: it says what it did not like", name=peer.name)
