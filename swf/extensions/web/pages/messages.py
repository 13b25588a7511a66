"""Messages: what came, what became of it, why not; and taking messages again, first as a trial."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from swf import clock
from swf.extensions.web import bench_view, hl7_view, mask, rendering, trace_view, visitor
from swf.extensions.web.language import _
from swf.extensions.web.rooms import Rooms, RowNumber, Said, who
from swf.model.message import Disposition
from swf.model.user import Role
from swf.store import journal
from swf.store import messages as message_store
from swf.store.database import Record
from swf.workflow import operator, replay
from swf.workflow.replay import Change, Outcome

SHOWN = 100


def routes(rooms: Rooms) -> APIRouter:
    """The list, one message, its reveal, its bytes, and its replay."""
    router = APIRouter(include_in_schema=False)

    @router.get("/messages")
    def messages(q: str = "", refused: bool = False, before: RowNumber = 0) -> HTMLResponse:
        return rendering.answer("messages.html", **listed(rooms, q.strip(), refused=refused, before=before))

    @router.get("/messages/{number}")
    def message(number: RowNumber) -> HTMLResponse:
        return rendering.answer("message.html", **_shown(rooms, number))

    @router.post("/messages/{number}/reveal")
    def reveal(request: Request, number: RowNumber) -> HTMLResponse:
        shown = _shown(rooms, number, revealed=True)
        note_reveal(rooms, request, number)
        return rendering.answer("message.html", **shown)

    @router.post("/messages/{number}/download")
    def download(request: Request, number: RowNumber) -> Response:
        row = one(rooms, number)
        note_reveal(rooms, request, number)
        headers = {"Content-Disposition": f'attachment; filename="message-{number}.hl7"'}
        return Response(bytes(row.raw), media_type="application/octet-stream", headers=headers)

    @router.post("/messages/{number}/replay")
    def again(request: Request, number: RowNumber, said: Said) -> HTMLResponse:
        really = said.get("really") == "1"
        outcome = replayed(rooms, number, who(request), really=really)
        return rendering.answer("message.html", **_shown(rooms, number, outcome=outcome, really=really))

    return router


def listed(
    rooms: Rooms, search: str, *, refused: bool, before: int = 0, after: int = 0, limit: int = SHOWN
) -> dict[str, Any]:
    """The newest messages first, those before and after these rows when given; `search` is a part of their text.

    Who may not see patients finds by what is shown alone, or a search would say piece by piece what the mask hides.
    """
    with rooms.database.reading() as connection:
        rows = message_store.found(
            connection, search=search, refused_only=refused, before=before, after=after, limit=limit
        )
        rows = readable(connection, rows, search) if search else rows
    return {"rows": rows, "search": search, "refused": refused, "shown": limit}


def readable(connection: Connection, rows: Sequence[Record], text: str) -> Sequence[Record]:
    """Those of these messages in which who asks may read the text."""
    if visitor.may(Role.OPERATOR):
        return rows
    whole = message_store.several(connection, [row.id for row in rows])
    seen = {row.id for row in whole if hl7_view.shows(bytes(row.raw), text)}
    return [row for row in rows if row.id in seen]


def one(rooms: Rooms, number: int) -> Record:
    """A stored message; raises HTTPException when there is none."""
    with rooms.database.reading() as connection:
        row = message_store.one(connection, number)
    if row is None:
        raise HTTPException(404, _("there is no message %(number)s", number=number))
    return row


def replayed(rooms: Rooms, number: int, by: str, *, really: bool) -> Outcome:
    """Take a message again, or only try; what is really done is journalled with who did it."""
    outcome = replay.replay_all(rooms.database, rooms.site(), [one(rooms, number)], dry_run=not really)[0]
    if really:
        rooms.database.run(lambda transaction: operator.acted(transaction, clock.now(), by, "replay", message=number))
    return outcome


def note_reveal(rooms: Rooms, request: Request, number: int) -> None:
    """Keep in the journal who looked at whom."""
    by = who(request)
    rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=[], message=number))


def _shown(
    rooms: Rooms, number: int, *, revealed: bool = False, outcome: Outcome | None = None, really: bool = False
) -> dict[str, Any]:
    row = one(rooms, number)
    with rooms.database.reading() as connection:
        events = journal.of_message(connection, number)
        touched = {event.order for event in events if event.order}
        orders = journal.numbers_of(connection, touched)
        others = [each for each in journal.messages_about(connection, touched) if each.id != number]
    return {
        "row": row,
        "lines": hl7_view.lines(bytes(row.raw), revealed=revealed),
        "looks": bench_view.looks(rooms.database, (rooms.site(), None), [bench_view.stored(row)], revealed=revealed),
        "answer": hl7_view.lines(bytes(row.acknowledgement), revealed=revealed) if row.acknowledgement else [],
        "events": events,
        "text": trace_view.text,
        "orders": orders,
        "others": others,
        "revealed": revealed,
        "outcome": outcome,
        "changes": [masked(each, revealed=revealed) for each in outcome.changes] if outcome else [],
        "really": really,
        "whole": row.disposition != Disposition.BROKEN,
    }


def masked(change: Change, *, revealed: bool) -> Change:
    """A change, without who the patient is unless that was asked for."""
    if revealed or not mask.is_of_the_patient(change.attribute):
        return change
    return change._replace(before=change.before and mask.MASK, after=change.after and mask.MASK)


def shown(outcome: Outcome) -> Outcome:
    """An outcome for programs, without who the patient is."""
    return outcome._replace(changes=tuple(masked(each, revealed=False) for each in outcome.changes))
