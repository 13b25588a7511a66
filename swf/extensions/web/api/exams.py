"""Exams for programs: what modalities reported, and linking those that belong to no order (RAD-6, RAD-7; PIR)."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field

from swf.dicom.terms import PerformedStatus
from swf.extensions.web.api import shapes
from swf.extensions.web.api.shapes import ExamWhole
from swf.extensions.web.language import _
from swf.extensions.web.pages import mpps
from swf.extensions.web.rooms import Rooms, who
from swf.store import mpps as store
from swf.workflow import unscheduled


class Link(BaseModel):
    """For which order an exam was performed."""

    accession_number: str
    step_id: str = Field(default="", description="Only this scheduled step of the order.")
    force: bool = Field(default=False, description="Also when the patient is another one.")


class Unlink(BaseModel):
    """For which order an exam was not performed."""

    accession_number: str = Field(default="", description="Empty for every order.")


class End(BaseModel):
    """How an exam ended that its device left open."""

    how: Literal["completed", "discontinued"]


def routes(rooms: Rooms) -> APIRouter:
    """What the pages of exams show and do."""
    router = APIRouter()
    _lookers(router, rooms)
    _doers(router, rooms)
    return router


def _lookers(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/api/v1/exams", summary="What modalities reported, the newest first")
    def get_exams(
        only: Annotated[str, Query(description="unresolved, overdue, or a status.")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[shapes.Exam]:
        if only.upper() not in ("", *mpps.KINDS):
            raise HTTPException(404, _("there is no such kind of exams: %(kind)s", kind=only))
        with rooms.database.reading() as connection:
            rows = store.overview(connection, limit=limit, only=only.upper())
        return [shapes.Exam.model_validate(row) for row in rows]

    @router.get("/api/v1/exams/{uid}", summary="One of them, without what says who the patient is")
    def get_exam(uid: str) -> ExamWhole:
        return _whole(rooms, uid)

    @router.post("/api/v1/exams/{uid}/reveal", summary="All its device reported; the journal keeps who asked")
    def post_reveal(request: Request, uid: str) -> ExamWhole:
        shown = _whole(rooms, uid, revealed=True)
        mpps.note_reveal(rooms, request, uid)
        return shown


def _doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/api/v1/exams/{uid}/link", summary="It was performed for that order")
    def post_link(request: Request, uid: str, said: Link) -> ExamWhole:
        mpps.link(rooms, who(request), uid, said.accession_number, step=said.step_id, force=said.force)
        return _whole(rooms, uid)

    @router.post("/api/v1/exams/{uid}/unlink", summary="It was not performed for that order")
    def post_unlink(request: Request, uid: str, said: Unlink) -> ExamWhole:
        mpps.unlink(rooms, who(request), uid, said.accession_number)
        return _whole(rooms, uid)

    @router.post("/api/v1/exams/{uid}/end", summary="Its device left it open, and it ended like this")
    def post_end(request: Request, uid: str, said: End) -> ExamWhole:
        mpps.end(rooms, who(request), uid, PerformedStatus(said.how.upper()))
        return _whole(rooms, uid)


def _whole(rooms: Rooms, uid: str, *, revealed: bool = False) -> ExamWhole:
    found = mpps.shown(rooms, uid, revealed=revealed)
    exam = shapes.Exam.model_validate(found["row"])
    linked = [shapes.Step.model_validate(step) for step in found["linked"]]
    possible: list[unscheduled.Candidate] = found["candidates"]
    return ExamWhole(
        **exam.model_dump(exclude={"linked_to"}),
        linked_to=linked[0].accession_number if linked else None,
        linked=linked,
        candidates=[shapes.Candidate.model_validate(each) for each in possible],
        reported=dict(found["reported"]),
    )
