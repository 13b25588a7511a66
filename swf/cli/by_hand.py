"""What `swf orders new`, `change` and `cancel` do: the same as the form of the window, in the store of the settings."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED
from swf.cli.refusals import refusals, refuse
from swf.cli.stored import looking
from swf.cli.typed import by as typist
from swf.errors import Misfilled
from swf.store.database import Database, Record, Transaction
from swf.workflow import by_hand
from swf.workflow import site as sites
from swf.workflow.site import Site
from swf.workflow.wanted import Asked, NewOrder, OrderChange, StepChange

__all__ = ["Changed", "NewOrder", "asked", "cancel", "change", "new"]


class Changed(NamedTuple):
    """What becomes of an order, as it is typed; empty for what stays."""

    step: str
    start: str
    station: str
    priority: str
    procedure: str
    procedure_text: str
    scheme: str
    modality: str
    reason: str


def asked(key: str, tell: bool = False) -> Asked:
    """Who types."""
    return Asked(typist(), key or by_hand.new_key(), tell)


def new(config_file: Path | None, said: NewOrder, by: Asked, confirmed: str) -> Record:
    """The order that is made."""
    return _do(config_file, lambda tx, site: by_hand.order(tx, site, said, by, confirmed=confirmed))


def change(config_file: Path | None, number: str, said: Changed, by: Asked) -> Record:
    """The order as it is then."""

    def work(transaction: Transaction, site: Site) -> Record:
        row = by_hand.named(transaction, number)
        step, start, station, *rest = said
        moved = {step or by_hand.only_step(transaction, row): StepChange(start, station)} if start or station else {}
        by_hand.change(transaction, site, row, OrderChange(moved, *rest), by)
        return by_hand.named(transaction, number, row.id)

    return _do(config_file, work)


def cancel(config_file: Path | None, number: str, reason: str, by: Asked) -> Record:
    """The order as it is then."""

    def work(transaction: Transaction, site: Site) -> Record:
        row = by_hand.named(transaction, number)
        by_hand.cancel(transaction, site, row, reason, by)
        return by_hand.named(transaction, number, row.id)

    return _do(config_file, work)


def _do(config_file: Path | None, work: Callable[[Transaction, Site], Record]) -> Record:
    """Do it in one transaction of the store; a refusal has a line for each field."""
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        try:
            return database.run(lambda transaction: work(transaction, site))
        except Misfilled as error:
            refuse(_told(database, error), NOT_AS_HOPED)


def _told(database: Database, error: Misfilled) -> list[str]:
    lines = [f"{name.replace('_', ' ')}: {text}" for name, text in error.fields.items()]
    if error.person is None:
        return lines
    patient, who = int(str(error.person["patient"])), asked("").by
    database.run(lambda transaction: by_hand.looked_up(transaction, clock.now(), who, patient))
    known = ", ".join(str(error.person[each]) for each in ("name", "birth_date", "sex") if error.person[each])
    return [
        *lines,
        f"the number is that of {known}",
        f"hint: if it is the same person: --confirmed {error.person['seen']}",
    ]
