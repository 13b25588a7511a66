"""Orders: new, change, cancel, discontinue, hold, replace (RAD-2, RAD-3, RAD-4, RAD-13; ORM^O01, OMG^O19, OMI^O23).

A message may hold several orders, an order several steps; all of them are done, or none. What an order does not
mention stays. An order number belongs to one patient and a Study Instance UID to one patient, for ever.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from pydicom.dataset import Dataset

from swf.dicom import columns, encoding, mpps
from swf.dicom.encoding import Value
from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition, MappingError, MessageError, UnknownOrder
from swf.hl7.message import Message, OrderGroup, order_groups
from swf.mapping import inbound
from swf.mapping.inbound import MappedStep
from swf.model.journal import Event
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import identifiers, notices, order_control, patients, states, steps
from swf.workflow.notices import Change
from swf.workflow.order_control import Action
from swf.workflow.patients import Known
from swf.workflow.site import Site
from swf.workflow.states import OrderStatus, StepEvent

_SEGMENT_SEQUENCE, _REQUIRED_FIELD, _UNABLE = 100, 101, 207
_ACCEPTED = ("AA", "CA")
_ASSIGNED = "NA"
_REPLACEMENT = "RO"
_SETTLED = (StepStatus.COMPLETED, StepStatus.CANCELLED)


@dataclass(slots=True)
class _Request:
    """One message being carried out: what it has done so far."""

    transaction: Transaction
    site: Site
    message: Message
    at: datetime
    entries: list[Entry] = field(default_factory=list)
    positions: Counter[int] = field(default_factory=Counter)  # order → steps without an id seen in this message
    created: set[int] = field(default_factory=set)
    afresh: bool = False

    def note(self, event: Event, order: int, **detail: object) -> None:
        """Remember something for the journal."""
        self.entries.append(Entry(event, order, detail=detail))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """How a group names its order: (number, issuer) of placer and filler, the accession number, where it stands."""

    placer: tuple[str, str]
    filler: tuple[str, str]
    accession: str
    sequence: int


def apply(
    transaction: Transaction, site: Site, message: Message, at: datetime, *, afresh: bool = False
) -> list[Entry]:
    """Do what every order of `message` asks; what there is to journal of it.

    `afresh` is for a message that is taken once more after the mapping was changed: a new order that is known already
    then gets the defaults and the stations of the mapping as if it came for the first time.
    Raises MappingError, UnknownOrder, IdentifierConflict or IllegalTransition, each with the place in the message;
    the caller then undoes all of it.
    """
    request = _Request(transaction, site, message, at, afresh=afresh)
    groups = order_groups(message)
    if not groups:
        raise MappingError("the message holds no order (ORC or OBR)", location="ORC^1", code=_SEGMENT_SEQUENCE)
    for number, group in enumerate(groups, start=1):
        orc = group.first("ORC")
        sequence = orc.sequence if orc else number
        _ACTIONS[order_control.action(group, sequence)](request, group, sequence)
    return request.entries


def take_reply(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ORR^O02, ORG^O20: the placer answers a filler's order; NA brings its number (RAD-3).

    Raises UnknownOrder when a number is assigned to an order nobody knows.
    """
    request = _Request(transaction, site, message, at)
    accepted = message.value("MSA", 1).strip().upper() in _ACCEPTED
    for number, group in enumerate(order_groups(message), start=1):
        orc = group.first("ORC")
        if accepted and order_control.pair(group)[0] == _ASSIGNED:
            _assign(request, group, orc.sequence if orc else number)
        else:
            _note_reply(request, group)
    return request.entries


# ---- new and changed ----


def _new(request: _Request, group: OrderGroup, sequence: int) -> None:
    numbers = _numbers(request, group, sequence)
    order = _find(request, numbers)
    if order is None:
        _create(request, group, numbers)
    else:
        _revise(request, group, order, numbers, changing=not request.afresh)


