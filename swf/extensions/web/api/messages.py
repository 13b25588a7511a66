"""Messages for programs: the list, waiting for one that fits, and taking one again."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from swf.extensions.web import rendering
from swf.extensions.web.api import shapes
from swf.extensions.web.pages import compare, failed, messages
from swf.extensions.web.rooms import Rooms, RowNumber, who
from swf.hl7 import charset
from swf.workflow import failures

_LOOK_S = 0.25
_LONGEST_WAIT_S = 60.0


class Asked(BaseModel):
    """Which messages."""

    q: str = Field(default="", description="A part of their text.")
    refused: bool = Field(default=False, description="Only those without effect.")
    before: RowNumber = Field(default=0, description="Only those before this one.")
    after: RowNumber = Field(default=0, description="Only those after this one.")
    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    wait: str = Field(default="0s", description="How long to wait for one that fits, such as 5s.")


def routes(rooms: Rooms) -> APIRouter:
    """What the page of messages shows and does."""
    router = APIRouter()
    _failures(router, rooms)

    @router.get("/api/v1/messages", summary="Messages, the newest first; with wait until one comes that fits")
    async def get_messages(asked: Annotated[Asked, Query()]) -> list[shapes.Message]:
        ends = time.monotonic() + _seconds(asked.wait)
        while True:
            found = await run_in_threadpool(messages.listed, rooms, asked.q, **asked.model_dump(exclude={"q", "wait"}))
            if found["rows"] or time.monotonic() >= ends:
                return [shapes.Message.model_validate(row) for row in found["rows"]]
            await asyncio.sleep(_LOOK_S)

    @router.get("/api/v1/messages/compare", summary="What differs between two messages, patients masked")
    def get_compare(one: RowNumber, other: RowNumber) -> Response:
        found = compare.found(rooms, one, other, revealed=False)
        lists = {name: [each._asdict() for each in found[name]] for name in ("fields", "items")}
        return rendering.json({"one": one, "other": other, "orders": found["orders"], **lists})

    @router.get("/api/v1/messages/{number}", summary="One message, without its content")
    def get_message(number: RowNumber) -> shapes.Message:
        return shapes.Message.model_validate(messages.one(rooms, number))

    @router.post("/api/v1/messages/{number}/reveal", summary="What it says; the journal keeps who asked")
    def post_reveal(request: Request, number: RowNumber) -> shapes.MessageText:
        row = messages.one(rooms, number)
        messages.note_reveal(rooms, request, number)
        told, answer = (str(charset.for_people(bytes(raw or b""))) for raw in (row.raw, row.acknowledgement))
        return shapes.MessageText(id=number, message=told, acknowledgement=answer)

    @router.post("/api/v1/messages/{number}/replay", summary="Take a message again; without really only try")
    def post_replay(request: Request, number: RowNumber, really: bool = False) -> shapes.Outcome:
        outcome = messages.replayed(rooms, number, who(request), really=really)
        return shapes.Outcome.model_validate(messages.shown(outcome))

    return router


class Remark(BaseModel):
    """How a cause was dealt with."""

    remark: str = Field(min_length=1, max_length=500)


def _failures(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/api/v1/messages/failed", summary="Messages without effect by cause, the most frequent first")
    def get_failed() -> Response:
        return rendering.json(failures.summary_by_cause(failed.listed(rooms)))

    @router.post(
        "/api/v1/messages/failed/{key}/replay", summary="Take a cause's messages again; without really only try"
    )
    def post_failed_replay(request: Request, key: str, really: bool = False) -> Response:
        found = failed.taken_again(rooms, key, who(request), really=really)
        outcomes = [shapes.Outcome.model_validate(messages.shown(each)) for each in found.outcomes]
        told = [each.model_dump(mode="json") for each in outcomes]
        return rendering.json({"applied": found.applied, "left": found.left, "outcomes": told})

    @router.post("/api/v1/messages/failed/{key}/settle", summary="Say that a cause is dealt with")
    def post_settle(request: Request, key: str, told: Remark) -> Response:
        failed.settled(rooms, key, told.remark, who(request))
        return rendering.json({"key": key, "remark": told.remark})

    @router.post("/api/v1/messages/failed/{key}/reopen", summary="Take back that a cause is dealt with")
    def post_reopen(request: Request, key: str) -> Response:
        failed.reopened(rooms, key, who(request))
        return rendering.json({"key": key})


def _seconds(text: str) -> float:
    """`5s` or `5`."""
    try:
        return min(max(float(text.removesuffix("s")), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        return 0.0
