"""Stored messages, taken again after the mapping was mended (RAD-2, RAD-3, RAD-4, RAD-12, RAD-13).

A replay works from the bytes that came and changes what the first time made; it never makes a second order. The answer
the sender got stays. A message that had an effect keeps it when its replay is refused.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from swf import clock
from swf.dicom import encoding, listing
from swf.errors import BrokenFrame, IllegalTransition, MessageError
from swf.hl7.header import read_header
from swf.model.journal import Event
from swf.model.message import Disposition
from swf.store import journal, messages
from swf.store import orders as order_store
from swf.store.database import Database, Record, Transaction
from swf.store.journal import Entry
from swf.workflow import intake, orders, routing
from swf.workflow.routing import UseCase
from swf.workflow.site import Site


class Change(NamedTuple):
    """One attribute of one step, before and after; a step that was not there before has nothing before."""

    step_id: str
    attribute: str
    before: str
    after: str


class Outcome(NamedTuple):
    """What came of one message: nothing in `refusal` when it was applied."""

    message: int
    before: str
    after: str
    refusal: str
    changes: tuple[Change, ...]


class _Applied(NamedTuple):
    entries: list[Entry]
    changes: tuple[Change, ...]


Steps = dict[int, tuple[str, dict[str, str]]]
"""Step row → its step id and its attributes."""


def replay(transaction: Transaction, site: Site, row: Record, at: datetime, together: Collection[int]) -> Outcome:
    """Take the stored message `row` again; `together` are the messages replayed with it.

    Nothing is refused silently and nothing is raised: a MessageError undoes the replay's own work and is told. Refused is
    also a message that later ones changed again, unless they are replayed with it: theirs must be the last word.
    """
    try:
        with transaction.begin_nested():
            applied = _apply(transaction, site, row, at)
            _refuse_overtaken(transaction, applied.entries, row.id, together)
    except MessageError as error:
        return _refused(transaction, row, at, error)
    messages.dispose(transaction, row.id, Disposition.APPLIED, "")
    detail = {"was": row.disposition, "now": Disposition.APPLIED}
    replayed = [Entry(Event.MESSAGE_REPLAYED, order, detail=detail) for order in orders_of(applied.entries) or [None]]
    journal.add(transaction, at, [*replayed, *applied.entries], message=row.id)
    return Outcome(row.id, row.disposition, Disposition.APPLIED, "", applied.changes)


def replay_all(database: Database, site: Site, rows: Sequence[Record], *, dry_run: bool) -> list[Outcome]:
    """Replay these messages in the order given, in one transaction; a dry run undoes it.

    It is rehearsed first: a message that had an effect and would now be refused cannot have the last word about its
    order, so that earlier ones of that order are refused with it.
    """
    together = {row.id for row in rows}

    def work(transaction: Transaction) -> list[Outcome]:
        return [replay(transaction, site, row, clock.now(), together) for row in rows]

    while True:
        outcomes = database.rehearse(work)
        lost = {each.message for each in outcomes if each.refusal and each.before == Disposition.APPLIED}
        if lost.isdisjoint(together):
            return outcomes if dry_run else database.run(work)
        together -= lost


def _apply(transaction: Transaction, site: Site, row: Record, at: datetime) -> _Applied:
    if row.disposition == Disposition.BROKEN:
        raise BrokenFrame(f"the message did not come whole: {row.reason}")
    known = {entry.order for entry in journal.of_message(transaction, row.id) if entry.order}
    before = steps_of(transaction, known)
    entries = carry_out(transaction, site.at_door(row.door), bytes(row.raw), row.peer, at)
    return _Applied(entries, tuple(_changes(before, steps_of(transaction, known | orders_of(entries)))))


def carry_out(transaction: Transaction, site: Site, raw: bytes, peer: str, at: datetime) -> list[Entry]:
    """Do what the message `raw` from `peer` asks, whether it came before or not; raises MessageError."""
    header = read_header(raw)
    site = site.for_source(header, peer)
    if peer:  # a file comes from nowhere
        site.admit(peer)
    content, _ = intake.read(site, raw, header)
    return _afresh(routing.use_case(header, site))(transaction, site, content, at)


def _afresh(use_case: UseCase) -> UseCase:
    """Orders are mapped as if they came for the first time; other messages do what they always do."""
    return partial(orders.apply, afresh=True) if use_case is orders.apply else use_case


def _refuse_overtaken(
    transaction: Transaction, entries: Iterable[Entry], number: int, together: Collection[int]
) -> None:
    later = [each for each in journal.later_messages(transaction, orders_of(entries), number) if each not in together]
    if later:
        names = ", ".join(map(str, later))
        raise IllegalTransition(f"messages that came later changed the same order; replay them too: {names}")


def _refused(transaction: Transaction, row: Record, at: datetime, error: MessageError) -> Outcome:
    reason = intake.reason(error)
    if row.disposition == Disposition.REFUSED:
        messages.dispose(transaction, row.id, Disposition.REFUSED, reason)
    detail = {"was": row.disposition, "now": row.disposition, "refused": reason}
    journal.add(transaction, at, [Entry(Event.MESSAGE_REPLAYED, detail=detail)], message=row.id)
    return Outcome(row.id, row.disposition, row.disposition, reason, ())


def orders_of(entries: Iterable[Entry]) -> set[int]:
    """The order rows the entries are about."""
    return {entry.order for entry in entries if entry.order}


def steps_of(transaction: Transaction, numbers: Iterable[int]) -> Steps:
    """The steps of these order rows."""
    rows = (row for number in sorted(numbers) for row in order_store.steps(transaction, number))
    return {row.id: (row.step_id, listing.attributes(encoding.decode(row.dataset))) for row in rows}


def _changes(before: Steps, after: Steps) -> Iterable[Change]:
    for number, (step_id, now) in after.items():
        was = before[number][1] if number in before else {}
        for attribute in dict.fromkeys([*was, *now]):
            if was.get(attribute) != now.get(attribute):
                yield Change(step_id, attribute, was.get(attribute, ""), now.get(attribute, ""))