def _change(request: _Request, group: OrderGroup, sequence: int) -> None:
    numbers = _numbers(request, group, sequence)
    order = _find(request, numbers)
    if order is None:
        raise _unknown(numbers)
    _revise(request, group, order, numbers)


def _finish(request: _Request, group: OrderGroup, sequence: int) -> None:
    _change(request, group, sequence)
    _end(request, group, sequence, StepEvent.COMPLETE)


def _create(request: _Request, group: OrderGroup, numbers: _Numbers) -> None:
    mapped = _mapped(request, group, changing=False)
    known = patients.identify(request.transaction, request.site, mapped[0].item, request.at)
    order = orders.add(
        request.transaction,
        patient=known.number,
        identity=known.identity,
        placer_order_number=numbers.placer[0],
        placer_issuer=numbers.placer[1] if numbers.placer[0] else "",
        filler_order_number=numbers.filler[0],
        filler_issuer=numbers.filler[1] if numbers.filler[0] else "",
        accession_number=numbers.accession,
        status=OrderStatus.SCHEDULED,
        created_at=request.at,
        updated_at=request.at,
    )
    row = _complete_numbers(request, order, numbers)
    request.positions[order] = sum(not step.step.get("ScheduledProcedureStepID") for step in mapped)
    request.created.add(order)
    request.note(Event.ORDER_CREATED, order, accession_number=row.accession_number)
    for sentence in known.warnings:
        request.note(Event.WARNING, order, text=sentence)
    for step in mapped:
        _add_step(request, row, step, known)


def _mapped(request: _Request, group: OrderGroup, *, changing: bool) -> list[MappedStep]:
    """The steps of a group, each under the patient identifier the site prefers."""
    mapped = inbound.steps(request.site.mapping, group, changing=changing)
    for step in mapped:
        patients.prefer_own_identifier(request.site, step.item)
    return mapped


def _complete_numbers(request: _Request, order: int, numbers: _Numbers) -> Record:
    """The order with the numbers it came without: ours for the accession, which also serves as filler number."""
    accession = numbers.accession
    if not accession:
        accession = identifiers.accession_number(request.site, order, request.at)
    filler = numbers.filler[0] or accession
    if (accession, filler) != (numbers.accession, numbers.filler[0]):
        issuer = numbers.filler[1] if numbers.filler[0] else request.site.settings.site.name
        changes = {"accession_number": accession, "filler_order_number": filler, "filler_issuer": issuer}
        orders.change(request.transaction, order, **changes)
    return orders.one(request.transaction, order)


def _revise(
    request: _Request, group: OrderGroup, order: Record, numbers: _Numbers, *, changing: bool = True
) -> None:
    """Bring a known order up to date. Finished steps take corrections but are never reopened by a message."""
    if order.status in (OrderStatus.CANCELLED, OrderStatus.DISCONTINUED):
        raise IllegalTransition(
            f"the order's status is {order.status}; what is to be done after all needs a new order number",
            location=f"ORC^{numbers.sequence}^1",
        )
    mapped = _mapped(request, group, changing=changing)
    known = _same_patient(request, group, order, mapped[0].item)
    changed = False
    unbooked = {row.id for row in orders.steps(request.transaction, order.id) if steps.is_unbooked(row)}
    for index, step in enumerate(mapped):
        row = _counterpart(request, order, step)
        if row is None:
            full = _mapped(request, group, changing=False)[index]
            _add_step(request, order, full, known, orders.steps(request.transaction, order.id)[0])
            changed = True
        else:
            changed |= _change_step(request, order, row, step, known)
    _settle_held(request, order, unbooked)
    _learn_numbers(request, order, numbers)
    if order.id not in request.created:
        request.note(Event.ORDER_CHANGED, order.id, changed=changed)
    settle(request.transaction, order, request.at, request.entries)  # a step may have been added to what was done


