"""Exams: what modalities reported, and linking those that belong to no order (RAD-6, RAD-7; PIR)."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.dicom import listing
from swf.dicom import mpps as rules
from swf.dicom.terms import PerformedStatus
from swf.extensions.web import mask, rendering
from swf.extensions.web.language import N_, _
from swf.extensions.web.rooms import Rooms, Said, who
from swf.store import mpps as mpps_store
from swf.store.database import Record, Transaction
from swf.workflow import operator, overdue, unscheduled

SHOWN = 100
KINDS = (N_("unresolved").upper(), N_("overdue").upper(), *PerformedStatus)


def routes(rooms: Rooms) -> APIRouter:
    """The list, one exam, and what an operator may say of it."""
    router = APIRouter(include_in_schema=False)
    _lookers(router, rooms)
    _doers(router, rooms)
    return router


def _lookers(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/exams")
    def exams(only: str = "") -> HTMLResponse:
        if only not in ("", *KINDS):
            raise HTTPException(404, _("there is no such kind of exams: %(kind)s", kind=only))
        with rooms.database.reading() as connection:
            rows = mpps_store.overview(connection, limit=SHOWN, only=only)
        return rendering.answer("exams.html", rows=rows, only=only, kinds=KINDS, shown=SHOWN)

    @router.get("/exams/{uid}")
    def exam(uid: str) -> HTMLResponse:
        return rendering.answer("exam.html", **shown(rooms, uid, revealed=False))

    @router.post("/exams/{uid}/reveal")
    def reveal(request: Request, uid: str) -> HTMLResponse:
        found = shown(rooms, uid, revealed=True)
        note_reveal(rooms, request, uid)
        return rendering.answer("exam.html", **found)


def _doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/exams/{uid}/link")
    def linked(request: Request, uid: str, said: Said) -> Response:
        accession, step = said.get("accession", "").strip(), said.get("step", "")
        link(rooms, who(request), uid, accession, step=step, force=said.get("force") == "1")
        return _back(uid)

    @router.post("/exams/{uid}/unlink")
    def unlinked(request: Request, uid: str, said: Said) -> Response:
        unlink(rooms, who(request), uid, said.get("accession", ""))
        return _back(uid)

    @router.post("/exams/{uid}/end")
    def ended(request: Request, uid: str, said: Said) -> Response:
        status = PerformedStatus.DISCONTINUED if said.get("how") == "discontinued" else PerformedStatus.COMPLETED
        end(rooms, who(request), uid, status)
        return _back(uid)


def link(rooms: Rooms, by: str, uid: str, accession: str, *, step: str = "", force: bool = False) -> None:
    """The exam was performed for that order; raises Unresolvable."""

    def work(transaction: Transaction) -> None:
        unscheduled.link(transaction, rooms.site(), uid, accession, clock.now(), step_id=step, force=force)

    _done(rooms, by, f"link {uid} to {accession}", work)


def unlink(rooms: Rooms, by: str, uid: str, accession: str) -> None:
    """The exam was not performed for that order, or for none; raises Unresolvable."""

    def work(transaction: Transaction) -> None:
        unscheduled.unlink(transaction, rooms.site(), uid, clock.now(), accession_number=accession)

    _done(rooms, by, f"unlink {uid} from {accession or 'every order'}", work)


def end(rooms: Rooms, by: str, uid: str, status: PerformedStatus) -> None:
    """The exam ended, which its device has not told; raises Unresolvable."""

    def work(transaction: Transaction) -> None:
        overdue.end(transaction, rooms.site(), uid, status, clock.now())

    _done(rooms, by, f"end {uid} as {status}", work)


def _done(rooms: Rooms, by: str, did: str, work: Callable[[Transaction], None]) -> None:
    """Do it and note who did, in one transaction."""

    def both(transaction: Transaction) -> None:
        work(transaction)
        operator.acted(transaction, clock.now(), by, did)

    rooms.database.run(both)


def _back(uid: str) -> Response:
    """The exam as it is now."""
    return RedirectResponse(f"/exams/{rendering.part(uid)}", 303)


def note_reveal(rooms: Rooms, request: Request, uid: str) -> None:
    """Keep in the journal who looked at whom."""
    by = who(request)
    with rooms.database.reading() as connection:
        row = mpps_store.seen(connection, uid)
        linked = mpps_store.seen_for(connection, row.id) if row is not None else []
    orders = sorted({step.order for step in linked})
    rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=orders))


def shown(rooms: Rooms, uid: str, *, revealed: bool) -> dict[str, Any]:
    """Everything there is to an exam; raises HTTPException when nobody reported it."""
    with rooms.database.reading() as connection:
        row = mpps_store.seen(connection, uid)
        linked = mpps_store.seen_for(connection, row.id) if row is not None else []
    if row is None:
        raise HTTPException(404, _("no exam %(uid)s was reported", uid=uid))
    possible = rooms.database.rehearse(lambda transaction: unscheduled.candidates(transaction, row))
    return {
        "row": row,
        "linked": linked,
        "candidates": possible,
        "reported": list(_attributes(row, revealed=revealed)),
        "revealed": revealed,
    }


def _attributes(row: Record, *, revealed: bool) -> list[tuple[str, str]]:
    found = listing.attributes(rules.decode(row.dataset)).items()
    return [
        (path, mask.MASK if value and not revealed and mask.is_of_the_patient(path) else value)
        for path, value in found
        if value
    ]
