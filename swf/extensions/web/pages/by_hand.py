"""Orders by hand: the form of a new one, and what may still be changed or cancelled of one that is known (RAD-2, RAD-13).

A form that is refused comes back as it was filled in, each mistake beside its field. A form that is sent twice is done
once: it carries a key.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.status import HTTP_422_UNPROCESSABLE_CONTENT as UNACCEPTABLE

from swf import clock
from swf.dicom import encoding
from swf.errors import MessageError, Misfilled, Unresolvable
from swf.extensions.web import rendering
from swf.extensions.web.language import N_, _
from swf.extensions.web.rooms import Form, Rooms, RowNumber, Said, who
from swf.mapping.catalogue import Catalogue
from swf.store import board, inquiry
from swf.store.database import Record, Transaction
from swf.workflow import by_hand, by_hand_message
from swf.workflow.by_hand import Lawful, Person
from swf.workflow.wanted import Asked, NewOrder, OrderChange, StepChange

_MOST_LISTED = 1000
_NEXT_MINUTES = 5
_NAME = ("family", "given", "middle", "prefix", "suffix")
_SCRIPTS = {
    "ideographic": ("ideographic_family", "ideographic_given"),
    "phonetic": ("phonetic_family", "phonetic_given"),
}
_PRIORITIES = {"ROUTINE": N_("routine"), "MEDIUM": N_("medium"), "HIGH": N_("high"), "STAT": N_("at once (STAT)")}
_PLAIN = (
    "patient_id", "issuer", "birth_date", "sex", "procedure", "procedure_text", "scheme", "modality", "priority",
    "station", "start", "location", "referring", "requesting", "reason", "accession",
)  # fmt: skip


def routes(rooms: Rooms) -> APIRouter:
    """The two pages; they stand before the page of an order, whose number may hold a slash."""
    router = APIRouter(include_in_schema=False)
    _new(router, rooms)
    _known(router, rooms)
    return router


def _new(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/orders/new")
    def blank() -> HTMLResponse:
        return _form(rooms, {"key": by_hand.new_key(), "start": _soon(), "priority": "ROUTINE"})

    @router.post("/orders/new")
    def new(request: Request, said: Said) -> Response:
        if said.get("do") == "look up":
            return _looked_up(rooms, said, who(request))
        asked = Asked(who(request), said.get("key") or by_hand.new_key(), said.get("tell") == "1")
        try:
            row = ordered(rooms, wanted_of(said), asked, said.get("confirmed", ""))
        except Misfilled as error:
            return _form(rooms, said, wrong=error.fields, person=error.person, code=UNACCEPTABLE)
        except MessageError as error:
            return _form(rooms, said, alert=error.text, code=UNACCEPTABLE)
        return RedirectResponse(f"/orders/{rendering.part(row.accession_number)}", 303)


def ordered(rooms: Rooms, said: NewOrder, asked: Asked, confirmed: str) -> Record:
    """The row of the order that is made; whoever is shown whose a number is, is in the journal.

    Raises Misfilled and MessageError.
    """
    site = rooms.site()
    try:
        return rooms.database.run(
            lambda transaction: by_hand.order(transaction, site, said, asked, confirmed=confirmed)
        )
    except Misfilled as error:
        if error.person:
            patient = int(str(error.person["patient"]))
            rooms.database.run(lambda tx: by_hand.looked_up(tx, clock.now(), asked.by, patient))
        raise


def wanted_of(said: Mapping[str, str]) -> NewOrder:
    """What a form says; its name stands in parts."""
    groups = [[said.get(each, "") for each in parts] for parts in (_NAME, *_SCRIPTS.values())]
    name = "=".join("^".join(each.strip() for each in group).rstrip("^") for group in groups).rstrip("=")
    return NewOrder(name=name, **{each: said.get(each, "") for each in _PLAIN})


def _looked_up(rooms: Rooms, said: Form, by: str) -> Response:
    """The form with what is known of the patient, which the journal keeps that it was shown."""
    site, number = rooms.site(), said.get("patient_id", "")

    def work(transaction: Transaction) -> Person | None:
        found = by_hand.known_person(transaction, site, number, said.get("issuer", "")) if number else None
        if found:
            by_hand.looked_up(transaction, clock.now(), by, found.patient)
        return found

    person = rooms.database.run(work)
    if person is None:
        return _form(rooms, said, unknown=True)
    alphabetic, ideographic, phonetic = [*person.name.split("="), "", ""][:3]
    parts = dict(zip(_NAME, [*alphabetic.split("^"), *[""] * len(_NAME)], strict=False))
    for names, group in zip(_SCRIPTS.values(), (ideographic, phonetic), strict=True):
        parts |= dict(zip(names, [*group.split("^"), "", ""], strict=False))
    known = {"patient_id": person.patient_id, "issuer": person.issuer, "sex": person.sex}
    return _form(rooms, {**said, **parts, **known, "birth_date": _dashed(person.birth_date)}, found=True)


def _form(
    rooms: Rooms,
    said: Mapping[str, str],
    *,
    code: int = 200,
    wrong: Mapping[str, str] | None = None,
    person: Mapping[str, object] | None = None,
    **shown: Any,
) -> HTMLResponse:
    fields = {**dict.fromkeys((*_NAME, *sum(_SCRIPTS.values(), ()), *_PLAIN, "key", "tell"), ""), **said}
    shown = {"alert": "", "unknown": False, "found": False, **shown}
    site = rooms.site().of_operator()
    return rendering.answer(
        "order_new.html",
        code,
        said=fields,
        wrong=wrong or {},
        person=person,
        issuer=site.settings.site.issuer,
        **shown,
        **_choices(rooms),
    )


def _choices(rooms: Rooms) -> dict[str, Any]:
    """What may be chosen in either form."""
    site = rooms.site().of_operator()
    settings = site.settings
    with rooms.database.reading() as connection:
        asked = [row.ae_title for row in board.last_queries(connection)]
    return {
        "catalogue": _listed(site.mapping.catalogue),
        "stations": sorted({*asked, *(each.ae_title for each in settings.modality)}),
        "priorities": [(each, _(title)) for each, title in _PRIORITIES.items()],
        "told": [each.name for each in settings.destination if "ORM^O01" in each.send],
    }


def _listed(catalogue: Catalogue | None) -> list[tuple[str, str]]:
    """Codes of the catalogue with their words."""
    entries = list(catalogue.entries.items())[:_MOST_LISTED] if catalogue else []
    return [
        (code, f"{rows[0].item.get('RequestedProcedureDescription', code)}, {rows[0].step.get('Modality', '')}")
        for code, rows in entries
    ]


def _known(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/orders/{number:path}/change")
    def change_form(number: str, order: RowNumber = 0) -> HTMLResponse:
        return _change_form(rooms, number, order, {"key": by_hand.new_key()})

    @router.post("/orders/{number:path}/change")
    def change(request: Request, number: str, said: Said, order: RowNumber = 0) -> Response:
        asked = Asked(who(request), said.get("key", ""))

        def work(transaction: Transaction) -> None:
            row = by_hand.named(transaction, number, order)
            now = inquiry.steps(transaction, row.id)
            by_hand.change(transaction, rooms.site(), row, _change_of(said, now), asked)

        return _done(rooms, number, order, said, work)

    @router.get("/orders/{number:path}/cancel")  # kept or reloaded; the page of orders would take it for a number
    def cancelled(number: str) -> Response:
        return RedirectResponse(f"/orders/{rendering.part(number)}", 303)

    @router.post("/orders/{number:path}/cancel")
    def cancel(request: Request, number: str, said: Said, order: RowNumber = 0) -> Response:
        asked = Asked(who(request), said.get("key", ""), said.get("tell") == "1")

        def work(transaction: Transaction) -> None:
            row = by_hand.named(transaction, number, order)
            by_hand.cancel(transaction, rooms.site(), row, said.get("why", ""), asked)

        return _done(rooms, number, order, said, work)


def _done(rooms: Rooms, number: str, order: int, said: Form, work: Any) -> Response:
    """Do it and show the order; a refusal is the form again."""
    try:
        rooms.database.run(work)
    except Misfilled as error:
        return _change_form(rooms, number, order, said, wrong=error.fields, code=UNACCEPTABLE)
    except MessageError as error:
        return _change_form(rooms, number, order, said, alert=error.text, code=UNACCEPTABLE)
    return RedirectResponse(f"/orders/{rendering.part(number)}", 303)


def _change_of(said: Form, now: Any) -> OrderChange:
    """What the form says otherwise than the order now does; a step nobody touched is left out."""
    steps = {}
    for row in now:
        shown = plan(row)
        told = {name: said.get(f"{name}.{row.step_id}", shown[name]).strip() for name in ("start", "station")}
        other = {name: text for name, text in told.items() if text and text != shown[name]}
        if other:
            steps[row.step_id] = StepChange(version=int(said.get(f"version.{row.step_id}") or 0), **other)
    priority = said.get("priority", "")
    shown_priority = now[0] and _priority(now[0]) if now else ""
    fields = {name: said.get(name, "") for name in ("procedure", "procedure_text", "scheme", "modality")}
    return OrderChange(steps, priority="" if priority == shown_priority else priority, **fields)


def plan(row: Record) -> dict[str, str]:
    """When and where a step is to be done, as a form has it."""
    begins = by_hand_message.planned(row.dataset, "Start")
    titles = encoding.decode(row.dataset).ScheduledProcedureStepSequence[0].get("ScheduledStationAETitle", "")
    several = [titles] if isinstance(titles, str) else list(titles or [])
    return {"start": f"{begins:%Y-%m-%dT%H:%M}" if begins else "", "station": ", ".join(several)}


def _priority(row: Record) -> str:
    return encoding.text(row.dataset, "RequestedProcedurePriority")


def _change_form(
    rooms: Rooms,
    number: str,
    order: int,
    said: Mapping[str, str],
    *,
    wrong: Mapping[str, str] | None = None,
    alert: str = "",
    code: int = 200,
) -> HTMLResponse:
    def look(transaction: Transaction) -> tuple[Record, list[Record], Lawful]:
        row = by_hand.named(transaction, number, order)
        return row, list(inquiry.steps(transaction, row.id)), by_hand.lawful(transaction, row)

    try:
        row, steps, lawful = rooms.database.rehearse(look)
    except Unresolvable as error:
        raise HTTPException(404, error.args[0]) from error
    plans = [{"row": each, "why_not": lawful.steps.get(each.step_id, ""), **plan(each)} for each in steps]
    return rendering.answer(
        "order_change.html",
        code,
        number=number,
        order=row,
        plans=plans,
        priority=_priority(steps[0]) if steps else "",
        lawful=lawful,
        said=defaultdict(str, said),
        wrong=wrong or {},
        alert=alert,
        **_choices(rooms),
    )


def _soon() -> str:
    """A time soon, by the site's clock."""
    now = clock.local(clock.now())
    soon = now + timedelta(minutes=_NEXT_MINUTES - now.minute % _NEXT_MINUTES)
    return f"{soon:%Y-%m-%dT%H:%M}"


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == len("YYYYMMDD") else ""