def _settle_held(request: _Request, order: Record, unbooked: set[int]) -> None:
    """What is added to an order on hold waits with it; what had lost its time and has one again is scheduled."""
    for row in orders.steps(request.transaction, order.id):
        if order.status == OrderStatus.HELD and row.status == StepStatus.SCHEDULED:
            request.entries += steps.set_status(request.transaction, row, StepStatus.HELD, request.at)
        elif row.id in unbooked and row.start_date:
            request.entries += steps.set_status(request.transaction, row, StepStatus.SCHEDULED, request.at)


def _learn_numbers(request: _Request, order: Record, numbers: _Numbers) -> None:
    """Keep the numbers a later message brings, so that the order is found by them too."""
    told = {
        "accession_number": numbers.accession,
        "placer_order_number": numbers.placer[0],
        "filler_order_number": numbers.filler[0],
    }
    news = {name: value for name, value in told.items() if value and value != getattr(order, name)}
    if "placer_order_number" in news:
        news["placer_issuer"] = numbers.placer[1]
    if "filler_order_number" in news:
        news["filler_issuer"] = numbers.filler[1]
    if news:
        orders.change(request.transaction, order.id, **news, updated_at=request.at)


def _same_patient(request: _Request, group: OrderGroup, order: Record, item: dict[str, Value]) -> Known:
    if not item.get("PatientID"):
        raise MappingError("PID-3 is empty", location=_place(group, "PID", 3), code=_REQUIRED_FIELD)
    known = patients.identify(request.transaction, request.site, item, request.at)
    if known.number != order.patient:
        raise _of_another_patient(group)
    return known


def _of_another_patient(group: OrderGroup) -> IdentifierConflict:
    return IdentifierConflict(
        "the order number belongs to an order of another patient", location=_place(group, "PID", 3)
    )


def _place(group: OrderGroup, name: str, field: int) -> str:
    """Where the group's segment of that name stands in the message, and a field of it."""
    segment = group.first(name)
    return f"{name}^{segment.sequence if segment else 1}^{field}"


def _counterpart(request: _Request, order: Record, mapped: MappedStep) -> Record | None:
    """The stored step a step of the message means: by its id, else by its position.

    An id we made up gives way to the one a sender assigns later.
    """
    scheduled = orders.steps(request.transaction, order.id)
    name = mapped.step.get("ScheduledProcedureStepID", "")
    if name:
        named = next((row for row in scheduled if row.step_id == name), None)
        return named or next((row for row in scheduled if _yields(row)), None)
    position = request.positions[order.id]
    request.positions[order.id] += 1
    return scheduled[position] if position < len(scheduled) else None


def _yields(row: Record) -> bool:
    return bool(row.own_identifiers) and row.status == StepStatus.SCHEDULED


def _add_step(
    request: _Request, order: Record, mapped: MappedStep, known: Known, sibling: Record | None = None
) -> None:
    item, step = mapped.item, mapped.step
    own_identifiers = not step.get("ScheduledProcedureStepID")
    if own_identifiers:
        taken = len(orders.steps(request.transaction, order.id))
        step["ScheduledProcedureStepID"] = identifiers.step_id(order.id, taken + 1)
    item["AccessionNumber"] = order.accession_number
    item[inbound.FILLER] = order.filler_order_number
    if order.filler_issuer == request.site.settings.site.name:  # a number of ours says so, and comes back saying so
        item[inbound.FILLER_AUTHORITY] = [{"LocalNamespaceEntityID": order.filler_issuer}]
    item["StudyInstanceUID"] = item.get("StudyInstanceUID") or _study(request, order, item)
    item["RequestedProcedureID"] = item.get("RequestedProcedureID") or _procedure_id(request, order, item)
    _refuse_taken_identifiers(request, order, mapped, step["ScheduledProcedureStepID"])
    steps.add(
        request.transaction,
        order.id,
        mapped,
        known.person,
        request.at,
        own_identifiers=own_identifiers,
        sibling=sibling,
    )
    request.note(Event.STEP_SCHEDULED, order.id, **_summary(step))
    _note_warnings(request, order, mapped)


