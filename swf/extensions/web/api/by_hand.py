"""Orders by hand for programs: make, change and cancel one. `Idempotency-Key` makes a repeat harmless."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from swf.errors import Misfilled
from swf.extensions.web import rendering
from swf.extensions.web.pages import by_hand as pages
from swf.extensions.web.rooms import Rooms, who
from swf.store.database import Record, Transaction
from swf.workflow import by_hand, wanted
from swf.workflow.wanted import Asked, NewOrder, OrderChange, StepChange

Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200, description="The same key never acts twice.")]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class New(_Said):
    """An order. Names are PN of DICOM, up to three groups."""

    patient_id: str
    issuer: str = ""
    name: str = Field(examples=["DOE^JANE"])
    birth_date: str = Field(default="", examples=["1980-02-29"])
    sex: str = Field(default="", description="F, M, O or nothing.")
    procedure: str = Field(description="A code of the catalogue, or any other with its words and modality.")
    procedure_text: str = ""
    scheme: str = ""
    modality: str = ""
    priority: str = Field(default="ROUTINE", description=", ".join(wanted.PRIORITIES))
    station: str = Field(default="", description="AE titles with a comma between them; nothing: by the site's rules.")
    start: str = Field(examples=["2026-03-16T09:30"], description="By the site's clock.")
    location: str = ""
    referring: str = ""
    requesting: str = ""
    reason: str = ""
    accession: str = Field(default="", description="Nothing: one is given.")


class Making(New):
    """An order, and how it is to be made."""

    tell: bool = Field(default=False, description="Tell the destinations that take ORM^O01.")
    confirmed: str = Field(default="", description="`seen` of the person a refusal named, to insist on the patient.")


class Change(_Said):
    """What becomes of an order; what is left out stays."""

    step: str = Field(default="", description="Whose start and station; needed where there are several steps.")
    start: str = ""
    station: str = ""
    priority: str = ""
    procedure: str = ""
    procedure_text: str = ""
    scheme: str = ""
    modality: str = ""
    reason: str = ""


class Cancel(_Said):
    """Why."""

    reason: str
    tell: bool = True


def routes(rooms: Rooms) -> APIRouter:
    """What the form of an order does."""
    router = APIRouter()

    @router.post("/api/v1/orders", status_code=201, summary="Make an order by hand")
    def post_order(request: Request, said: Making, key: Key = "") -> Response:
        asked = Asked(who(request), key or by_hand.new_key(), said.tell)
        new = NewOrder(**said.model_dump(exclude={"tell", "confirmed"}))
        try:
            return rendering.json(_named(pages.ordered(rooms, new, asked, said.confirmed)), 201)
        except Misfilled as error:
            return _misfilled(error)

    @router.patch("/api/v1/orders/{number}", summary="Change when, where, how urgent or what")
    def patch_order(request: Request, number: str, said: Change, key: Key = "") -> Response:
        asked = Asked(who(request), key or by_hand.new_key())

        def work(transaction: Transaction) -> Record:
            row = by_hand.named(transaction, number)
            by_hand.change(transaction, rooms.site(), row, change_of(transaction, row, said), asked)
            return by_hand.named(transaction, number, row.id)

        try:
            return rendering.json(_named(rooms.database.run(work)))
        except Misfilled as error:
            return _misfilled(error)

    @router.post("/api/v1/orders/{number}/cancel", summary="Cancel an order")
    def post_cancel(request: Request, number: str, said: Cancel, key: Key = "") -> Response:
        asked = Asked(who(request), key or by_hand.new_key(), said.tell)

        def work(transaction: Transaction) -> Record:
            row = by_hand.named(transaction, number)
            by_hand.cancel(transaction, rooms.site(), row, said.reason, asked)
            return by_hand.named(transaction, number, row.id)

        try:
            return rendering.json(_named(rooms.database.run(work)))
        except Misfilled as error:
            return _misfilled(error)

    return router


def change_of(transaction: Transaction, row: Record, said: Change) -> OrderChange:
    """The change, start and station given to the step that is meant."""
    fields = said.model_dump(exclude={"step", "start", "station"})
    if not (said.start or said.station):
        return OrderChange({}, **fields)
    name = said.step or by_hand.only_step(transaction, row)
    return OrderChange({name: StepChange(said.start, said.station)}, **fields)


def _named(row: Record) -> dict[str, object]:
    return {
        name: getattr(row, name)
        for name in ("accession_number", "status", "placer_order_number", "filler_order_number", "updated_at")
    }


def _misfilled(error: Misfilled) -> Response:
    told = {"error": str(error), "advice": error.advice, "fields": error.fields}
    return rendering.json({**told, "person": error.person} if error.person else told, 422)
