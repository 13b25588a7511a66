"""Held entries for programs: what is kept from every list for a flaw, with its reasons; a correction releases it (RAD-5)."""

from fastapi import APIRouter

from swf.extensions.web.api import shapes
from swf.extensions.web.pages import held
from swf.extensions.web.rooms import Rooms


def routes(rooms: Rooms) -> APIRouter:
    """What the page of held entries shows."""
    router = APIRouter()

    @router.get("/api/v1/held", summary="Entries with a flaw, those kept back and those shown all the same")
    def get_held() -> list[shapes.Held]:
        return [
            shapes.Held(
                accession_number=line["row"].order_accession,
                placer_order_number=line["row"].placer,
                step_id=line["row"].step_id,
                station=line["row"].station,
                start=line["row"].start,
                status=line["row"].status,
                shown=not line["kept"],
                mends=[str(each) for each in line["mends"]],
                message=line["message"] or None,
                flaws=[shapes.Flaw(attribute=name, text=str(text)) for name, text in line["flaws"]],
            )
            for line in held.found(rooms)["lines"]
        ]

    return router
