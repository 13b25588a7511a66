"""Issues for programs: every problem there is now, and who has it."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from swf.extensions.web.api.shapes import Shape
from swf.extensions.web.pages import issues
from swf.extensions.web.rooms import Rooms, who


class Issue(Shape):
    """A problem: cause, remedy, since when and how often; `page` is where it is mended, `owner` who has it."""

    key: str
    kind: str
    subject: str
    severity: str
    cause: str
    remedy: str
    about: str
    page: str
    since: datetime | None
    times: int
    owner: str
    remark: str
    snoozed_until: datetime | None
    changed_by: str
    changed_at: datetime | None


class Told(BaseModel):
    """What goes with some of the acts."""

    text: str = Field(default="", max_length=500, description="For remark: what is known of it.")
    hours: float = Field(
        default=0, ge=0, le=720, description="For snooze: for how long it is not shown; 0 shows it again."
    )


class Done(Shape):
    """What was done."""

    done: str


def routes(rooms: Rooms) -> APIRouter:
    """What the page of issues shows and does."""
    router = APIRouter()

    @router.get(
        "/api/v1/issues", summary="Every problem there is now, its cause and remedy, since when, and who has it"
    )
    def get_issues() -> list[Issue]:
        return [Issue(**each.jsonable(), page=issues.place(each.problem)) for each in issues.every(rooms)]

    @router.post("/api/v1/issues/{key}/{act}", summary="take, give-back, remark or snooze an issue")
    def post_act(request: Request, key: str, act: str, told: Told | None = None) -> Done:
        said = told or Told()
        issues.done(rooms, who(request), key, act, {"text": said.text, "hours": str(said.hours)})
        return Done(done=act)

    return router