def _summary(step: dict[str, str]) -> dict[str, str]:
    """What an operator reads of a step."""
    start = step.get("ScheduledProcedureStepStartDate", "") + step.get("ScheduledProcedureStepStartTime", "")
    return {
        "step_id": step["ScheduledProcedureStepID"],
        "modality": step.get("Modality", ""),
        "station": str(step.get("ScheduledStationAETitle", "")),
        "start": start,
    }


def _study(request: _Request, order: Record, item: dict[str, Value]) -> str:
    """The study of a procedure whose order names none: one for each requested procedure of the order."""
    number, issuer = (
        (order.placer_order_number, order.placer_issuer)
        if order.placer_order_number
        else (order.filler_order_number, order.filler_issuer)
    )
    if item.get("RequestedProcedureID"):
        return identifiers.study_instance_uid(issuer, number, str(item["RequestedProcedureID"]))
    study = identifiers.study_instance_uid(issuer, number)
    code = identifiers.procedure_code(item)
    present = orders.steps(request.transaction, order.id)
    another = any(row.study_instance_uid == study and _code(row.dataset) != code for row in present)
    return identifiers.study_instance_uid(issuer, number, code) if another else study


def _procedure_id(request: _Request, order: Record, item: dict[str, Value]) -> str:
    """One id for each study of the order, the same for all its steps."""
    present = orders.steps(request.transaction, order.id)
    same = next((row for row in present if row.study_instance_uid == item["StudyInstanceUID"]), None)
    if same is not None:
        return str(same.requested_procedure_id)
    return identifiers.requested_procedure_id(order.id, len({row.study_instance_uid for row in present}) + 1)


def _code(stored: bytes) -> str:
    sequence = encoding.decode(stored).get("RequestedProcedureCodeSequence")
    return str(sequence[0].get("CodeValue") or sequence[0].get("LongCodeValue") or "") if sequence else ""


def _change_step(request: _Request, order: Record, row: Record, mapped: MappedStep, known: Known) -> bool:
    item, step = mapped.item, mapped.step
    study, name = item.get("StudyInstanceUID", ""), step.get("ScheduledProcedureStepID", "")
    renamed = name not in ("", row.step_id) or study not in ("", row.study_instance_uid)
    if renamed and not _yields(row):
        raise IdentifierConflict(
            "the Study Instance UID of a procedure does not change; cancel the order and send a new one",
            location=_study_place(mapped),
        )
    if renamed:
        _refuse_taken_identifiers(request, order, mapped, name or row.step_id, own=row.id)
        request.note(Event.STEP_SUPERSEDED, order.id, was=row.step_id, now=name or row.step_id)
    stored = encoding.overlay(columns.merge(row.dataset, item), known.person)
    own_identifiers = bool(row.own_identifiers) and not name
    _note_warnings(request, order, mapped)
    return steps.rewrite(request.transaction, row, stored, request.at, own_identifiers=own_identifiers)


def _refuse_taken_identifiers(
    request: _Request, order: Record, mapped: MappedStep, step_id: str, own: int | None = None
) -> None:
    """A study belongs to one patient, and a step id stands for one step of it; `own` is the row that is being changed."""
    for row in orders.steps_of_study(request.transaction, str(mapped.item.get("StudyInstanceUID", ""))):
        if row.patient != order.patient:
            raise IdentifierConflict("the Study Instance UID belongs to another patient", location=_study_place(mapped))
        if row.step_id == step_id and row.id != own:
            raise IdentifierConflict("another step of this study has that id", location=_step_place(mapped.source))


def _study_place(mapped: MappedStep) -> str:
    return _place(mapped.source, "IPC", 3) if mapped.source.first("IPC") else _place(mapped.source, "ZDS", 1)


