"""The mapping bench for programs: documents and drafts, what they would change, saving and undoing them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from swf.extensions.web import bench_view, rendering
from swf.extensions.web.pages import bench
from swf.extensions.web.rooms import Rooms, who
from swf.workflow import difference, drafts

Last = Annotated[int, Query(ge=1, le=difference.MOST, description="How many messages, the newest.")]


class Message(BaseModel):
    """What is looked at."""

    text: str = Field(description="One or several HL7 messages.", max_length=1_000_000)


class Draft(BaseModel):
    """A file as it is to be."""

    path: str = Field(description="As `documents` names it, or a new one in a folder of the site's mapping.")
    content: str = Field(description="The whole file.", max_length=drafts.LONGEST)
    revision: int = Field(default=0, description="Of the draft this is a change of; 0 for a new one.")


class Named(BaseModel):
    """A file."""

    path: str


class Seen(BaseModel):
    """The drafts that were looked at."""

    seen: str = Field(default="", description="As the difference told; it is refused when they have changed since.")


class Saving(BaseModel):
    """One of `versions`."""

    number: int


def routes(rooms: Rooms) -> APIRouter:
    """What the page of the bench shows and does."""
    router = APIRouter()
    _lookers(router, rooms)
    _doers(router, rooms)
    return router


def _lookers(router: APIRouter, rooms: Rooms) -> None:
    @router.get(
        "/api/v1/bench", summary="The documents of the mapping, drafts and their mistakes, what was saved before"
    )
    def get_bench() -> Response:
        found = bench.state(rooms)
        documents = [_document(each) for each in found["documents"]]
        versions = [rendering.named(row, "files") | {"files": list(row.files)} for row in found["versions"]]
        return rendering.json({"documents": documents, "mistakes": found["mistakes"], "versions": versions})

    @router.post("/api/v1/bench/look", summary="What becomes of messages, by the mapping in force or by the drafts")
    def post_look(asked: Message) -> Response:
        came = bench_view.given({"text": asked.text})
        return rendering.json([_look(each) for each in bench.looked(rooms, came, revealed=True)])

    @router.get(
        "/api/v1/bench/difference", summary="What the drafts would change in the last messages, patients masked"
    )
    def get_difference(last: Last = bench.LAST) -> Response:
        return rendering.json(_difference(bench.found(rooms, last)))


def _doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/api/v1/bench/draft", summary="Keep a draft of a file of the mapping; its mistakes")
    def post_draft(request: Request, draft: Draft) -> Response:
        said = {"path": draft.path, "content": draft.content, "revision": str(draft.revision)}
        bench.kept(rooms, said, who(request))
        return rendering.json({"mistakes": bench.state(rooms)["mistakes"]})

    @router.post("/api/v1/bench/discard", summary="Throw a draft away")
    def post_discard(request: Request, named: Named) -> Response:
        bench.discarded(rooms, named.path, who(request))
        return rendering.json({"path": named.path})

    @router.post("/api/v1/bench/save", summary="Save every draft and put the mapping in force")
    def post_save(request: Request, told: Seen) -> Response:
        return rendering.json({"files": bench.saved(rooms, who(request), told.seen)})

    @router.post("/api/v1/bench/undo", summary="Give the files of a saving back what they held before it")
    def post_undo(request: Request, saving: Saving) -> Response:
        return rendering.json({"files": bench.undone(rooms, saving.number, who(request))})

    @router.post("/api/v1/bench/reload", summary="Put in force what is on disk")
    def post_reload(request: Request) -> Response:
        bench.reloaded(rooms, who(request))
        return rendering.json({"reloaded": True})


def _document(each: drafts.Document) -> dict[str, Any]:
    draft = rendering.named(each.draft, "base") if each.draft else None
    return {
        "path": each.path,
        "text": each.text,
        "closed": each.closed,
        "draft": draft,
        "changed_on_disk": each.overtaken,
    }


def _look(look: bench_view.Look) -> dict[str, Any]:
    items = [each._asdict() | {"lines": [line._asdict() for line in each.lines]} for each in look.items]
    return look._asdict() | {"items": items}


def _difference(found: dict[str, Any]) -> dict[str, Any]:
    told = found["difference"]
    if told is None:
        return {"looked": 0, "read": 0, "attributes": [], "messages": [], "mistakes": found["mistakes"], "seen": ""}
    return {
        "looked": told.looked,
        "read": told.read,
        "would_be_refused": [each.message for each in told.compared if each.broken],
        "would_be_mapped": [each.message for each in told.compared if each.mended],
        "attributes": [{"attribute": each.attribute, "messages": each.messages} for each in found["attributes"]],
        "messages": [
            each._asdict() | {"changes": [change._asdict() for change in each.changes]} for each in found["compared"]
        ],
        "trials": [each._asdict() for each in found["trials"].values()],
        "mistakes": [],
        "seen": found["seen"],
    }
