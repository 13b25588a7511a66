"""Statistics for programs: counts and spans of the last days."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from swf import clock
from swf.extensions.web.rooms import Rooms
from swf.workflow import statistics


class Spans(BaseModel):
    """How long something took, in seconds, to within a tenth."""

    median: float = Field(description="Half of the cases took no longer.")
    p90: float = Field(description="Nine of ten cases took no longer.")
    cases: int = Field(description="How many cases.")


class Statistics(BaseModel):
    """Counted once a minute, by the site's clock."""

    days: int
    orders_per_hour: dict[str, int] = Field(description="YYYY-MM-DDTHH → orders that came.")
    times: dict[str, dict[str, Spans]] = Field(
        description="wait (order to exam start), exam (its start to its end), told (status to delivered); by modality."
    )
    exams: dict[str, dict[str, int]] = Field(description="Modality → day → exams that ended.")
    messages: dict[str, int] = Field(description="What became of messages → how many.")
    deliveries: dict[str, Spans] = Field(description="Destination → from queued to acknowledged.")


def routes(rooms: Rooms) -> APIRouter:
    """What the page shows."""
    router = APIRouter()

    @router.get("/api/v1/statistics", summary="Counts and times of the last 1, 7 or 30 days")
    def get_statistics(days: int = 7) -> Statistics:
        with rooms.database.reading() as connection:
            return Statistics.model_validate(statistics.figures(connection, clock.now(), days))

    return router
