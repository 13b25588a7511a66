"""Which other systems are told what a modality reported: queued with the report, in its order (RAD-6, RAD-7; PPS Manager)."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from swf import config
from swf.config import Relay
from swf.dicom import mpps_envelope
from swf.model.journal import Event
from swf.store import deliveries
from swf.store.database import Transaction
from swf.store.journal import Entry
from swf.workflow.site import Site

Kind: TypeAlias = Literal["N-CREATE", "N-SET"]


class Passed(NamedTuple):
    """A report as it is passed on: whose, about which step, and its bytes in the transfer syntax they came in."""

    calling_ae_title: str
    sop_instance_uid: str
    syntax: str
    raw: bytes


def queue(
    transaction: Transaction, site: Site, kind: Kind, passed: Callable[[], Passed], at: datetime, *, order: int | None
) -> list[Entry]:
    """Queue a report, written by `passed` when anybody is to have it, for every such system; what there is to journal.

    Never for who reported it, nor when the caller is one of our own titles: a report must not go round in circles.
    """
    if not site.settings.relay:
        return []
    report = passed()
    if report.calling_ae_title in config.called_titles(site.settings):
        return []
    wanted = [relay for relay in site.settings.relay if _is_for(relay, report.calling_ae_title)]
    payload = mpps_envelope.seal(report.sop_instance_uid, report.syntax, report.raw)
    return [_add(transaction, relay, kind, report.sop_instance_uid, payload, at, order) for relay in wanted]


def _is_for(relay: Relay, calling_ae_title: str) -> bool:
    return relay.ae_title != calling_ae_title and (not relay.modalities or calling_ae_title in relay.modalities)


def _add(  # noqa: PLR0917  a row has that many columns
    transaction: Transaction, relay: Relay, kind: Kind, subject: str, payload: bytes, at: datetime, order: int | None
) -> Entry:
    control_id = uuid.uuid4().hex
    deliveries.add(
        transaction,
        destination=relay.name,
        order=order,
        type=kind,
        subject=subject,
        control_id=control_id,
        payload=payload,
        created_at=at,
    )
    return Entry(Event.DELIVERY_QUEUED, order, detail={"destination": relay.name, "type": kind, "mpps": subject})
