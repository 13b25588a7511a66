"""What an order says becomes steps: scheduled, brought up to date, and never given to another patient (RAD-4, RAD-13).

What an order does not mention stays. A Study Instance UID belongs to one patient, and a step id to one step of it.
"""

from collections.abc import Sequence

from swf.dicom import columns, encoding
from swf.dicom.encoding import Value
from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition, MappingError
from swf.hl7.order_groups import OrderGroup
from swf.mapping import rules
from swf.mapping.inbound import MappedStep
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders
from swf.store.database import Record
from swf.workflow import identifiers, lateness, order_request, patients, steps
from swf.workflow.lateness import Said
from swf.workflow.order_request import Numbers, Request
from swf.workflow.patients import Known
from swf.workflow.states import OrderStatus

_REQUIRED_FIELD = 101


def take(request: Request, group: OrderGroup, sequence: int) -> None:
    """NW: an order is made, or brought up to date when it is known."""
    numbers = order_request.numbers_of(request, group, sequence)
    order = order_request.find(request, numbers)
    if order is None:
        create(request, group, numbers)
    else:
        revise(request, group, order, numbers, changing=not request.afresh)


def said(request: Request, group: OrderGroup) -> Said:
    """Who says what a group says, and when: ORC-9, MSH-7."""
    orc = group.first("ORC")
    return lateness.said(request.site, request.message, orc.value(9, component=1) if orc and orc.raw(9) else "")


def create(request: Request, group: OrderGroup, numbers: Numbers, *, scheduled: bool = True) -> None:
    """Schedule the steps of an order nobody knew, under numbers of ours where it brings none.

    An order that is not `scheduled` is only made known: its children are performed in its place.
    """
    mapped = order_request.mapped_steps(request, group, changing=False)
    known = patients.identify(request.transaction, request.site, mapped[0].item, request.at)
    now = said(request, group)
    order = orders.next_number(request.transaction)
    row = orders.add(
        request.transaction,
        id=order,
        patient=known.number,
        identity=known.identity,
        placer_order_number=numbers.placer[0],
        placer_issuer=numbers.placer[1] if numbers.placer[0] else "",
        status=OrderStatus.SCHEDULED,
        created_at=request.at,
        updated_at=request.at,
        **_numbers_of_ours(request, order, numbers),
        **now.columns,
    )
    request.positions[order] = sum(not step.step.get("ScheduledProcedureStepID") for step in mapped)
    request.created.add(order)
    request.note(Event.ORDER_CREATED, order, accession_number=row.accession_number)
    for sentence in (*known.warnings, *patients.doubts(request.transaction, known, now)):
        request.note(Event.WARNING, order, text=sentence)
    for position, step in enumerate(mapped if scheduled else ()):
        _add_step(request, row, step, known, first=not position)


def _numbers_of_ours(request: Request, order: int, numbers: Numbers) -> dict[str, str]:
    """Accession and filler number, ours where the order came without: that of the accession serves as filler number too."""
    filler, issuer = numbers.filler
    accession = numbers.accession or identifiers.accession_number(request.site, order, request.at)
    if not filler:
        filler, issuer = accession, request.site.settings.site.name
    return {"accession_number": accession, "filler_order_number": filler, "filler_issuer": issuer}


def revise(request: Request, group: OrderGroup, order: Record, numbers: Numbers, *, changing: bool = True) -> None:
    """Bring a known order up to date. Finished steps take corrections but are never reopened by a message."""
    if order.status in (OrderStatus.CANCELLED, OrderStatus.DISCONTINUED):
        raise IllegalTransition(
            f"the order's status is {order.status}; what is to be done after all needs a new order number",
            location=f"ORC^{numbers.sequence}^1",
        )
    mapped = order_request.mapped_steps(request, group, changing=changing)
    known = _same_patient(request, group, order, mapped[0].item)
    changed = False
    unbooked = {row.id for row in orders.steps(request.transaction, order.id) if steps.is_unbooked(row)}
    for index, step in enumerate(mapped):
        row = _counterpart(request, order, step)
        if row is None and not order.is_parent:
            full = order_request.mapped_steps(request, group, changing=False)[index]
            _add_step(request, order, full, known, sibling=orders.steps(request.transaction, order.id)[0])
            changed = True
        elif row is not None:
            changed |= _change_step(request, order, row, step, known)
    _settle_held(request, order, unbooked)
    learn_numbers(request, order, numbers)
    for sentence in patients.doubts(request.transaction, known, said(request, group)):
        request.note(Event.WARNING, order.id, text=sentence)
    if order.is_parent:
        request.note(
            Event.WARNING, order.id, text="the order has children, and they stay as they are: change each of them"
        )
    if order.id not in request.created:
        request.note(Event.ORDER_CHANGED, order.id, changed=changed)
    # a step may have been added to what was done
    order_request.settle(request.transaction, order.id, request.at, request.entries)


