"""A worklist item as lines for people: one path and one text for each attribute, sequences unfolded (PS3.5 7.5)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from swf.dicom import charset, encoding

_NOT_CONTENT = frozenset({"SpecificCharacterSet"})


class Element(NamedTuple):
    """One element as it stands in a dataset; of a sequence `text` is how many items it has."""

    path: str
    tag: str
    vr: str
    text: str


def elements(dataset: Dataset, around: str = "") -> Iterator[Element]:
    """Every element in its order, those of each item of a sequence after the sequence itself."""
    for element in dataset:
        path = f"{around}{element.keyword or 'unknown'}"
        tag = f"({element.tag.group:04X},{element.tag.element:04X})"
        if element.VR != "SQ":
            yield Element(path, tag, element.VR, _text(element.value))
            continue
        yield Element(path, tag, element.VR, f"{len(element.value)} item{'' if len(element.value) == 1 else 's'}")
        for number, item in enumerate(element.value, start=1):
            yield from elements(item, f"{path}{f'[{number}]' if number > 1 else ''}/")


def attributes(dataset: Dataset) -> dict[str, str]:
    """Path → value, such as `ScheduledProcedureStepSequence/Modality` → `CT`; `[2]` counts the items of a sequence."""
    return dict(_lines(dataset, ""))


def _lines(dataset: Dataset, around: str) -> Iterator[tuple[str, str]]:
    for element in dataset:
        path = f"{around}{element.keyword}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value, start=1):
                yield from _lines(item, f"{path}{f'[{number}]' if number > 1 else ''}/")
        elif element.keyword not in _NOT_CONTENT:
            yield path, _text(element.value)


def columns(item: bytes, keywords: Iterable[str], sequence: str = "", terms: tuple[str, ...] = ()) -> dict[str, str]:
    """The values of a few attributes of an answer in Implicit VR Little Endian, without what it is not told of.

    With `sequence` those of its first item, in the character set `terms`. A page of answers is read ten times as quickly
    as by datasets. ValueError when it is not as we write it.
    """
    found = encoding.contents(item)
    if sequence:
        within = encoding.items(found.get(encoding.layout(sequence).tag, b""))
        return columns(within[0], keywords, terms=terms_of(item)) if within else {}
    tags = {keyword: encoding.layout(keyword).tag for keyword in keywords}
    texts = {keyword: charset.decode(found[tag], terms) for keyword, tag in tags.items() if tag in found}
    return {keyword: "\\".join(each.strip(" \0") for each in text.split("\\")) for keyword, text in texts.items()}


def terms_of(item: bytes) -> tuple[str, ...]:
    """The character set an answer declares."""
    declared = encoding.contents(item).get(encoding.SPECIFIC_CHARACTER_SET, b"").decode("ascii")
    return charset.standard([each.strip() for each in declared.split("\\")])


def _text(value: object) -> str:
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
