"""The worklist as a station sees it, for programs: without what says who a patient is, unless that is asked for (RAD-5)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from swf.dicom import listing
from swf.extensions.web import mask
from swf.extensions.web.pages import worklist
from swf.extensions.web.rooms import Rooms, RowNumber, who
from swf.store.database import Record
from swf.workflow.station_list import Listed


class Filter(BaseModel):
    """A condition every entry meets."""

    rule: str
    name: str
    condition: str


class Entry(BaseModel):
    """One answer: the numbers of its order and what the station is told, by path."""

    step: int
    order: str
    step_id: str
    status: str
    attributes: dict[str, str]


class Kept(BaseModel):
    """A step that is kept from the list."""

    step: int
    order: str
    step_id: str
    from_everybody: bool
    reasons: list[str]


class StationList(BaseModel):
    """What a station would get now. `matching` counts the whole list, `entries` are the first of it."""

    ae_title: str
    called: str
    configured: bool
    turned_away: str
    asked: dict[str, str]
    filters: list[Filter]
    matching: int
    entries: list[Entry]
    kept: list[Kept]


def routes(rooms: Rooms) -> APIRouter:
    """What the page of the worklist shows."""
    router = APIRouter()

    @router.get("/api/v1/worklist", summary="What a station would be told now, what is kept back, and by which filters")
    def get_worklist(
        ae: str, called: str = "", asks: str = "last", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> StationList:
        found = worklist.found(rooms, ae, called, last=asks != "all", most=limit)
        return StationList(
            ae_title=found.station.ae_title,
            called=found.station.called,
            configured=found.station.known,
            turned_away=found.turned_away,
            asked=found.asked,
            filters=[Filter(**each._asdict()) for each in found.filters],
            matching=found.matching,
            entries=[
                Entry(**_numbers(each.row), status=each.row.status, attributes=_told(each)) for each in found.listed
            ],
            kept=[
                Kept(**_numbers(each.row), from_everybody=each.from_everybody, reasons=each.reasons)
                for each in found.kept
            ],
        )

    @router.post(
        "/api/v1/worklist/{step}/reveal", summary="One answer whole, as DICOM JSON; the journal keeps who asked"
    )
    def post_reveal(request: Request, step: RowNumber, ae: str, called: str = "", asks: str = "last") -> dict[str, Any]:
        listed = worklist.answer(rooms, step, (ae, called), last=asks != "all")
        worklist.noted(rooms, who(request), listed.row.order)
        told: dict[str, Any] = listed.dataset().to_json_dict()
        return told

    return router


def _numbers(row: Record) -> dict[str, Any]:
    return {"step": row.id, "order": row.order_accession or row.placer, "step_id": row.step_id}


def _told(listed: Listed) -> dict[str, str]:
    found = listing.attributes(listed.dataset()).items()
    return {path: value for path, value in found if not mask.is_of_the_patient(path)}
