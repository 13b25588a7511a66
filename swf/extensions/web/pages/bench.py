"""The mapping bench: a message under the mapping, the mapping as drafts, what they would change, saving and undoing it.

What is tried here is never in force before it is saved; what is saved was checked whole, and is in force as a whole.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.errors import ConfigError, DraftRefused
from swf.extensions.web import bench_view, rendering
from swf.extensions.web.bench_view import Came, Look
from swf.extensions.web.language import _
from swf.extensions.web.rooms import Form, Rooms, RowNumber, Said, SaidAtLength, number, who
from swf.mapping import files
from swf.store import drafts as draft_store
from swf.store import messages as message_store
from swf.store.database import Record
from swf.workflow import difference, drafts, operator
from swf.workflow.drafts import Document
from swf.workflow.site import Site

LAST = 200
_PICKS, _VERSIONS, _LISTED = 12, 10, 100
_BENCH = "/bench"


def routes(rooms: Rooms) -> APIRouter:
    """The bench, one document, the difference, and what changes them."""
    router = APIRouter(include_in_schema=False)
    _lookers(router, rooms)
    _doers(router, rooms)
    return router


def _lookers(router: APIRouter, rooms: Rooms) -> None:
    @router.get(_BENCH)
    def bench(message: RowNumber = 0, done: str = "") -> HTMLResponse:
        came = [bench_view.stored(_stored(rooms, message))] if message else []
        return rendering.answer("bench.html", **_shown(rooms, came, message=message), done=done)

    @router.post("/bench/look")
    def look(request: Request, said: SaidAtLength) -> HTMLResponse:
        chosen = number(said, "message")
        if chosen:
            came = [bench_view.stored(_stored(rooms, chosen))]
            by = who(request)
            rooms.database.run(
                lambda transaction: operator.revealed(transaction, clock.now(), by, orders=[], message=chosen)
            )
        else:
            came = bench_view.given(said)
        shown = _shown(rooms, came, message=chosen, revealed=True)
        return rendering.answer("bench.html", **shown | {"text": said.get("text", ""), "done": ""})

    @router.get("/bench/file")
    def file(path: str, line: int = 0) -> HTMLResponse:
        return rendering.answer("bench_file.html", **_document(rooms, path), line=line)

    @router.get("/bench/difference")
    def show_difference(last: int = LAST) -> HTMLResponse:
        return rendering.answer("bench_difference.html", **found(rooms, last))

    @router.post("/bench/difference")
    def reveal_difference(request: Request, said: Said) -> HTMLResponse:
        last, by = number(said, "last", LAST), who(request)
        shown = found(rooms, last, revealed=True)
        rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=[]))
        return rendering.answer("bench_difference.html", **shown)


def _doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/bench/begin")
    def begin(request: Request, said: Said) -> Response:
        path, by = said.get("path", "").strip(), who(request)
        rooms.database.run(lambda transaction: drafts.begin(transaction, rooms.site(), path, clock.now(), by))
        return _to_file(path)

    @router.post("/bench/draft")
    def draft(request: Request, said: SaidAtLength) -> Response:
        try:
            kept(rooms, said, who(request))
        except DraftRefused as error:  # what was typed stays on the page
            shown = _document(rooms, said.get("path", ""))
            return rendering.answer(
                "bench_file.html", 409, **shown | {"text": said.get("content", ""), "refused": error.args[0]}, line=0
            )
        return _to_file(said["path"])

    @router.post("/bench/rebase")
    def rebase(request: Request, said: Said) -> Response:
        path, by = said.get("path", ""), who(request)
        rooms.database.run(lambda transaction: drafts.rebase(transaction, path, clock.now(), by))
        return _to_file(path)

    @router.post("/bench/discard")
    def discard(request: Request, said: Said) -> Response:
        discarded(rooms, said.get("path", ""), who(request))
        return RedirectResponse(_BENCH, 303)

    @router.post("/bench/save")
    def save(request: Request, said: Said) -> Response:
        saved(rooms, who(request), said.get("seen", ""))
        return RedirectResponse(f"{_BENCH}?done=saved", 303)

    @router.post("/bench/undo")
    def undo(request: Request, said: Said) -> Response:
        undone(rooms, number(said, "number"), who(request))
        return RedirectResponse(f"{_BENCH}?done=undone", 303)

    @router.post("/bench/reload")
    def reload(request: Request) -> Response:
        reloaded(rooms, who(request))
        return RedirectResponse(f"{_BENCH}?done=reloaded", 303)


def _to_file(path: str) -> Response:
    return RedirectResponse(f"/bench/file?path={rendering.part(path)}", 303)


# ---- what is done, for pages and programs ----


def kept(rooms: Rooms, said: Form, by: str) -> None:
    """Keep a draft of the file `path`: its `content`, a change of `revision`; raises DraftRefused."""
    change = (said.get("path", ""), said.get("content", ""), number(said, "revision"))
    rooms.database.run(lambda transaction: drafts.keep(transaction, rooms.site(), change, clock.now(), by))


def discarded(rooms: Rooms, path: str, by: str) -> None:
    """Throw a draft away; raises DraftRefused when there is none."""
    rooms.database.run(lambda transaction: drafts.discard(transaction, path, clock.now(), by))


def saved(rooms: Rooms, by: str, seen: str = "") -> list[str]:
    """Save the drafts and put them in force; the files. Raises ConfigError and DraftRefused."""
    names = drafts.save(rooms.database, rooms.site(), clock.now(), by, seen)
    _put_in_force(rooms)
    return names


def undone(rooms: Rooms, saving: int, by: str) -> list[str]:
    """Undo a saving and put in force what was before it; the files. Raises ConfigError and DraftRefused."""
    names = drafts.undo(rooms.database, rooms.site(), saving, clock.now(), by)
    _put_in_force(rooms)
    return names


def _put_in_force(rooms: Rooms) -> None:
    """Reload; what hinders it then is not the mapping, which is on disk already."""
    try:
        rooms.reload()
    except ConfigError as error:
        raise DraftRefused(f"the files are written and not in force yet, because of other settings: {error}") from error


def reloaded(rooms: Rooms, by: str) -> None:
    """Put in force what is on disk; raises ConfigError, and then nothing has changed."""
    rooms.reload()
    rooms.database.run(lambda transaction: operator.acted(transaction, clock.now(), by, "mapping reloaded"))


# ---- what is shown ----


def state(rooms: Rooms) -> dict[str, Any]:
    """The documents of the mapping, the drafts and what is wrong with them, and what was saved before."""
    site = rooms.site()
    with rooms.database.reading() as connection:
        rows = draft_store.everything(connection)
        versions = draft_store.versions(connection, _VERSIONS)
    then, mistakes = _tried(site, rows)
    return {
        "documents": drafts.documents(site, rows),
        "drafts": rows,
        "then": then,
        "mistakes": mistakes,
        "versions": versions,
        "own": drafts.own_document(site),
        "folders": [str(each) for each in drafts.folders(site.settings)],
        "several": site.settings.node.shares_the_store,
    }


def _tried(site: Site, rows: Sequence[Record]) -> tuple[Site | None, list[str]]:
    """The site by the drafts, None without any or with mistakes; and those."""
    try:
        return (drafts.tried(site, rows) if rows else None), []
    except ConfigError as error:
        return None, list(error.mistakes)


def looked(rooms: Rooms, came: list[Came], *, revealed: bool) -> list[Look]:
    """Messages under the mapping in force and under the drafts, if there are any without a mistake."""
    return bench_view.looks(rooms.database, (rooms.site(), state(rooms)["then"]), came, revealed=revealed)


def _shown(rooms: Rooms, came: list[Came], *, message: int, revealed: bool = False) -> dict[str, Any]:
    found = state(rooms)
    with rooms.database.reading() as connection:
        picks = message_store.found(connection, refused_only=True, limit=_PICKS)
        picks = picks or message_store.found(connection, limit=_PICKS)
    return found | {
        "looks": bench_view.looks(rooms.database, (rooms.site(), found["then"]), came, revealed=revealed),
        "picks": picks,
        "message": message,
        "revealed": revealed,
        "text": "",
        "last": LAST,
    }


def _stored(rooms: Rooms, row_number: int) -> Record:
    with rooms.database.reading() as connection:
        row = message_store.one(connection, row_number)
    if row is None:
        raise HTTPException(404, _("there is no message %(number)s", number=row_number))
    return row


def _document(rooms: Rooms, path: str) -> dict[str, Any]:
    found = state(rooms)
    name = files.plain(Path(path))
    document: Document | None = next((each for each in found["documents"] if each.path == name), None)
    if document is None:
        raise HTTPException(404, _("%(path)s is no part of the mapping", path=path))
    text = document.draft.content if document.draft else document.text or ""
    before = drafts.plain(document.text or "")
    changes = difflib.unified_diff(before.splitlines(), text.splitlines(), "in force", "draft", lineterm="", n=2)
    return found | {
        "document": document,
        "text": text,
        "changes": list(changes)[2:] if document.draft else [],
        "refused": "",
        "here_wrong": [each for each in found["mistakes"] if each.startswith(f"{name}:")],
    }


def found(rooms: Rooms, last: int, *, revealed: bool = False) -> dict[str, Any]:
    """What the drafts would make of the last messages that the mapping in force does not; bounded by `MOST`."""
    last = min(max(last, 1), difference.MOST)
    with rooms.database.reading() as connection:
        rows = draft_store.everything(connection)
        messages = message_store.newest(connection, last)
    site = rooms.site()
    base = {"drafts": rows, "last": last, "most": difference.MOST, "listed": _LISTED, "revealed": revealed}
    empty: dict[str, Any] = {
        "difference": None,
        "attributes": [],
        "compared": [],
        "trials": {},
        "mistakes": [],
        "seen": "",
    }
    if not rows:
        return base | empty
    then, mistakes = _tried(site, rows)
    if then is None:
        return base | empty | {"mistakes": mistakes}
    told = difference.of(site, then, messages)
    trials = difference.tried(rooms.database, then, told, messages)
    return (
        base
        | empty
        | {
            "difference": told,
            "attributes": bench_view.groups(told.groups, revealed=revealed),
            "compared": bench_view.compared(told.compared[:_LISTED], revealed=revealed),
            "trials": {each.message: each for each in trials},
            "seen": drafts.stamp(rows),
        }
    )
