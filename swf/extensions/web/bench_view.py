"""What the mapping bench shows: messages under the mapping in force and under the drafts, line by line, patients masked."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from fastapi import HTTPException

from swf.extensions.web import mask
from swf.extensions.web.language import _
from swf.hl7 import batch
from swf.model.message import Disposition
from swf.store.database import Database, Record
from swf.workflow import account
from swf.workflow.difference import Changed, Compared, Group
from swf.workflow.site import Site

MOST_PASTED = 20
_PLACE = re.compile(r"\b([A-Z][A-Z0-9]{2})(?:\[[^\]]*\])?-\d")
_OF_ORDERS = frozenset({"MSH", "ORC", "OBR", "TQ1", "IPC", "ZDS"})
_EMPTY = re.compile(
    r'there is no \w+|\S+ is empty|\S+ is "" \(NULL\), which clears what is stored|the line names no place|no line any more'
)
_MARK = b"\xef\xbb\xbf"  # makes pasted text UTF-8, whatever MSH-18 says of the file it was copied from


class Line(NamedTuple):
    """One attribute: its value by the drafts if there are any, else as it is in force; `before` differs where it changes."""

    attribute: str
    value: str
    before: str
    changed: bool
    place: str
    function: str
    line: str
    why_empty: str


class Item(NamedTuple):
    """What the mapping makes of one step."""

    title: str
    lines: list[Line]
    warnings: list[str]


class Look(NamedTuple):
    """A message: what becomes of it now and, when there are drafts, what would."""

    title: str
    items: list[Item]
    added: list[dict[str, str]]
    refusal: str
    refusal_before: str


class Came(NamedTuple):
    """A message to look at; `peer` and `door` are empty for one that nobody sent."""

    raw: bytes
    peer: str = ""
    door: int = 0
    broken: str = ""


def stored(row: Record) -> Came:
    """A message of the store."""
    return Came(bytes(row.raw), row.peer, row.door, row.reason if row.disposition == Disposition.BROKEN else "")


def given(said: Mapping[str, str]) -> list[Came]:
    """The messages somebody pasted as text, or dropped as a file; raises HTTPException when they cannot be read."""
    if said.get("bytes"):
        try:
            content = base64.b64decode(said["bytes"], validate=True)
        except binascii.Error as error:
            raise HTTPException(400, _("the file did not arrive whole")) from error
        pieces = batch.split(content.translate(None, b"\x0b\x1c"))
    else:
        pieces = [_MARK + piece for piece in batch.split(said.get("text", "").encode())]
    found = [
        piece.replace(b"\r\n", b"\r").replace(b"\n", b"\r") for piece in pieces if piece.removeprefix(_MARK).strip()
    ]
    return [Came(piece) for piece in found[:MOST_PASTED]]


def looks(database: Database, sites: tuple[Site, Site | None], came: Iterable[Came], *, revealed: bool) -> list[Look]:
    """Each message under the mapping in force and, when there are drafts, under them; tried in a store that forgets."""
    return [_look(database, sites, each, revealed=revealed) for each in came]


def _look(database: Database, sites: tuple[Site, Site | None], came: Came, *, revealed: bool) -> Look:
    now, then = (
        account.of(site.at_door(came.door), came.raw, came.peer, database.rehearse) if site else None for site in sites
    )
    assert now is not None  # noqa: S101  the first of `sites` always is a site
    best = then if then is not None and (then["items"] or not now["items"]) else now
    before = now["items"] if then is not None else best["items"]
    items = [_item(new, old, revealed=revealed) for new, old in zip_longest(best["items"], before)]
    added = [each | {"value": _masked(each["attribute"], each["value"], revealed)} for each in best["added"]]
    whole = f"the message did not come whole: {came.broken}" if came.broken else ""
    refusal = whole or (then or now)["refusal"]
    return Look(f"{best['type']} {best['control_id']}", items, added, refusal, now["refusal"] if then else refusal)


def _item(new: Mapping[str, Any] | None, old: Mapping[str, Any] | None, *, revealed: bool) -> Item:
    values = {line["attribute"]: line["value"] for line in (old["lines"] if old else ())}
    lines = list(new["lines"]) if new else []
    known = {line["attribute"] for line in lines}
    gone = [line | {"value": "", "why_empty": "no line any more"} for line in (old["lines"] if old else ())]
    lines += [line for line in gone if line["attribute"] not in known and values[line["attribute"]]]
    title, warnings = (new or old or {})["title"], list((new or {"warnings": []})["warnings"])
    return Item(
        title,
        [_line(line, values.get(line["attribute"], "") if old else line["value"], revealed) for line in lines],
        warnings,
    )


def _line(line: Mapping[str, str], before: str, revealed: bool) -> Line:
    attribute, value = line["attribute"], line["value"]
    shown, was = (_masked(attribute, each, revealed) for each in (value, before))
    where = (line["from"], line["function"], line["line"])
    why = line["why_empty"] if revealed else _harmless(attribute, line["why_empty"])
    return Line(attribute, shown, was, value != before, *where, why)


def _harmless(attribute: str, why: str) -> str:
    """A reason that may quote the message is given for fields of orders only; others say no more than that they are empty."""
    ours = not mask.is_of_the_patient(attribute) and all(name in _OF_ORDERS for name in _PLACE.findall(why))
    return why if ours or all(_EMPTY.fullmatch(part) for part in why.split("; ")) else mask.MASK


def _masked(attribute: str, value: str, revealed: bool) -> str:
    return mask.MASK if value and not revealed and mask.is_of_the_patient(attribute) else value


def compared(found: Sequence[Compared], *, revealed: bool) -> list[Compared]:
    """Messages of a difference, behind the mask until revealed."""
    return [each._replace(changes=tuple(changes(each.changes, revealed=revealed))) for each in found]


def changes(found: Iterable[Changed], *, revealed: bool) -> Iterator[Changed]:
    """Changes of attributes, behind the mask until revealed."""
    for each in found:
        before, after = (_masked(each.attribute, text, revealed) for text in (each.before, each.after))
        yield each._replace(before=before, after=after)


def groups(found: Iterable[Group], *, revealed: bool) -> list[Group]:
    """By attribute; examples of what says who a patient is only when revealed."""
    return [
        each if revealed or not mask.is_of_the_patient(each.attribute) else each._replace(pairs=()) for each in found
    ]
