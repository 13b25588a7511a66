"""Issues: one line for each problem there is, its cause, what mends it, since when, and who has it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.extensions.web import rendering
from swf.extensions.web.language import N_, _
from swf.extensions.web.rooms import Form, Rooms, Said, who
from swf.net import certificates
from swf.sentence import say
from swf.store.database import Transaction
from swf.workflow import issues as workflow_issues
from swf.workflow.issues import Issue
from swf.workflow.problems import Kind, Problem, Severity

# Where a problem of each kind is mended; {} is what it is about
PLACES = {
    Kind.MESSAGES_REFUSED: "/messages/failed/{}",
    Kind.ENTRIES_HELD: "/held",
    Kind.EXAMS_WITHOUT_ORDER: "/exams?only=UNRESOLVED",
    Kind.EXAMS_OVERDUE: "/exams?only=OVERDUE",
    Kind.DELIVERIES_PARKED: "/deliveries?status=PARKED",
    Kind.DESTINATION_SILENT: "/devices#lines",
    Kind.DEVICE_REJECTED: "/devices/{}",
    Kind.DEVICE_SILENT: "/devices/{}",
    Kind.QUERIES_FAILED: "/devices/{}",
    Kind.LIST_ALWAYS_EMPTY: "/worklist?ae={}",
    Kind.STEPS_LEFT_OVER: "/orders?status=SC",
}
HOURS = ((1, N_("an hour")), (8, N_("a shift")), (24, N_("a day")), (168, N_("a week")))
_Act = Callable[[Transaction, datetime, str, Problem], None]


def routes(rooms: Rooms) -> APIRouter:
    """The list, and what may be said of an issue."""
    router = APIRouter(include_in_schema=False)

    @router.get("/issues")
    def issues(snoozed: bool = False) -> HTMLResponse:
        return rendering.answer("issues.html", **_page(rooms, snoozed=snoozed))

    @router.post("/issues/{key}/{act}")
    def say_of_it(request: Request, key: str, act: str, said: Said) -> Response:
        done(rooms, who(request), key, act, said)
        return RedirectResponse("/issues", 303)

    return router


def every(rooms: Rooms) -> list[Issue]:
    """Every issue there is now, those of the certificates and of the broker's own parts among them."""
    site, now = rooms.site(), clock.now()
    elsewhere = [*map(_ailing, rooms.ailing()), *certificates.problems(site.settings, now)]
    with rooms.database.reading() as connection:
        return workflow_issues.every(connection, site, now, elsewhere)


def done(rooms: Rooms, by: str, key: str, act: str, said: Form) -> None:
    """Say something of an issue and note who did; HTTPException for what cannot be said, Unresolvable for no such issue."""
    wanted = _acts(said).get(act)
    if wanted is None:
        raise HTTPException(404, _("there is nothing called %(act)s to be done with an issue", act=act))
    problem = workflow_issues.one(every(rooms), key).problem
    rooms.database.run(lambda transaction: wanted(transaction, clock.now(), by, problem))


def _acts(said: Form) -> dict[str, _Act]:
    return {
        "take": workflow_issues.take,
        "give-back": workflow_issues.give_back,
        "remark": lambda t, at, by, it: workflow_issues.remark(t, at, by, it, said.get("text", "")),
        "snooze": lambda t, at, by, it: workflow_issues.snooze(t, at, by, it, _hours(said.get("hours", ""))),
    }


def _hours(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _ailing(name: str) -> Problem:
    cause = say("the part %(name)s of the broker does not do its work", name=name)
    return Problem(
        Kind.PART_AILING, name, Severity.TROUBLE, cause, say("look at the log of the broker, and start it anew")
    )


def _page(rooms: Rooms, *, snoozed: bool) -> dict[str, Any]:
    found = every(rooms)
    shown = [each for each in found if snoozed or each.snoozed_until is None]
    return {
        "lines": [{"issue": each, "problem": each.problem, "href": place(each.problem)} for each in shown],
        "hidden": len(found) - len(shown),
        "snoozed": snoozed,
        "hours": HOURS,
    }


def place(problem: Problem) -> str:
    """The page that mends it; "" when that is not done here."""
    return PLACES.get(problem.kind, "").format(rendering.part(problem.about))