def _step_place(group: OrderGroup) -> str:
    return _place(group, "IPC", 4) if group.first("IPC") else _place(group, "OBR", 20)


# ---- cancelled, discontinued, completed, held, released ----


def _end(request: _Request, group: OrderGroup, sequence: int, event: StepEvent) -> None:
    order = _known(request, group, sequence)
    chosen = _chosen(request, group, order)
    if event is not StepEvent.CANCEL:  # what is done or was cancelled stays so; the rest of the order moves
        chosen = [row for row in chosen if row.status not in _SETTLED] or chosen
    _move(request, order, chosen, event, sequence)


def _release(request: _Request, group: OrderGroup, sequence: int) -> None:
    order = _known(request, group, sequence)
    chosen = [row for row in _chosen(request, group, order) if row.status not in _SETTLED]
    if any(steps.is_unbooked(row) for row in chosen):
        raise IllegalTransition(
            "the appointment of the order was cancelled; book it again, or send the order with a time",
            location=f"ORC^{sequence}^1",
        )
    _move(request, order, chosen, StepEvent.RELEASE, sequence)


def _partly(request: _Request, group: OrderGroup, sequence: int) -> None:
    """Some results: of several open steps only those that are named are done, the others are still to be performed."""
    order = _known(request, group, sequence)
    chosen = _chosen(request, group, order)
    still_open = [row for row in chosen if not states.is_closed(row.status)]
    if len(still_open) > 1 and len(chosen) == len(orders.steps(request.transaction, order.id)):
        _record(request, group, sequence)
    else:
        _move(request, order, still_open or chosen, StepEvent.COMPLETE, sequence)


def _known(request: _Request, group: OrderGroup, sequence: int) -> Record:
    """The order a group names; UnknownOrder without one, IdentifierConflict when it is another patient's."""
    numbers = _numbers(request, group, sequence)
    order = _find(request, numbers)
    if order is None:
        raise _unknown(numbers)
    _refuse_other_patient(request, group, order)
    return order


# ---- replaced ----


def _replace(request: _Request, group: OrderGroup, sequence: int) -> None:
    """The order in ORC-8 gives way to this one; a message with RO in it names the old order and the new one apart."""
    control, _ = order_control.pair(group)
    orc = group.all("ORC")[0]
    if orc.raw(8):
        _give_way(request, group, sequence)
    elif control != _REPLACEMENT and _brings_replacement(request.message):
        _end(request, group, sequence, StepEvent.CANCEL)
        return
    _new(request, group, sequence)


def _brings_replacement(message: Message) -> bool:
    return any(orc.value(1).strip().upper() == _REPLACEMENT for orc in message.all("ORC"))


def _give_way(request: _Request, group: OrderGroup, sequence: int) -> None:
    old = _parent(request, group)
    numbers = _numbers(request, group, sequence)
    new = _find(request, numbers)
    if old is None:
        text = "the order that is replaced (ORC-8) is not known"
        request.entries.append(Entry(Event.WARNING, new.id if new else None, detail={"text": text}))
    elif new is None or old.id != new.id:
        _refuse_other_patient(request, group, old)
        request.note(Event.ORDER_CHANGED, old.id, replaced_by=numbers.placer[0] or numbers.filler[0])
        _move(request, old, list(orders.steps(request.transaction, old.id)), StepEvent.CANCEL, sequence)


def _parent(request: _Request, group: OrderGroup) -> Record | None:
    """The order in ORC-8: placer's and filler's number in subcomponents, or one number with its namespace."""
    orc = group.all("ORC")[0]
    header = request.message.header
    sender = f"{header.sending_application}@{header.sending_facility}"
    pairs = [(orc.value(8, 1, number, 1), orc.value(8, 1, number, 2) or sender) for number in (1, 2)]
    plain = (orc.value(8, 1, 1), orc.value(8, 1, 2) or sender)
    return orders.find(request.transaction, placer=pairs[0], filler=pairs[1]) or orders.find(
        request.transaction, placer=plain, filler=plain
    )


