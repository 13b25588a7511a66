"""Where each attribute of a stored step came from: of the messages about its order, the last one that says it (RAD-2, RAD-4).

Each message is explained by the mapping as it is now. An attribute nobody explains was generated, or came by a mapping
that has since changed, or with a message of another kind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from swf.errors import MessageError
from swf.hl7.header import read_header
from swf.mapping.explain import Explanation, Finding
from swf.sentence import say
from swf.store.database import Record
from swf.workflow import account, intake
from swf.workflow.account import GENERATED
from swf.workflow.site import Site


class Origin(NamedTuple):
    """The place in message row `message`, the function that read it and its line in the mapping; or just `why`."""

    message: int = 0
    place: str = ""
    function: str = ""
    line: str = ""
    why: str = ""


Explained = tuple[int, Explanation]
"""A message row and one of the items the mapping makes of it."""


def explained(site: Site, rows: Iterable[Record]) -> list[Explained]:
    """What the mapping makes of these messages, in their order; nothing of one it cannot read."""
    return [(row.id, item) for row in rows for item in _items(site, row)]


def _items(site: Site, row: Record) -> list[Explanation]:
    header = read_header(row.raw)
    own = site.at_door(row.door).for_source(header, row.peer)
    try:
        content, _ = intake.read(own, bytes(row.raw), header)
        return [item for item in account.mapped(own, content) if not item.refusal]
    except MessageError:
        return []


def of_step(found: Sequence[Explained], step_id: str, attributes: Mapping[str, str]) -> dict[str, Origin]:
    """The origin of each of a step's attributes, by its path; every path is there."""
    origins: dict[str, Origin] = {}
    for number, item in sorted(found, key=lambda each: (_names(each[1], step_id), each[0]), reverse=True):
        for path, value in item.listed.items():
            if path not in origins and attributes.get(path) == value and (said := _said(item, path)):
                origins[path] = Origin(number, said.origin, said.function, said.line)
    return {path: origins.get(path) or Origin(why=_unsaid(path)) for path in attributes}


def _names(item: Explanation, step_id: str) -> bool:
    return step_id in item.listed.values()


def _said(item: Explanation, path: str) -> Finding | None:
    """What the mapping says of an attribute, or of the sequence it is in."""
    around: Iterator[Finding] = (each for each in item.findings if f"{path}/".startswith(f"{each.attribute}/"))
    return max(around, key=lambda each: len(each.attribute), default=None)


def _unsaid(path: str) -> str:
    return GENERATED.get(path.rpartition("/")[2], say("kept from before"))
