"""TLS for the doors, HL7, DICOM and the window: contexts from the settings, handshakes with a deadline (ITI-19, PS3.15 B.12, BCP 195).

This is the one place contexts are made. A door asks its `Secured` for the context of each new connection.
"""

import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from swf.config import Destination, Dicom, Hl7, Line, Relay, Settings, Web
from swf.errors import ConfigError

HANDSHAKE_S = 10.0
_FINGERPRINT = "sha256:"
_FILES = ("tls_certificate", "tls_key", "tls_ca", "tls_client_ca")
_Door = TypeVar("_Door", Hl7, Dicom, Web)
_Line = TypeVar("_Line", Destination, Relay)
_Section = TypeVar("_Section", Hl7, Dicom, Web, Destination, Relay)


def check(settings: Settings) -> None:
    """Try every certificate, key and authority; raises ConfigError with all that cannot be used."""
    contexts(settings)


def contexts(settings: Settings) -> dict[str, ssl.SSLContext]:
    """A context made anew for every door and destination with TLS: `hl7`, `dicom`, `web` and `destination NAME`.

    Raises ConfigError with all that cannot be used.
    """
    mistakes: list[str] = []
    made: dict[str, ssl.SSLContext] = {}
    attempts: dict[str, Callable[[], ssl.SSLContext | None]] = {
        "hl7": partial(of_listener, settings.hl7),
        "dicom": partial(of_dicom, settings.dicom),
        "web": partial(of_window, settings.web),
        **{f"destination {each.name}": partial(of_destination, each) for each in settings.destination},
        **{f"relay {each.name}": partial(of_destination, each) for each in settings.relay},
    }
    for name, attempt in attempts.items():
        try:
            context = attempt()
        except ConfigError as error:
            mistakes += error.mistakes
        else:
            made |= {name: context} if context else {}
    mistakes += [
        f"modality {each.ae_title}: certificate means nothing without dicom.tls_client_ca"
        for each in settings.modality
        if each.certificate and not settings.dicom.tls_client_ca
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return made


def of_listener(settings: Hl7) -> ssl.SSLContext | None:
    """What senders are met with; None without a certificate. Raises ConfigError for a file that cannot be used.

    With `tls_client_ca` a sender must show a certificate signed by it (mutual TLS).
    """
    return _of_door(settings, "hl7")


def of_dicom(settings: Dicom) -> ssl.SSLContext | None:
    """The same for devices: TLS 1.2 and 1.3 with the ciphers OpenSSL holds for good (PS3.15 B.12)."""
    return _of_door(settings, "dicom")


def of_window(settings: Web) -> ssl.SSLContext | None:
    """What browsers are met with; None without a certificate. Raises ConfigError for a file that cannot be used."""
    if not settings.tls_certificate:
        return None
    return for_meeting("web", settings.tls_certificate, settings.tls_key)


def _of_door(settings: Hl7 | Dicom, section: str) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    return for_meeting(section, settings.tls_certificate, settings.tls_key, settings.tls_client_ca)


def for_meeting(section: str, certificate: str, key: str, client_ca: str = "") -> ssl.SSLContext:
    """What callers are met with: our certificate, and with `client_ca` only those who show one of it.

    Raises ConfigError, which names `section`, for a file that cannot be used.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _show(context, certificate, key, section)
    if client_ca:
        _trust(context, client_ca, f"{section}.tls_client_ca")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def for_calling(section: str, ca: str, certificate: str, key: str, *, verify: bool = True) -> ssl.SSLContext:
    """How others are called: whom we trust, `ca` or what the system trusts, and our certificate if they ask for one.

    Raises ConfigError, which names `section`, for a file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca:
        # Its own authority and no other: a public one signs for anybody.
        _trust(context, ca, f"{section}: tls_ca")
    else:
        context.load_default_certs()
    if certificate:
        _show(context, certificate, key, section)
    return context


def with_certificates_of(settings: Settings, running: Settings) -> Settings:
    """`running` with the certificates, keys and authorities that `settings` names, wherever TLS is spoken in both."""
    doors = {
        "hl7": _renewed_door(running.hl7, settings.hl7),
        "dicom": _renewed_door(running.dicom, settings.dicom),
        "web": _renewed_door(running.web, settings.web),
    }
    lines = {
        "destination": _renewed_lines(running.destination, settings.destination),
        "relay": _renewed_lines(running.relay, settings.relay),
    }
    return running.model_copy(update={**doors, **lines})


def _renewed_lines(now: Sequence[_Line], new: Sequence[_Line]) -> tuple[_Line, ...]:
    named = {each.name: each for each in new if each.tls}
    return tuple(_renewed(each, named[each.name]) if each.tls and each.name in named else each for each in now)


def _renewed_door(now: _Door, new: _Door) -> _Door:
    return _renewed(now, new) if now.tls_certificate and new.tls_certificate else now


def _renewed(now: _Section, new: _Section) -> _Section:
    return now.model_copy(update={name: getattr(new, name) for name in _FILES if hasattr(now, name)})


class Secured:
    """The context new connections are made with, either way; `renew` replaces it, connections that stand keep theirs."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def context(self) -> ssl.SSLContext:
        """The context of now."""
        return self._context

    def renew(self, context: ssl.SSLContext) -> None:
        """Meet new connections with this one."""
        self._context = context


def is_of(connection: socket.socket, expected: str) -> bool:
    """Whether the peer has shown the certificate `expected` names: by a name in it, or by sha256: and its fingerprint.

    Names are its common name and its alternative names (DNS, address, e-mail, URI), compared without case.
    """
    if not isinstance(connection, ssl.SSLSocket):
        return False
    shown = connection.getpeercert(binary_form=True)
    if shown is None:
        return False
    if expected.lower().startswith(_FINGERPRINT):
        wanted = expected[len(_FINGERPRINT) :].replace(":", "").lower()
        return hashlib.sha256(shown).hexdigest() == wanted
    return expected.lower() in {name.lower() for name in _names(connection)}


def _names(connection: ssl.SSLSocket) -> Iterator[str]:
    certificate: dict[str, Any] = connection.getpeercert() or {}
    for relative in certificate.get("subject", ()):
        yield from (value for kind, value in relative if kind == "commonName")
    yield from (value for _, value in certificate.get("subjectAltName", ()))


def of_destination(settings: Line) -> ssl.SSLContext | None:
    """How a destination or relay is called; None without TLS. Its name or address is always checked against its certificate.

    Raises ConfigError for a file that cannot be used.
    """
    if not settings.tls:
        return None
    section = f"destination {settings.name}"
    return for_calling(section, settings.tls_ca, settings.tls_certificate, settings.tls_key)


def _show(context: ssl.SSLContext, certificate: str, key: str, section: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty passphrase: without it a locked key would ask at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        mistake = f"{section}: tls_certificate {certificate} and tls_key {key} cannot be used: {_reason(error)}"
        raise ConfigError([mistake]) from error


def _trust(context: ssl.SSLContext, authorities: str, key: str) -> None:
    try:
        context.load_verify_locations(authorities)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{key}: {authorities} cannot be used: {_reason(error)}"]) from error


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
