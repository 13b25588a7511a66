"""Whether a scanner's console can show a worklist item: PS3.4 table K.6-1, PS3.5 6.2, and what this kind of it takes.

Written from the standard and not from what the broker checks, so that both have to be wrong to agree in a mistake.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from pydicom import datadict
from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from swf.extensions.simulator.devices import Device

LONGEST = {  # characters, PS3.5 table 6.2-1
    "AE": 16,
    "AS": 4,
    "CS": 16,
    "DA": 8,
    "DS": 16,
    "DT": 26,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "PN": 64,
    "SH": 16,
    "ST": 1024,
    "TM": 14,
    "UI": 64,
}
FORMS = {
    "AE": r"[ -\[\]-~]*",
    "AS": r"\d{3}[DWMY]",
    "CS": r"[A-Z0-9 _]*",
    "DA": r"\d{8}",
    "DS": r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *",
    "IS": r" *[+-]?\d+ *",
    "TM": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)? *",
    "UI": r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*",
}
_TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_MANY_LINES = frozenset({"LT", "ST", "UT"})
_DESCRIBED_BY = (
    ("RequestedProcedureDescription", "RequestedProcedureCodeSequence"),
    ("ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence"),
)
_CODED = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
_STEPS = "ScheduledProcedureStepSequence"
_CONTROL = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f]")
_MIXED = b"\x1b"


class Violation(NamedTuple):
    """One thing the console cannot take: the attribute, sequences before it joined by `/`, and why."""

    attribute: str
    why: str

    def __str__(self) -> str:
        return f"{self.attribute} {self.why}"


def violations(item: Dataset, device: Device) -> list[Violation]:
    """Everything in a worklist item that this device would choke on."""
    # What cannot be decoded has to be found in the bytes, before anybody asks pydicom for a value.
    undecodable = list(_undecodable(item, _declared(item)))
    return [*_set(item, device), *undecodable, *_missing(item, device), *_values(item, device, "")]


def beside_the_question(item: Dataset, asked: Dataset) -> list[Violation]:
    """What is not as it was asked for: station, modality, day, patient or accession number (PS3.4 K.2.2)."""
    found = [
        Violation(keyword, "is not the one asked for")
        for keyword in ("PatientID", "AccessionNumber")
        if asked.get(keyword) and str(item.get(keyword, "")) != str(asked[keyword].value)
    ]
    wanted, steps = asked.get(_STEPS) or [], item.get(_STEPS) or []
    for keyword in ("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"):
        if wanted and steps and (value := wanted[0].get(keyword)):
            shown = steps[0].get(keyword, "")
            if str(value) not in ([str(each) for each in shown] if isinstance(shown, MultiValue) else [str(shown)]):
                found.append(Violation(f"{_STEPS}/{keyword}", "is not the one asked for"))
    return found


def _declared(item: Dataset) -> str:
    declared = item.get("SpecificCharacterSet", "") or ""
    return "\\".join(map(str, declared)) if isinstance(declared, MultiValue) else str(declared)


def _set(item: Dataset, device: Device) -> Iterator[Violation]:
    declared = _declared(item)
    if declared not in device.reads:
        yield Violation("SpecificCharacterSet", f"is {declared or 'not declared'}, which this device does not know")


def _undecodable(dataset: Dataset, declared: str, path: str = "") -> Iterator[Violation]:
    encoding = python_encoding.get(declared or "ISO_IR 6", "")
    for tag in list(dataset.keys()):
        element: Any = dataset.get_item(tag)
        vr = element.VR or _vr(element.tag)
        if vr == "SQ":
            for nested in dataset[tag].value:
                yield from _undecodable(nested, declared, f"{path}{_name(element.tag)}/")
        elif vr in _TEXTS and isinstance(element, RawDataElement) and not _fits(element.value or b"", encoding):
            yield Violation(f"{path}{_name(element.tag)}", f"is not written in {declared or 'ASCII'}")


def _fits(value: bytes, encoding: str) -> bool:
    if not encoding or _MIXED in value:
        return True  # code extensions: pydicom reads them, and warns
    try:
        value.decode("ascii" if encoding == "iso8859" else encoding)
    except UnicodeDecodeError:
        return False
    return True


def _missing(item: Dataset, device: Device) -> Iterator[Violation]:
    steps = item.get(_STEPS) or []
    if len(steps) != 1:
        yield Violation(_STEPS, f"has {len(steps)} items, and must have one")
    yield from (Violation(keyword, "has no value") for keyword in device.needs if not _has(item, keyword))
    for keyword in device.present:
        if keyword not in item:
            yield Violation(keyword, "is not there, although it was asked for")
    for step in steps:
        empty = (keyword for keyword in device.step_needs if not _has(step, keyword))
        yield from (Violation(f"{_STEPS}/{keyword}", "has no value") for keyword in empty)
    yield from _undescribed((item, *steps[:1]))


def _undescribed(datasets: Iterable[Dataset]) -> Iterator[Violation]:
    for dataset, (text, codes) in zip(datasets, _DESCRIBED_BY, strict=False):
        if not _has(dataset, text) and not dataset.get(codes):
            yield Violation(text, f"has no value, and {codes} no item")


def _has(dataset: Dataset, keyword: str) -> bool:
    return dataset.get(keyword) not in (None, "", [])


def _values(dataset: Dataset, device: Device, path: str) -> Iterator[Violation]:
    for element in dataset:
        place = f"{path}{_name(element.tag)}"
        if element.VR == "SQ":
            yield from _items(element, device, place)
        elif element.VR in LONGEST and element.value not in (None, ""):
            yield from (Violation(place, why) for why in _wrong(element, device))


def _items(element: DataElement, device: Device, place: str) -> Iterator[Violation]:
    for nested in element.value:
        if not len(nested):
            yield Violation(place, "has an item with nothing in it")
        elif place.endswith("CodeSequence"):
            for keyword in _CODED:
                if not _has(nested, keyword):
                    yield Violation(f"{place}/{keyword}", "has no value")
        yield from _values(nested, device, f"{place}/")


def _wrong(element: DataElement, device: Device) -> Iterator[str]:
    values = list(element.value) if isinstance(element.value, MultiValue) else [element.value]
    if len(values) > 1 and datadict.dictionary_has_tag(element.tag) and datadict.dictionary_VM(element.tag) == "1":
        yield "has several values, and may have one"
    for value in map(_text, values):
        if element.VR == "PN":
            yield from _wrong_name(value, device)
        elif value and element.VR in FORMS and not re.fullmatch(FORMS[element.VR], value):
            yield f"is no {element.VR}"
        elif len(value) > LONGEST[element.VR]:
            yield f"is {len(value)} characters long, and {element.VR} may be {LONGEST[element.VR]}"
        elif element.VR == "DA" and value and not _is_day(value):
            yield "is no day of the calendar"
        if element.VR not in _MANY_LINES and _CONTROL.search(value):
            yield "holds a control character"


def _wrong_name(value: str, device: Device) -> Iterator[str]:
    groups = value.split("=")
    if len(groups) > device.name_forms:
        yield f"has {len(groups)} forms, and this device takes {device.name_forms}"
    for group in groups:
        if len(group) > device.name_length:
            yield f"is {len(group)} characters long, and may be {device.name_length}"
        if len(group.split("^")) > device.name_parts:
            yield f"has {len(group.split('^'))} parts, and this device takes {device.name_parts}"


def _text(value: object) -> str:
    """As it was written: pydicom's numbers and times remember that, its names remember bytes."""
    written = getattr(value, "original_string", value)
    return written if isinstance(written, str) else str(value)


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _vr(tag: BaseTag) -> str:
    return datadict.dictionary_VR(tag) if datadict.dictionary_has_tag(tag) else "UN"


def _name(tag: BaseTag) -> str:
    return datadict.keyword_for_tag(tag) or str(tag)
