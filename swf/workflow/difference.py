"""What two mappings make of the same messages: which attribute changes in which message, and who is refused (RAD-2, RAD-4).

Only what the mapping reads is compared: numbers the broker gives, and what the workflow keeps from before, come later.
Nothing is written. A message that was refused and would be mapped now can also be tried, in a store that forgets it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from swf.dicom import encoding, listing
from swf.dicom.encoding import Item
from swf.errors import MessageError
from swf.hl7 import order_groups
from swf.hl7.header import read_header
from swf.hl7.message import Message
from swf.mapping import inbound
from swf.mapping.inbound import MappedStep
from swf.mapping.rules import STEP
from swf.model.message import Disposition
from swf.store.database import Database, Record
from swf.workflow import account, intake, orders, replay, routing
from swf.workflow.site import Site

MOST, MOST_TRIED = 500, 20
_PAIRS = 3


class Made(NamedTuple):
    """The items a mapping makes of a message, or why it makes none."""

    items: tuple[MappedStep, ...] = ()
    refusal: str = ""


class Changed(NamedTuple):
    """One attribute of one item of a message, before and after."""

    item: int
    attribute: str
    before: str
    after: str


class Compared(NamedTuple):
    """A message of which the two make something different; a refusal is the reason under that mapping."""

    message: int
    type: str
    source: str
    disposition: str
    before_refusal: str
    after_refusal: str
    changes: tuple[Changed, ...]

    @property
    def mended(self) -> bool:
        """Refused before, mapped after."""
        return bool(self.before_refusal) and not self.after_refusal

    @property
    def broken(self) -> bool:
        """Mapped before, refused after."""
        return bool(self.after_refusal) and not self.before_refusal


class Group(NamedTuple):
    """An attribute, in how many messages it changes, and its most frequent changes: before, after, how often."""

    attribute: str
    messages: int
    pairs: tuple[tuple[str, str, int], ...]


class Difference(NamedTuple):
    """Of `looked` messages the mapping reads `read`; those it makes something else of, the newest first."""

    looked: int
    read: int
    compared: tuple[Compared, ...]

    @property
    def groups(self) -> list[Group]:
        """By attribute, the one that changes in most messages first; what is new or gone with its message not counted."""
        counted: dict[str, Counter[tuple[str, str]]] = {}
        messages: Counter[str] = Counter()
        for each in self.compared:
            if each.before_refusal or each.after_refusal:
                continue
            messages.update({change.attribute for change in each.changes})
            for change in each.changes:
                counted.setdefault(change.attribute, Counter())[change.before, change.after] += 1
        return [
            Group(name, number, tuple((*pair, times) for pair, times in counted[name].most_common(_PAIRS)))
            for name, number in messages.most_common()
        ]


class Trial(NamedTuple):
    """What would become of a refused message if it were taken again."""

    message: int
    after: str
    refusal: str


def of(now: Site, then: Site, rows: Iterable[Record]) -> Difference:
    """What `then` makes of stored messages that `now` does not."""
    looked = read = 0
    compared = []
    for row in rows:
        looked += 1
        message = content(now, row)
        if message is None or not _is_read(now, message):
            continue
        read += 1
        before, after = (_made(_found(site, row), message) for site in (now, then))
        changes = tuple(_changes(before, after))
        if changes or before.refusal != after.refusal:
            told = (row.id, row.type, row.source, row.disposition)
            compared.append(Compared(*told, before.refusal, after.refusal, changes))
    return Difference(looked, read, tuple(compared))


def refusal(site: Site, row: Record) -> str:
    """Why the mapping in force makes nothing of a message; "" when it does, or has no say in it."""
    message = content(site, row)
    return _made(_found(site, row), message).refusal if message is not None and _is_read(site, message) else ""


def between(site: Site, one: Record, other: Record) -> list[Changed]:
    """The items of one message beside those of another, by the mapping in force; a refused one has none."""
    made = []
    for row in (one, other):
        message = content(site, row)
        is_read = message is not None and _is_read(site, message)
        made.append(_made(_found(site, row), message) if message is not None and is_read else Made())
    return list(_changes(*made))


def tried(database: Database, then: Site, difference: Difference, rows: Sequence[Record]) -> list[Trial]:
    """What would become of the refused messages the draft mends, the newest `MOST_TRIED`, each alone; nothing is kept."""
    mended = {each.message for each in difference.compared if each.mended and each.disposition == Disposition.REFUSED}
    trials = []
    for row in [row for row in rows if row.id in mended][:MOST_TRIED]:
        (outcome,) = replay.replay_all(database, then, [row], dry_run=True)
        trials.append(Trial(row.id, outcome.after, outcome.refusal))
    return trials


def _found(site: Site, row: Record) -> Site:
    """The site as the message finds it."""
    return site.at_door(row.door).for_source(read_header(row.raw), row.peer)


def content(site: Site, row: Record) -> Message | None:
    """The message, None when nobody can read it: no mapping changes that."""
    if row.disposition == Disposition.BROKEN:
        return None
    try:
        raw = bytes(row.raw)
        return intake.read(_found(site, row), raw, read_header(raw))[0]
    except MessageError:
        return None


def _is_read(site: Site, content: Message) -> bool:
    """Whether a mapping has a say in what becomes of a message."""
    try:
        return content.header.message_code == "ADT" or routing.use_case(content.header, site) is orders.apply
    except MessageError:
        return False


def _made(site: Site, content: Message) -> Made:
    try:
        return Made(tuple(_items(site, content)))
    except MessageError as error:
        return Made(refusal=intake.reason(error))


def _items(site: Site, content: Message) -> Iterator[MappedStep]:
    if content.header.message_code == "ADT":
        yield inbound.patient(site.mapping, {each.name: content.all(each.name) for each in content.segments})
        return
    for group in order_groups.order_groups(content):
        yield from inbound.steps(site.mapping, group, changing=account.changes_an_order(group))


def _changes(before: Made, after: Made) -> Iterator[Changed]:
    for number in range(max(len(before.items), len(after.items))):
        was, now = (made.items[number].item if number < len(made.items) else {} for made in (before, after))
        lines, new = (_listed(each) for each in _differing(was, now))
        for attribute in dict.fromkeys([*lines, *new]):
            if lines.get(attribute, "") != new.get(attribute, ""):
                yield Changed(number + 1, attribute, lines.get(attribute, ""), new.get(attribute, ""))


def _differing(was: Item, now: Item) -> tuple[Item, Item]:
    """Of two items what is not the same: to list less is what makes hundreds of messages a matter of a second."""
    names = [name for name in dict.fromkeys([*was, *now]) if was.get(name) != now.get(name)]
    left, right = ({name: each[name] for name in names if name in each} for each in (was, now))
    if STEP in left and STEP in right:
        inner = _differing(left[STEP][0], right[STEP][0])  # type: ignore[arg-type]  # always one item
        left[STEP], right[STEP] = ([each] for each in inner)
    return left, right


def _listed(item: Item) -> Mapping[str, str]:
    return listing.attributes(encoding.decode(encoding.encode(item))) if item else {}
