"""The simulator for programs: what plays, start and stop."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from swf.extensions.web import rendering
from swf.extensions.web.pages import simulator
from swf.extensions.web.rooms import Rooms, who


class Wishes(BaseModel):
    """How it shall play; what is left out is as usual."""

    rate: str = Field(default="", description="Such as 30/min, 2/s or max.")
    shape: str = Field(default="", description="steady, bursts or day.")
    span: str = Field(default="", alias="for", description="When it ends by itself, such as 5min.")
    language: str = Field(default="", description="Of the names.")
    profile: str = Field(default="", description="Of the HIS or the modality.")
    seed: str = Field(default="", description="The same seed does the same again.")
    station: str = Field(default="", description="One AE title of the simulated modalities; without it all.")
    faults: list[str] = Field(default=[], description="NAME=RATE each, or all=RATE.")


def routes(rooms: Rooms) -> APIRouter:
    """What the page of the simulator shows and does."""
    router = APIRouter()

    @router.get("/api/v1/simulator", summary="What is simulated, and what may be")
    def get_simulator() -> Response:
        return rendering.json(state(rooms))

    @router.post("/api/v1/simulator/{kind}/start", summary="Start a simulated his, modality or mis")
    def post_start(request: Request, kind: str, wishes: Wishes) -> Response:
        simulator.begin(rooms, who(request), kind, wishes.model_dump(by_alias=True))
        return rendering.json(state(rooms))

    @router.post("/api/v1/simulator/{kind}/stop", summary="Stop it")
    def post_stop(request: Request, kind: str) -> Response:
        simulator.end(rooms, who(request), kind)
        return rendering.json(state(rooms))

    @router.post("/api/v1/simulator/exercises/{name}/start", summary="Break something for an exercise")
    def post_exercise(request: Request, name: str) -> Response:
        simulator.set_up(rooms, who(request), name)
        return rendering.json(simulator.attempt(rooms))

    @router.get("/api/v1/simulator/exercise", summary="The exercise somebody is at, and whether it is solved")
    def get_exercise() -> Response:
        return rendering.json(simulator.attempt(rooms))

    return router


def state(rooms: Rooms) -> dict[str, object]:
    """Whether it may play and why not, what plays, and what may be wished for."""
    playground = rooms.simulator
    return {
        "enabled": playground is not None,
        "objection": simulator.objection(rooms),
        "runs": playground.state() if playground else [],
        "choices": playground.choices() if playground else {},
        "exercises": playground.exercises() if playground else {},
    }
