"""Reads values out of a dataset as a peer wrote it: text without padding, items, and what cannot be read left aside."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from pydicom import datadict
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

# Referenced SOP Class UID, SOP Instance UID and Frame Number: plain ASCII whatever the character set
_REFERENCE = frozenset({BaseTag(0x00081150), BaseTag(0x00081155), BaseTag(0x00081160)})


def is_reference(item: Dataset) -> bool:
    """Whether an item names an instance and says nothing else, as hundreds of a report may: nothing in it to look at."""
    return item.keys() <= _REFERENCE


def text(dataset: Dataset, keyword: str) -> str:
    """The value as text, several joined by a backslash; "" when absent or empty."""
    return value_text(dataset.get(keyword))


def value_text(value: Any) -> str:
    """A value as text without padding, several joined by a backslash."""
    if value is None:
        return ""
    texts = value if isinstance(value, MultiValue | list | tuple) else [value]
    return "\\".join(str(each) for each in texts).strip(" \0")


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none when it is absent or no sequence."""
    value = dataset.get(keyword)
    return list(value) if isinstance(value, DicomSequence) else []


def places(dataset: Dataset, path: str, *, empty: bool = False) -> list[Dataset]:
    """The datasets `path` leads to, sequences joined by "/", "" for the dataset itself.

    An item without any element is what some modalities send for no item; such count only with `empty`.
    """
    found = [dataset]
    for keyword in filter(None, path.split("/")):
        found = [item for place in found for item in items(place, keyword) if empty or len(item)]
    return found


def valued(dataset: Dataset, keyword: str) -> bool:
    """Whether the attribute has a value: a text that is more than padding, a sequence with an item that says something."""
    tag = datadict.tag_for_keyword(keyword)
    element: Any = dataset.get_item(tag) if tag is not None and tag in dataset else None
    if isinstance(element, RawDataElement) and tag in _REFERENCE and isinstance(element.value, bytes):
        return element.value.strip(b" \0") != b""  # hundreds of images: not worth a conversion
    value = dataset.get(keyword)
    if isinstance(value, DicomSequence):
        return any(len(item) > 0 for item in value)
    return value_text(value) != ""


def plain(value: Any) -> Any:
    """A value in a form that compares by meaning: text without padding, items as dictionaries."""
    if isinstance(value, DicomSequence):
        return [{element.tag: plain(element.value) for element in elements(item)} for item in value]
    return value_text(value)


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """Every element but binary numbers of the wrong length, which would make the whole dataset unreadable."""
    return (element for element in map(partial(_element, dataset), sorted(dataset.keys())) if element is not None)


def unreadable(dataset: Dataset) -> Iterator[BaseTag]:
    """The tags, at any depth, of what `elements` leaves out."""
    for tag in sorted(dataset.keys()):
        element = _element(dataset, tag)
        if element is None:
            yield tag
        elif element.VR == "SQ":
            for item in element.value:
                yield from () if is_reference(item) else unreadable(item)


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        return dataset[tag]
    except BytesLengthException:
        return None
