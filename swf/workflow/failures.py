"""Messages that had no effect, by cause: what is one mistake in a hundred messages is looked at, tried and replayed as one.

A cause is what a reason says once numbers and names are taken out of it, from one source, for one type. Nothing is deleted:
a cause that is dealt with keeps its messages, and one that comes later raises it anew.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from swf.errors import Overtaken
from swf.model.message import Disposition
from swf.store import failures, messages
from swf.store.database import Database, Record, Transaction
from swf.workflow import operator, replay
from swf.workflow.replay import Outcome
from swf.workflow.site import Site

LOOKED_AT, AT_ONCE = 2000, 200
_LOCATION = re.compile(r"^([A-Z][A-Z0-9]{2})\^\d+(?:\^(\d+))?(?:\^\d+)*(?=: )")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]+\"")
_PLACE = r"[A-Z][A-Z0-9]{2}(?:\[\d+\])?-\d+(?:\.\d+)*"
_VARIABLE = re.compile(rf"(?<![\w.-])(?:({_PLACE})(?![\w])|[\w.^&/-]*\d[\w.^&/-]*)")
_SEVERAL = re.compile(r"…(?:, …)+")


class Cause(NamedTuple):
    """Messages that failed alike, the newest first; `settled` is what was said of them when they were dealt with."""

    key: str
    reason: str
    source: str
    type: str
    disposition: str
    rows: list[Record]
    settled: Record | None

    @property
    def newest(self) -> Record:
        """The last one that came."""
        return self.rows[0]

    @property
    def oldest(self) -> Record:
        """The first of those that were looked at."""
        return self.rows[-1]

    @property
    def whole(self) -> bool:
        """Whether they came whole, so that they can be taken again."""
        return self.disposition != Disposition.BROKEN


class Summary(NamedTuple):
    """What became of a cause's messages, or would: the outcomes of those that were tried, and how many are left."""

    outcomes: list[Outcome]
    left: int
    really: bool

    @property
    def applied(self) -> int:
        """How many are applied, or would be."""
        return sum(not each.refusal for each in self.outcomes)

    @property
    def refusals(self) -> list[tuple[str, int]]:
        """Why the others are not, the most frequent first."""
        return Counter(template(each.refusal) for each in self.outcomes if each.refusal).most_common()


def template(reason: str) -> str:
    """A reason without what differs from message to message: quoted texts, numbers and whatever holds a digit."""
    placed = _LOCATION.sub(lambda found: f"{found[1]}-{found[2]}" if found[2] else found[1], reason)
    plain = _VARIABLE.sub(lambda found: found[1] or "…", _QUOTED.sub("…", placed))
    return _SEVERAL.sub("…", plain)


def causes(rows: Iterable[Record], settled: Iterable[Record]) -> list[Cause]:
    """The causes of these messages, given the newest first; of a settled one only what came later is open."""
    said = {row.cause: row for row in settled}
    found: dict[tuple[str, bool], Cause] = {}
    for row in rows:
        reason = template(row.reason)
        key = _key(row.source, row.type, row.disposition, reason)
        done = said.get(key)
        over = done is not None and row.id <= done.up_to
        of = found.get((key, over))
        if of is None:
            of = Cause(key, reason, row.source, row.type, row.disposition, [], done if over else None)
            found[key, over] = of
        of.rows.append(row)
    return sorted(found.values(), key=lambda each: (each.settled is not None, -len(each.rows)))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def found(transaction: Transaction) -> list[Cause]:
    """The causes of the newest `LOOKED_AT` messages without effect, the most frequent first, those dealt with last."""
    return causes(failures.newest(transaction, LOOKED_AT), failures.settled(transaction))


def one(transaction: Transaction, key: str) -> Cause:
    """A cause by its key, what is open of it before what is settled; raises Overtaken."""
    for each in found(transaction):
        if each.key == key:
            return each
    raise Overtaken(f"no message failed for the cause {key}")


def taken_again(database: Database, site: Site, key: str, by: tuple[datetime, str], *, really: bool) -> Summary:
    """Take the messages of a cause again, the oldest `AT_ONCE` of them in the order they came; or only try.

    Really taken are those that would be applied. Raises Overtaken when there is no such cause.
    """
    with database.reading() as connection:
        cause = one(connection, key)
        numbers = sorted(row.id for row in cause.rows)
        rows = messages.several(connection, numbers[:AT_ONCE])
    outcomes = replay.replay_all(database, site, rows, dry_run=True)
    good = {each.message for each in outcomes if not each.refusal}
    if really and good:
        at, who = by
        done = replay.replay_all(database, site, [row for row in rows if row.id in good], dry_run=False)
        did = f"replay {len(done)} messages that failed alike: {cause.reason}"
        database.run(lambda transaction: operator.acted(transaction, at, who, did))
        outcomes = sorted([*done, *(each for each in outcomes if each.refusal)], key=lambda each: each.message)
    return Summary(outcomes, max(len(numbers) - AT_ONCE, 0), really)


def settle(transaction: Transaction, key: str, remark: str, at: datetime, by: str) -> None:
    """Say that a cause is dealt with, and how; raises Overtaken without a remark or a cause."""
    if not remark.strip():
        raise Overtaken("say in a remark how it was dealt with")
    cause = one(transaction, key)
    failures.settle(transaction, cause=key, up_to=cause.newest.id, remark=remark.strip(), by=by, at=at)
    did = f"{len(cause.rows)} messages dealt with ({remark.strip()}): {cause.reason}"
    operator.acted(transaction, at, by, did)


def reopen(transaction: Transaction, key: str, at: datetime, by: str) -> None:
    """Take back that a cause is dealt with; raises Overtaken when it is not."""
    if not failures.reopen(transaction, key):
        raise Overtaken(f"the cause {key} is not dealt with")
    operator.acted(transaction, at, by, f"cause {key} opened again")


def summary_by_cause(found: Sequence[Cause]) -> list[dict[str, object]]:
    """The causes for programs."""
    return [
        {
            "key": each.key,
            "reason": each.reason,
            "source": each.source,
            "type": each.type,
            "disposition": each.disposition,
            "messages": len(each.rows),
            "oldest": each.oldest.received_at,
            "newest": each.newest.received_at,
            "sample": each.newest.id,
            "settled_by": each.settled.by if each.settled else "",
            "remark": each.settled.remark if each.settled else "",
        }
        for each in found
    ]