# ---- numbers assigned, status received and asked for ----


def _assign(request: _Request, group: OrderGroup, sequence: int) -> None:
    """NA: the placer's number of an order that is known by its filler's (RAD-3)."""
    numbers = _numbers(request, group, sequence)
    order = _by_filler(request, numbers)
    if order is None:
        raise UnknownOrder("no order of that filler number is known", location=f"ORC^{sequence}^3")
    if not numbers.placer[0]:
        raise MappingError("the number that is assigned is missing", location=f"ORC^{sequence}^2", code=_REQUIRED_FIELD)
    owner = orders.find(request.transaction, placer=numbers.placer, filler=("", ""))
    if order.placer_order_number not in ("", numbers.placer[0]) or (owner and owner.id != order.id):
        raise IdentifierConflict("the order or the number belongs to another already", location=f"ORC^{sequence}^2")
    _refuse_other_patient(request, group, order)
    _learn_numbers(request, order, numbers)
    told = inbound.order_numbers(request.site.mapping, group)
    placer = {name: told[name] for name in (inbound.PLACER, inbound.PLACER_AUTHORITY) if name in told}
    for row in orders.steps(request.transaction, order.id):
        stored = columns.merge(row.dataset, placer)
        steps.rewrite(request.transaction, row, stored, request.at, own_identifiers=row.own_identifiers)
    request.note(Event.NUMBER_ASSIGNED, order.id, placer_order_number=numbers.placer[0])


def _note_reply(request: _Request, group: OrderGroup) -> None:
    """A reply that assigns nothing: what it says stands in the journal, with the order when it is known."""
    told = inbound.order_numbers(request.site.mapping, group)
    placer, filler = identifiers.order_numbers(told, request.message.header)
    order = orders.find(request.transaction, placer=placer, filler=filler)
    control, status = order_control.pair(group)
    detail = {"acknowledgement": request.message.value("MSA", 1), "control": control, "status": status}
    request.entries.append(Entry(Event.STATUS_RECEIVED, order.id if order else None, detail=detail))


def _record(request: _Request, group: OrderGroup, sequence: int) -> None:
    order = _known(request, group, sequence)
    control, status = order_control.pair(group)
    request.note(Event.STATUS_RECEIVED, order.id, control=control, status=status)


def _report(request: _Request, group: OrderGroup, sequence: int) -> None:
    """Tell the order's present status to every destination that takes order messages."""
    order = _known(request, group, sequence)
    every = orders.steps(request.transaction, order.id)
    change = Change(order.id, every, every, mpps.summary(Dataset()), request.at)
    queued = notices.status(request.transaction, request.site, change)
    if not queued:
        raise MessageError(
            "there is no destination that is told ORM^O01", location=f"ORC^{sequence}^1", code=_UNABLE
        )
    request.note(Event.STATUS_REQUESTED, order.id, status=order.status)
    request.entries += queued


def _refuse_other_patient(request: _Request, group: OrderGroup, order: Record) -> None:
    pid = group.first("PID")
    if pid is None or not pid.value(3, 1, 1):
        return  # a cancel may come with nothing but its order number
    known = patients.find(request.transaction, request.site, patients.described(request.site, {"PID": [pid]}).item)
    if known is None or known.id != order.patient:
        raise _of_another_patient(group)


def _chosen(request: _Request, group: OrderGroup, order: Record) -> list[Record]:
    """The steps a group means: those it names, else all. Ids the sender never told us cannot be meant otherwise."""
    mapped = _mapped(request, group, changing=True)
    names = {name for step in mapped if (name := step.step.get("ScheduledProcedureStepID"))}
    scheduled = list(orders.steps(request.transaction, order.id))
    named = [row for row in scheduled if row.step_id in names]
    if names and not named and not all(row.own_identifiers for row in scheduled):
        raise UnknownOrder("the order has no step of that id", location=_step_place(group))
    return named or scheduled


