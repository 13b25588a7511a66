"""Text whose bytes mean nothing in the declared character set, read without losing a byte (RAD-6, RAD-7; PS3.3 C.12.1.1.2).

pydicom puts U+FFFD in the place of what it cannot read, and then two names become one. Here such a text is read as UTF-8
when it is that, else as Latin-1, which has a letter for every byte: what came can be told from what is kept.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pydicom import config as pydicom_config
from pydicom import datadict
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from swf.dicom import charset, reading

_TEXT, _OF_SEVERAL_VALUES = frozenset({"PN", "LO", "SH", "UC", "ST", "LT", "UT"}), frozenset({"PN", "LO", "SH", "UC"})
_ESCAPE, _UNKNOWN = b"\x1b", "\ufffd"


def make(dataset: Dataset) -> list[str]:
    """Put readable text, in place, where the bytes do not fit the declaration; the names of those attributes.

    Only what has not been looked at yet can be put right: this comes first.
    """
    return list(_made(dataset, ()))


def _made(dataset: Dataset, inherited: Sequence[str]) -> Iterator[str]:
    terms = _declared(dataset) if "SpecificCharacterSet" in dataset else inherited
    for tag in sorted(dataset.keys()):
        element: Any = dataset.get_item(tag)  # what pydicom has not converted yet is a RawDataElement
        vr = element.VR or _vr_of(tag)
        if vr == "SQ":
            for item in dataset[tag].value:
                yield from () if reading.is_reference(item) else _made(item, terms)
        elif vr in _TEXT and isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            text = _mended(element.value, terms)
            if text is not None:
                values = text.split("\\") if vr in _OF_SEVERAL_VALUES and "\\" in text else text
                dataset[tag] = DataElement(tag, vr, values, validation_mode=pydicom_config.IGNORE)
                yield datadict.keyword_for_tag(tag) or str(tag)


def _declared(dataset: Dataset) -> Sequence[str]:
    return charset.standard(reading.text(dataset, "SpecificCharacterSet").split("\\"))


def _vr_of(tag: BaseTag) -> str:
    return datadict.dictionary_VR(tag) if datadict.dictionary_has_tag(tag) else ""


def _mended(raw: bytes, terms: Sequence[str]) -> str | None:
    """The text of bytes that are none in these terms; None for those that are."""
    if raw.isascii() and _ESCAPE not in raw:
        return None
    extended = _ESCAPE in raw and len(terms) > 1
    if not extended and _ESCAPE not in raw:
        try:
            raw.decode(charset.TERMS[terms[0]] if terms else "ascii")
        except UnicodeDecodeError:
            return charset.decode(raw, terms).rstrip(" \0")
        return None
    return raw.decode("latin_1").rstrip(" \0") if _UNKNOWN in charset.decode(raw, terms) else None
