"""Simulator: a HIS, a modality and an MIS play against this broker, for those who learn and those who test."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.errors import ConfigError
from swf.extensions.web import rendering
from swf.extensions.web.language import told
from swf.extensions.web.rooms import Form, Playground, Rooms, Said, who
from swf.sentence import say
from swf.workflow import operator

RATES = ("6/min", "30/min", "2/s", "10/s", "max")
SPANS = ("1min", "5min", "30min", "2h")
SHARES = (("0.02", "2 %"), ("0.1", "10 %"), ("0.3", "30 %"), ("1", "100 %"))
_WISHES = ("rate", "shape", "for", "language", "profile", "seed", "station")
OFF = say("[simulator] enabled is false in the settings of this broker.")


def routes(rooms: Rooms) -> APIRouter:
    """The page, and what its buttons do."""
    router = APIRouter(include_in_schema=False)

    @router.get("/simulator")
    def simulator() -> HTMLResponse:
        return rendering.answer("simulator.html", **found(rooms))

    @router.post("/simulator/{kind}/start")
    def start(request: Request, kind: str, said: Said) -> Response:
        begin(rooms, who(request), kind, wishes(said))
        return RedirectResponse("/simulator", 303)

    @router.post("/simulator/{kind}/stop")
    def stop(request: Request, kind: str) -> Response:
        end(rooms, who(request), kind)
        return RedirectResponse("/simulator", 303)

    @router.get("/simulator/exercise")
    def exercise() -> HTMLResponse:
        return rendering.answer("exercise.html", attempt=attempt(rooms))

    @router.post("/simulator/exercises/{name}/start")
    def start_exercise(request: Request, name: str) -> Response:
        set_up(rooms, who(request), name)
        return RedirectResponse("/simulator/exercise", 303)

    return router


def found(rooms: Rooms) -> dict[str, Any]:
    """What plays, what may be wished for, and why not when nothing may."""
    playground = rooms.simulator
    values: dict[str, Any] = {"objection": objection(rooms), "on": playground is not None}
    if playground is None:
        return values
    mis = playground.mis_address
    heard = any((each.host, each.port) == mis for each in rooms.site().settings.destination)
    return values | {
        "choices": playground.choices(),
        "runs": {run["kind"]: run for run in playground.state()},
        "rates": RATES,
        "spans": SPANS,
        "shares": SHARES,
        "mis": f"{mis[0]}:{mis[1]}",
        "heard": heard,
        "exercises": playground.exercises(),
    }


def objection(rooms: Rooms) -> str:
    """Why nothing may be simulated here; "" when it may."""
    return OFF if rooms.simulator is None else rooms.simulator.objection()


def switched_on(rooms: Rooms) -> Playground:
    """The simulator; raises ConfigError when there is none."""
    if rooms.simulator is None:
        raise ConfigError([told(OFF)])
    return rooms.simulator


def begin(rooms: Rooms, by: str, kind: str, wanted: Mapping[str, Any]) -> None:
    """Start one, and say so in the journal; raises ConfigError."""
    switched_on(rooms).begin(kind, wanted)
    _note(rooms, by, f"start the simulated {kind}")


def end(rooms: Rooms, by: str, kind: str) -> None:
    """Stop it, and say so in the journal; raises ConfigError."""
    switched_on(rooms).end(kind)
    _note(rooms, by, f"stop the simulated {kind}")


def set_up(rooms: Rooms, by: str, name: str) -> None:
    """Break something for an exercise, and say so in the journal; raises ConfigError and PeerError."""
    switched_on(rooms).set_up(name)
    _note(rooms, by, f"begin the exercise {name}")


def attempt(rooms: Rooms) -> dict[str, Any] | None:
    """The exercise somebody is at, and whether it is solved; None when there is none."""
    return rooms.simulator.attempt() if rooms.simulator else None


def _note(rooms: Rooms, by: str, did: str) -> None:
    rooms.database.run(lambda transaction: operator.acted(transaction, clock.now(), by, did))


def wishes(said: Form) -> dict[str, Any]:
    """A form as wishes: a fault that is ticked happens as often as the form says."""
    often = said.get("often", "")
    faults = [f"{name.removeprefix('fault-')}={often}" for name in said if name.startswith("fault-")]
    return {name: said[name] for name in _WISHES if said.get(name)} | {"faults": faults}