def _move(request: _Request, order: Record, chosen: list[Record], event: StepEvent, sequence: int) -> None:
    for row in chosen:
        try:
            status = states.after(StepStatus(row.status), event)
        except IllegalTransition as error:
            raise IllegalTransition(f"step {row.step_id}: {error}", location=f"ORC^{sequence}^1") from error
        request.entries += steps.set_status(request.transaction, row, status, request.at)
    settle(request.transaction, order, request.at, request.entries)


# ---- shared ----


def settle(transaction: Transaction, order: Record, at: datetime, entries: list[Entry]) -> OrderStatus:
    """Give an order the status its steps amount to; returns it, and adds what there is to journal to `entries`."""
    status = states.order_status(row.status for row in orders.steps(transaction, order.id))
    before = orders.one(transaction, order.id).status
    if status != before:
        orders.change(transaction, order.id, status=status, updated_at=at)
        entries.append(Entry(Event.ORDER_STATUS, order.id, detail={"from": before, "to": status}))
    return status


def _numbers(request: _Request, group: OrderGroup, sequence: int) -> _Numbers:
    item = inbound.order_numbers(request.site.mapping, group)
    placer, filler = identifiers.order_numbers(item, request.message.header)
    accession = str(item.get("AccessionNumber", ""))
    if not (placer[0] or filler[0] or accession):
        raise MappingError(
            "the order has no number: ORC-2 and ORC-3 are empty", location=f"ORC^{sequence}^2", code=_REQUIRED_FIELD
        )
    return _Numbers(placer, filler, accession, sequence)


def _find(request: _Request, numbers: _Numbers) -> Record | None:
    """The order by its placer number, else its filler number; by its accession only when it has no other number."""
    found = orders.find(request.transaction, placer=numbers.placer, filler=("", "")) or _by_filler(request, numbers)
    if found is None and not (numbers.placer[0] or numbers.filler[0]):
        same = orders.of_accession(request.transaction, numbers.accession)
        return same[0] if len(same) == 1 else None
    if found is not None and numbers.placer[0] and found.placer_order_number not in ("", numbers.placer[0]):
        raise IdentifierConflict(
            "the filler order number belongs to another placer order", location=f"ORC^{numbers.sequence}^3"
        )
    return found


def _by_filler(request: _Request, numbers: _Numbers) -> Record | None:
    """The order of that filler number; one we gave may come back without saying whose it is."""
    ours = (numbers.filler[0], request.site.settings.site.name)
    return orders.find(request.transaction, placer=("", ""), filler=numbers.filler) or orders.find(
        request.transaction, placer=("", ""), filler=ours
    )


def _unknown(numbers: _Numbers) -> UnknownOrder:
    field = 2 if numbers.placer[0] else 3
    return UnknownOrder("no order of that number is known", location=f"ORC^{numbers.sequence}^{field}")


def _note_warnings(request: _Request, order: Record, mapped: MappedStep) -> None:
    for text in mapped.warnings:
        request.note(Event.WARNING, order.id, text=text)


_ACTIONS: dict[Action, Callable[[_Request, OrderGroup, int], None]] = {
    Action.NEW: _new,
    Action.CHANGE: _change,
    Action.FINISH: _finish,
    Action.CANCEL: partial(_end, event=StepEvent.CANCEL),
    Action.DISCONTINUE: partial(_end, event=StepEvent.DISCONTINUE),
    Action.COMPLETE: partial(_end, event=StepEvent.COMPLETE),
    Action.PARTLY: _partly,
    Action.START: partial(_end, event=StepEvent.START),
    Action.HOLD: partial(_end, event=StepEvent.HOLD),
    Action.RELEASE: _release,
    Action.REPLACE: _replace,
    Action.ASSIGN: _assign,
    Action.RECORD: _record,
    Action.REPORT: _report,
}
