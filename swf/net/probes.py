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
from swf.config import Dicom, Hl7, Settings
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


_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  nothing is opened here


def doors(settings: Settings) -> list[Peer]:
    """Our own doors, as they are reached from this machine; none for a port that is any free one, or of another role."""
    hl7, dicom, web, roles = settings.hl7, settings.dicom, settings.web, settings.node.roles
    found: list[Peer] = []
    if "hl7" in roles:
        ports = dict.fromkeys([hl7.port, *(each.port for each in settings.source if each.port)])
        found += [_door("HL7", How.MLLP, hl7.host, port, secured=_asks_nothing_back(hl7, "hl7")) for port in ports]
    if "dicom" in roles and not dicom.tls_only:
        found.append(_door("DICOM", How.ECHO, dicom.host, dicom.port, ae_title=dicom.ae_title))
    if "dicom" in roles and dicom.tls_certificate:
        how = How.ECHO if not dicom.tls_client_ca else How.MLLP
        secured = _asks_nothing_back(dicom, "dicom")
        found.append(_door("DICOM over TLS", how, dicom.host, dicom.tls_port, ae_title=dicom.ae_title, secured=secured))
    if "web" in roles and web.enabled:
        found.append(_door("window", How.HTTP, web.host, web.port, secured="web" if web.tls_certificate else ""))
    return [each for each in found if each.port]


def _door(name: str, how: How, host: str, port: int, *, ae_title: str = "", secured: str = "") -> Peer:
    return Peer("door", name, how, _EVERYWHERE.get(host, host), port, ae_title, secured)


def _asks_nothing_back(door: Hl7 | Dicom, name: str) -> str:
    """Of a door that asks for certificates only the port can be tried: we have none to show."""
    return name if door.tls_certificate and not door.tls_client_ca else ""


def probe(peer: Peer, calling: str, context: ssl.SSLContext | None = None) -> Probed:
    """Ask a peer, with our AE title `calling` where it is DICOM; never raises for what the peer does."""
    at, begun = clock.now(), time.monotonic()
    try:
        told = _WAYS[peer.how](peer, calling, context)
    except PeerError as error:
        return Probed(peer, well=False, milliseconds=_since(begun), told=str(error), advice=_advice(error, peer), at=at)
    waited = QUIET_S * 1000 if peer.how is How.MLLP else 0
    return Probed(peer, well=True, milliseconds=max(_since(begun) - round(waited), 0), told=told, advice="", at=at)


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
    return say("takes a connection; nothing was sent") if peer.kind != "door" else say("is open")


def _heard(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except TimeoutError:
        raise
    except OSError:
        return b""


def _lives(peer: Peer, _calling: str, context: ssl.SSLContext | None) -> str:
    """A broker's own account of itself: /livez."""
    if context is None:
        connection = http.client.HTTPConnection(peer.host, peer.port, timeout=PATIENCE_S)
    else:
        connection = http.client.HTTPSConnection(peer.host, peer.port, timeout=PATIENCE_S, context=context)
    try:
        connection.request("GET", "/livez")
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
