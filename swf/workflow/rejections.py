"""Who was turned away at the DICOM door, for which reason, and what lets it in (PS3.8 9.3.4)."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from swf import config
from swf.config import Settings
from swf.model.journal import Event
from swf.profiles import did_you_mean
from swf.sentence import say
from swf.store import doors
from swf.store.database import Record, Transaction
from swf.workflow import stations

KEPT = timedelta(days=7)
"""How far back is looked; whoever came last before that has given up, or was mended."""
_AMONG = 1000


class Rejection(NamedTuple):
    """Everybody who was turned away for the same: titles are empty for who never asked for an association."""

    ae_title: str
    called: str
    address: str
    reason: str
    first_at: datetime
    last_at: datetime
    times: int
    remedy: str


def recent(connection: Transaction, settings: Settings, now: datetime, titles: Iterable[str] = ()) -> list[Rejection]:
    """The rejections of the last days, the last first; only those of who calls with one of `titles` when given."""
    wanted = set(titles)
    kinds: dict[tuple[str, str, str, str], list[Record]] = {}
    for row in doors.events(connection, Event.ASSOCIATION_REJECTED, limit=_AMONG, since=now - KEPT):
        told = row.detail
        if told["ae_title"] == settings.dicom.ae_title:
            continue  # nobody goes by our own title but our own test of the door
        if not wanted or told["ae_title"] in wanted:
            kinds.setdefault((told["ae_title"], told["called"], told["address"], told["reason"]), []).append(row)
    return [_rejection(settings, kind, rows) for kind, rows in kinds.items()]


def _rejection(settings: Settings, kind: tuple[str, str, str, str], rows: list[Record]) -> Rejection:
    times = sum(row.detail["times"] for row in rows)
    return Rejection(*kind, rows[-1].at, rows[0].at, times, remedy(settings, *kind))


def remedy(settings: Settings, ae_title: str, called: str, address: str, reason: str) -> str:
    """What lets it in."""
    for beginning, told in _REMEDIES.items():
        if reason.startswith(beginning):
            return told(settings, ae_title, called, address)
    return say("look at what this device sends: it does not speak DICOM as the standard has it")


def _add_a_modality(settings: Settings, ae_title: str, _called: str, address: str) -> str:
    if stations.device_of(settings, ae_title) is not None:
        return say("it is configured by now: let the device ask again")
    meant = did_you_mean(ae_title, (each.ae_title for each in settings.modality))
    table = f'[[modality]] ae_title = "{ae_title}" host = "{address}"'
    return say("add it to the settings and reload: %(table)s%(meant)s", table=table, meant=meant)


def _call_us_right(settings: Settings, ae_title: str, called: str, _address: str) -> str:
    ours = ", ".join(config.called_titles(settings))
    device = ae_title or "the device"
    return say("let %(device)s call %(ours)s in place of %(called)s", device=device, ours=ours, called=called or '""')


def _correct_its_host(settings: Settings, ae_title: str, _called: str, address: str) -> str:
    device = stations.device_of(settings, ae_title)
    expected = device.host if device and device.host else ""
    if not expected:
        return say("it is let in by now: let the device ask again")
    text = "if %(address)s is this device, correct host of its [[modality]], which is %(expected)s; else it is somebody else"
    return say(text, address=address, expected=expected)


def _show_its_certificate(settings: Settings, ae_title: str, _called: str, _address: str) -> str:
    device = stations.device_of(settings, ae_title)
    return say(
        "let the device call over TLS with the certificate of its [[modality]] (%(certificate)s), or correct that",
        certificate=device.certificate if device else "",
    )


def _use_tls_right(*_: object) -> str:
    return say(
        "look at its TLS settings: version 1.2 or newer, our authority, and a certificate of its own if we ask for one"
    )


def _make_room(*_: object) -> str:
    return say(
        "see who keeps connections open; else raise the limits in [dicom] (max_associations, max_waiting, …_per_peer)"
    )


def _speak(*_: object) -> str:
    return say("nothing, if it is a port scanner or a load balancer; else look at the network of the device")


def _use_the_port_for_tls(settings: Settings, *_: object) -> str:
    port = settings.dicom.tls_port if settings.dicom.tls_certificate else "-"
    return say("let the device call the port for TLS (%(port)s), or call without TLS", port=port)


def _use_the_port_for_hl7(settings: Settings, *_: object) -> str:
    return say("an HL7 sender: let it send to port %(port)s", port=settings.hl7.port)


_REMEDIES: dict[str, Callable[[Settings, str, str, str], str]] = {
    "calling AE title is not configured": _add_a_modality,
    "called AE title": _call_us_right,
    "calling AE title comes from another host": _correct_its_host,
    "calling AE title does not show its certificate": _show_its_certificate,
    "no TLS session": _use_tls_right,
    "too many": _make_room,
    "temporary congestion": _make_room,
    "local limit exceeded": _make_room,
    "TLS on the plain port": _use_the_port_for_tls,
    "HL7": _use_the_port_for_hl7,
    "HTTP": _speak,
    "SSH": _speak,
    "nothing said": _speak,
    "no whole A-ASSOCIATE-RQ": _speak,
}
