"""Why nothing? A query of a device: what each of its conditions leaves, and what came near the one that leaves nothing."""

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from swf import clock
from swf.extensions.web import mask, rendering
from swf.extensions.web.language import _
from swf.extensions.web.rooms import Rooms, RowNumber
from swf.workflow import why_nothing
from swf.workflow.why_nothing import WhyNothing


def routes(rooms: Rooms) -> APIRouter:
    """The answer for one query."""
    router = APIRouter(include_in_schema=False)

    @router.get("/queries/{number}")
    def query(number: RowNumber) -> HTMLResponse:
        answer = found(rooms, number)
        most = max((stage.left for stage in answer.funnel), default=0) or 1
        return rendering.answer("query.html", answer=answer, most=most)

    return router


def found(rooms: Rooms, number: int) -> WhyNothing:
    """The answer, in which what a device asked of a patient is masked; HTTPException when there is no such query."""
    with rooms.database.reading() as connection:
        answer = why_nothing.of(connection, rooms.site().settings, number, clock.now())
    if answer is None:
        raise HTTPException(404, _("there is no query %(number)s", number=number))
    for path in answer.keys:
        if mask.is_of_the_patient(path):
            answer.keys[path] = mask.MASK
    answer.funnel[:] = map(mask.stage, answer.funnel)
    return answer
