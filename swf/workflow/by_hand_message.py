"""The messages that say what an operator wants: a new order, a change, a cancel, as OMG^O19 of our own (RAD-2, RAD-13)."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

from swf import clock
from swf.dicom import encoding
from swf.hl7 import omg, writer
from swf.hl7.message import NULL
from swf.hl7.omg import Fields, Order
from swf.hl7.order_groups import OrderGroup
from swf.mapping import inbound
from swf.mapping.catalogue import Entry
from swf.mapping.rules import SiteMapping
from swf.store.database import Record
from swf.workflow import wanted
from swf.workflow.site import Site
from swf.workflow.wanted import Asked, NewOrder, OrderChange, StepChange

APPLICATION = "by hand"
_LONGEST_WHO = 60


def number_of(key: str) -> str:
    """The number a key stands for: the message's, and of a new order its filler number."""
    return "H" + base64.b32encode(hashlib.sha256(key.encode()).digest())[:11].decode()


def new(site: Site, said: NewOrder, asked: Asked) -> bytes:
    """The message of a new order."""
    filler = omg.components(number_of(asked.key), site.settings.site.name)
    listed = wanted.is_listed(said.procedure, site.mapping.catalogue)
    orc = {1: "SN", 3: filler, 5: "SC", 10: _entered(asked.by), 18: _titles(wanted.stations(said.station))}
    tq1 = {1: "1", 7: _timestamp(said.start), 9: wanted.PRIORITIES[said.priority]}
    obr = {1: "1", 3: filler, 4: _code(said, site.mapping), 16: omg.person(said.requesting)}
    obr |= {18: omg.components(said.accession), 31: omg.components("", said.reason)}
    obr |= {24: "" if listed else omg.components(said.modality)}
    visit = {2: "O", 3: omg.components(said.location), 8: omg.person(said.referring)}
    return omg.message(_envelope(site, asked.key), _patient(said), visit, [Order(orc, tq1, obr)])


def changed(site: Site, row: Record, steps: Sequence[Record], said: OrderChange, asked: Asked) -> bytes:
    """The message that changes these steps of an order; its patient is `row`'s as `by_hand` names him or her."""
    groups = [_changed(site.mapping, row, step, said, asked.by) for step in steps]
    return omg.message(_envelope(site, asked.key), _patient_of(row), {}, groups)


def cancelled(site: Site, row: Record, reason: str, asked: Asked) -> bytes:
    """The message that cancels an order."""
    orc = {1: "CA", **_numbers(row), 10: _entered(asked.by), 16: omg.components("", reason)}
    return omg.message(_envelope(site, asked.key), _patient_of(row), {}, [Order(orc, {}, {1: "1", **_numbers(row)})])


def entries_of(mapping: SiteMapping, code: str) -> Sequence[Entry]:
    """What the catalogue has under a code."""
    return mapping.catalogue.entries.get(code, ()) if mapping.catalogue else ()


def _envelope(site: Site, key: str) -> omg.Envelope:
    sent = writer.timestamp(clock.local(clock.now()), zone=True)
    return omg.Envelope(APPLICATION, "", sent, number_of(key), site.settings.hl7.processing_ids[0])


def _patient(said: NewOrder) -> Fields:
    fields = {3: omg.components(said.patient_id, "", "", said.issuer), 5: omg.person_name(said.name)}
    return fields | {7: wanted.day(said.birth_date), 8: said.sex}


def _patient_of(row: Record) -> Fields:
    """Who a known order is for; what is known of him or her stays."""
    return {3: omg.components(row.patient_id, "", "", row.issuer)}


def _entered(by: str) -> str:
    return omg.components(by[:_LONGEST_WHO])


def _titles(titles: Sequence[str]) -> str:
    return "~".join(map(omg.components, titles))


def _code(said: NewOrder | OrderChange, mapping: SiteMapping) -> str:
    """The universal service: one of the catalogue under the words the catalogue has for it."""
    entries = entries_of(mapping, said.procedure)
    known = str(entries[0].item.get("RequestedProcedureDescription", "")) if entries else ""
    return omg.components(said.procedure, said.procedure_text or known, said.scheme)


def _changed(mapping: SiteMapping, row: Record, step: Record, said: OrderChange, by: str) -> Order:
    """The group that changes one step. The end moves with the start; another procedure forgets what the old one was."""
    mine = said.steps.get(step.step_id, StepChange())
    titles: Sequence[str] = wanted.stations(mine.station)
    tq1 = {1: "1", 7: _timestamp(mine.start), 8: _end(step, mine.start), 9: wanted.PRIORITIES.get(said.priority, "")}
    obr = {1: "1", **_numbers(row), 20: omg.components(step.step_id), 31: omg.components("", said.reason)}
    if said.procedure:
        entries = entries_of(mapping, said.procedure)
        modality = str(entries[0].step.get("Modality", "")) if entries else said.modality
        # A catalogue is asked only where no step is named; of this order there is but one.
        obr |= {4: f"{_code(said, mapping)}^{NULL}", 20: "", 24: "" if entries else omg.components(modality)}
        tq1 |= {7: tq1[7] or step.start, 8: NULL}
        titles = titles or _stations_of(mapping, entries, modality, step)
    return Order({1: "XO", **_numbers(row), 10: _entered(by), 18: _titles(titles)}, tq1, obr)


def _stations_of(mapping: SiteMapping, entries: Sequence[Entry], modality: str, step: Record) -> Sequence[str]:
    """Where another procedure is done: where it was, unless it needs another kind of device."""
    if modality == step.modality:
        return ()
    listed = next((entry.stations for entry in entries if entry.stations), ())
    return listed or inbound.stations(mapping, modality, OrderGroup({}))


def _end(step: Record, start: str) -> str:
    """The end of a step that begins at another time: it takes as long as before."""
    began, ends, begins = planned(step.dataset, "Start"), planned(step.dataset, "End"), wanted.moment(start)
    if begins is None or ends is None:
        return ""
    return writer.timestamp(begins + (ends - began)) if began else NULL


def planned(stored: bytes, which: str) -> datetime | None:
    """When a step is planned to begin (`Start`) or to be done (`End`), by the site's clock."""
    item = encoding.decode(stored).ScheduledProcedureStepSequence[0]
    day, at = (str(item.get(f"ScheduledProcedureStep{which}{part}", "") or "") for part in ("Date", "Time"))
    try:
        return datetime.strptime(f"{day}{at[:6].ljust(6, '0')}", "%Y%m%d%H%M%S") if day else None
    except ValueError:
        return None


def _numbers(row: Record) -> dict[int, str]:
    """The number an order is known by, as ORC and OBR hold it."""
    if row.placer_order_number:
        return {2: omg.components(row.placer_order_number, row.placer_issuer)}
    return {3: omg.components(row.filler_order_number, row.filler_issuer)}


def _timestamp(text: str) -> str:
    begins = wanted.moment(text)
    return writer.timestamp(begins) if begins else ""