def _settle_held(request: Request, order: Record, unbooked: set[int]) -> None:
    """What is added to an order on hold waits with it; what had lost its time and has one again is scheduled."""
    every = orders.steps(request.transaction, order.id)
    waits = order.status == OrderStatus.HELD and any(row.on_hold for row in every)
    for row in every:
        if waits and row.status == StepStatus.SCHEDULED:
            request.entries += steps.set_status(request.transaction, row, StepStatus.HELD, request.at)
            steps.hold(request.transaction, row, on_hold=True)
        elif row.id in unbooked and row.start_date and not row.on_hold:
            request.entries += steps.set_status(request.transaction, row, StepStatus.SCHEDULED, request.at)


def learn_numbers(request: Request, order: Record, numbers: Numbers) -> None:
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


def _same_patient(request: Request, group: OrderGroup, order: Record, item: dict[str, Value]) -> Known:
    if not item.get("PatientID"):
        raise MappingError(say("PID-3 is empty"), location=order_request.place(group, "PID", 3), code=_REQUIRED_FIELD)
    known = patients.identify(request.transaction, request.site, item, request.at)
    if known.number != order.patient:
        raise order_request.of_another_patient(group)
    return known


def _counterpart(request: Request, order: Record, mapped: MappedStep) -> Record | None:
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
    request: Request,
    order: Record,
    mapped: MappedStep,
    known: Known,
    *,
    first: bool = False,
    sibling: Record | None = None,
) -> None:
    """Schedule one more step of an order; of its `first` one nothing has to be looked for."""
    item, step = mapped.item, mapped.step
    own_identifiers = not step.get("ScheduledProcedureStepID")
    complete = not own_identifiers and item.get("StudyInstanceUID") and item.get("RequestedProcedureID")
    present = () if first or complete else orders.steps(request.transaction, order.id)
    if own_identifiers:
        step["ScheduledProcedureStepID"] = identifiers.step_id(order.id, len(present) + 1)
    item["AccessionNumber"] = order.accession_number
    item[rules.FILLER] = order.filler_order_number
    if order.filler_issuer == request.site.settings.site.name:  # a number of ours says so, and comes back saying so
        item[rules.FILLER_AUTHORITY] = [{"LocalNamespaceEntityID": order.filler_issuer}]
    item["StudyInstanceUID"] = item.get("StudyInstanceUID") or _study(order, item, present)
    item["RequestedProcedureID"] = item.get("RequestedProcedureID") or _procedure_id(order, item, present)
    _refuse_taken_identifiers(request, order, mapped, step["ScheduledProcedureStepID"])
    flaws = steps.add(
        request.transaction,
        order.id,
        mapped,
        known.person,
        request.at,
        own_identifiers=own_identifiers,
        sibling=sibling,
    )
    request.note(Event.STEP_SCHEDULED, order.id, **_summary(step))
    order_request.note_warnings(request, order, mapped)
    request.entries += flaws


def _summary(step: dict[str, str]) -> dict[str, str]:
    """What an operator reads of a step."""
    start = step.get("ScheduledProcedureStepStartDate", "") + step.get("ScheduledProcedureStepStartTime", "")
    return {
        "step_id": step["ScheduledProcedureStepID"],
        "modality": step.get("Modality", ""),
        "station": str(step.get("ScheduledStationAETitle", "")),
        "start": start,
    }


def _study(order: Record, item: dict[str, Value], present: Sequence[Record]) -> str:
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
    another = any(row.study_instance_uid == study and _code(row.dataset) != code for row in present)
    return identifiers.study_instance_uid(issuer, number, code) if another else study


def _procedure_id(order: Record, item: dict[str, Value], present: Sequence[Record]) -> str:
    """One id for each study of the order, the same for all its steps."""
    same = next((row for row in present if row.study_instance_uid == item["StudyInstanceUID"]), None)
    if same is not None:
        return str(same.requested_procedure_id)
    return identifiers.requested_procedure_id(order.id, len({row.study_instance_uid for row in present}) + 1)


def _code(stored: bytes) -> str:
    sequence = encoding.decode(stored).get("RequestedProcedureCodeSequence")
    return str(sequence[0].get("CodeValue") or sequence[0].get("LongCodeValue") or "") if sequence else ""


def _change_step(request: Request, order: Record, row: Record, mapped: MappedStep, known: Known) -> bool:
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
    # An operator names a step by the id it has; its sender may still give it another.
    own_identifiers = bool(row.own_identifiers) and (not name or request.site.by_hand)
    order_request.note_warnings(request, order, mapped)
    request.entries += steps.judged(row, stored)
    return steps.rewrite(request.transaction, row, stored, request.at, own_identifiers=own_identifiers)


def _refuse_taken_identifiers(
    request: Request, order: Record, mapped: MappedStep, step_id: str, own: int | None = None
) -> None:
    """A study belongs to one patient, and a step id stands for one step of it; `own` is the row that is being changed."""
    for row in orders.steps_of_study(request.transaction, str(mapped.item.get("StudyInstanceUID", ""))):
        if row.patient != order.patient:
            raise IdentifierConflict(
                say("the Study Instance UID belongs to another patient"), location=_study_place(mapped)
            )
        if row.step_id == step_id and row.id != own:
            raise IdentifierConflict(
                "another step of this study has that id", location=order_request.step_place(mapped.source)
            )


def _study_place(mapped: MappedStep) -> str:
    return (
        order_request.place(mapped.source, "IPC", 3)
        if mapped.source.first("IPC")
        else order_request.place(mapped.source, "ZDS", 1)
    )
