"""What N-CREATE and N-SET of a Modality Performed Procedure Step must, may and must not carry (RAD-6, RAD-7; PS3.4 F.7.2).

Three measures for the same table. `standard` demands what the step cannot be understood without and notes the rest,
because a refused report is a lost one; `strict` demands the whole table; `lenient` refuses only what would contradict
what is known, and notes everything that was missing.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from pydicom import datadict
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

from swf import errors
from swf.dicom import charset, encoding, reading, status, terms
from swf.dicom.mpps_table import FIXED, KEYWORDS, SCHEDULED_STEPS, SERIES, STATUS, TABLE, PerformedAttribute

Rules: TypeAlias = Literal["strict", "standard", "lenient"]
Findings: TypeAlias = Iterator[str]

_OWN = ("", SCHEDULED_STEPS, SERIES)
DEMANDED: dict[Rules, tuple[PerformedAttribute, ...]] = {
    "strict": tuple(row for row in TABLE if row.on_create != "3"),
    "standard": tuple(
        row for row in TABLE if row.on_create == "1" and row.path in _OWN and row.keyword != SCHEDULED_STEPS
    ),
    "lenient": (),
}
_IN_A_SET = tuple(row for row in TABLE if row.path.startswith(SERIES))
_UNKNOWN = "\ufffd"  # what stands for bytes nobody can read
_SPELLINGS = {
    "INPROGRESS": terms.PerformedStatus.IN_PROGRESS,
    "COMPLETE": terms.PerformedStatus.COMPLETED,
    "COMPLETED": terms.PerformedStatus.COMPLETED,
    "DISCONTINUED": terms.PerformedStatus.DISCONTINUED,
}
_CODES = ("CodeValue", "LongCodeValue", "URNCodeValue")


def repaired(dataset: Dataset, *, creating: bool) -> tuple[Dataset, list[str]]:
    """What a lenient caller sent, put right where it can only be meant one way; what was done, as warnings.

    A status in another spelling, and one that a new step does not name at all.
    """
    told = reading.text(dataset, STATUS)
    meant = _SPELLINGS.get(re.sub(r"[ _-]", "", told.upper()))
    if not told and creating:
        meant = terms.PerformedStatus.IN_PROGRESS
    if meant is None or meant == told:
        return dataset, []
    fresh = copy.deepcopy(dataset)
    setattr(fresh, STATUS, str(meant))
    return fresh, [f"{STATUS} is {'misspelt' if told else 'missing'} and taken for {meant}"]


# ---- N-CREATE ----


def check_create(dataset: Dataset, rules: Rules = "standard", misread: Sequence[str] = ()) -> list[str]:
    """Warnings about an N-CREATE that can be stored (PS3.4 F.7.2.1).

    MissingAttribute or MissingValue when something the rules demand is absent or empty, InvalidValue when the status is
    not IN PROGRESS. That nothing had been scheduled is refused by strict rules only. `misread` is what `legible` had to mend.
    """
    demanded = DEMANDED[rules]
    _refuse(errors.MissingAttribute, "required and absent", _absent(dataset, demanded))
    _refuse(errors.MissingValue, "required and empty", _empty(dataset, demanded))
    if reading.text(dataset, STATUS) != terms.PerformedStatus.IN_PROGRESS:
        raise errors.InvalidValue("a step is created IN PROGRESS and no other", keywords=(STATUS,))
    codes, garbled = list(_code_faults(dataset)), [*misread, *_garbled(dataset)]
    if rules == "strict":
        _refuse(errors.MissingValue, "a code without what it needs", codes)
        _refuse(errors.InvalidValue, "not text of a known character set", garbled)
    left = [row for row in TABLE if row not in demanded and row.keyword != SCHEDULED_STEPS]
    return [
        *_warn_unscheduled(dataset),
        *_warn_lacking(dataset, left, "on_create"),
        *(f"{name} is missing in a code" for name in codes),
        *map(_misread, garbled),
        *_warn_odd_values(dataset),
        *_warn_unreadable(dataset),
    ]


def _misread(name: str) -> str:
    return f"{name} is not in the character set the report declares"


def _refuse(kind: type[errors.ProcedureStepError], sentence: str, names: Iterable[str]) -> None:
    found = list(dict.fromkeys(names))
    if found:
        raise kind(f"{sentence}: {', '.join(found)}", keywords=found)


def _absent(dataset: Dataset, rows: Iterable[PerformedAttribute]) -> Findings:
    return (_name(row) for row in rows if any(row.keyword not in place for place in reading.places(dataset, row.path)))


def _empty(dataset: Dataset, rows: Iterable[PerformedAttribute]) -> Findings:
    for row in rows:
        places = reading.places(dataset, row.path)
        if row.on_create == "1" and any(not reading.valued(place, row.keyword) for place in places):
            yield _name(row)


def _name(row: PerformedAttribute) -> str:
    """How a row is named: by its keyword, with its path where several rows have the same."""
    return row.keyword if row.path in _OWN else f"{row.path}/{row.keyword}"


def _warn_unscheduled(dataset: Dataset) -> Findings:
    if not reading.places(dataset, SCHEDULED_STEPS):
        yield f"{SCHEDULED_STEPS} is absent or empty: nothing was scheduled"


def _warn_lacking(
    dataset: Dataset, rows: Iterable[PerformedAttribute], column: Literal["on_create", "on_set"]
) -> Findings:
    """What the table wants and nobody demands: type 1 without a value, type 2 that is not even there."""
    for row in rows:
        kind = getattr(row, column)
        places = reading.places(dataset, row.path)
        if kind in ("1", "2") and any(row.keyword not in place for place in places):
            yield f"{_name(row)} is absent (type {kind})"
        elif kind == "1" and not all(reading.valued(place, row.keyword) for place in places):
            yield f"{_name(row)} is empty (type 1)"


def _code_faults(dataset: Dataset) -> Findings:
    """What the items of code sequences, at any depth, lack (PS3.4 F.7.2.1.1: none of it may be without a value)."""
    for element in reading.elements(dataset):
        if element.VR != "SQ":
            continue
        for item in element.value:
            if element.keyword.endswith("CodeSequence") and len(item):
                yield from (f"{element.keyword}/{name}" for name in _lacking(item))
            yield from () if reading.is_reference(item) else _code_faults(item)


def _lacking(code: Dataset) -> Findings:
    if not any(reading.valued(code, keyword) for keyword in _CODES):
        yield "CodeValue"
    elif not reading.valued(code, "CodingSchemeDesignator") and not reading.valued(code, "URNCodeValue"):
        yield "CodingSchemeDesignator"
    if not reading.valued(code, "CodeMeaning"):
        yield "CodeMeaning"


def _garbled(dataset: Dataset) -> Findings:
    """Text, at any depth, with bytes that mean nothing in the declared character set; a set nobody knows is named itself."""
    declared = dataset.get("SpecificCharacterSet") or ""
    terms = [declared] if isinstance(declared, str) else list(declared)
    yield from ("SpecificCharacterSet" for term in terms if not charset.standard([term]) and term)
    for element in reading.elements(dataset):
        if element.VR == "SQ":
            for item in element.value:
                yield from () if reading.is_reference(item) else _garbled(item)
        elif _UNKNOWN in str(element.value):
            yield element.keyword or str(element.tag)


def _warn_unreadable(dataset: Dataset) -> Findings:
    return (
        f"{datadict.keyword_for_tag(tag) or tag} cannot be read and is left out" for tag in reading.unreadable(dataset)
    )


def _warn_odd_values(dataset: Dataset) -> Findings:
    checked = [
        (dataset, "PerformedProcedureStepStartDate"),
        (dataset, "PerformedProcedureStepStartTime"),
        *((item, "StudyInstanceUID") for item in reading.places(dataset, SCHEDULED_STEPS)),
        *((item, "SeriesInstanceUID") for item in reading.places(dataset, SERIES)),
    ]
    return (
        f"{keyword} {fault}"
        for place, keyword in checked
        for fault in encoding.violations(keyword, reading.text(place, keyword))
    )


# ---- N-SET ----


def check_set(
    stored: Dataset,
    changes: Dataset,
    rules: Rules = "standard",
    after: Dataset | None = None,
    misread: Sequence[str] = (),
) -> list[str]:
    """Warnings about an N-SET that can be merged into `stored` (PS3.4 F.7.2.2); `after` when it has been, for trial.

    StepClosed (Error ID A710) when the step has ended; InvalidValue for an unknown status or an attribute that may not
    change any more (the same value again is no change); MissingValue when the step would end without what table
    F.7.2-1 demands of a final state. Strict rules also refuse what was never created (NoSuchAttribute) and series that
    say less than the table; lenient ones let a step end half reported and leave alone what may not change.
    """
    refuse_closed(stored)
    _refuse_status(changes)
    if rules == "strict":
        _refuse(errors.NoSuchAttribute, "never created", _never_created(stored, changes))
        _refuse(errors.InvalidValue, "may not be changed by N-SET", (name for name in FIXED if name in changes))
        lacking = (f"{warning.partition(' ')[0]}" for warning in _warn_lacking(changes, _IN_A_SET, "on_set"))
        _refuse(errors.MissingValue, "required and missing", (*lacking, *_code_faults(changes)))
    garbled = [*misread, *_garbled(changes)]
    if rules == "strict":
        _refuse(errors.InvalidValue, "not text of a known character set", garbled)
    changed = list(_changed(stored, changes))
    unfinished = list(_unfinished(merge(stored, changes) if after is None else after))
    if rules != "lenient":
        _refuse(errors.InvalidValue, "may not be changed by N-SET", changed)
        _refuse(errors.MissingValue, "needed to end the step", unfinished)
    return [
        *(f"{name} may not be changed and keeps its value" for name in changed),
        *(f"{name} is missing although the step has ended" for name in unfinished),
        *_warn_kept(stored, changes),
        *(f"{name} was never created" for name in _never_created(stored, changes) if name in KEYWORDS),
        *_warn_lacking(changes, _IN_A_SET, "on_set"),
        *(f"{name} is missing in a code" for name in _code_faults(changes)),
        *map(_misread, garbled),
        *_warn_unreadable(changes),
    ]


def refuse_closed(stored: Dataset) -> None:
    """StepClosed when the step has ended: COMPLETED and DISCONTINUED are final (PS3.4 F.7.2.2.2)."""
    if reading.text(stored, STATUS) in terms.FINAL:
        raise errors.StepClosed(
            "Performed Procedure Step Object may no longer be updated", error_id=status.MAY_NO_LONGER_BE_UPDATED
        )


def _refuse_status(changes: Dataset) -> None:
    if STATUS not in changes:
        return
    if not reading.valued(changes, STATUS):
        raise errors.MissingValue("the status is empty", keywords=(STATUS,))
    if reading.text(changes, STATUS) not in tuple(terms.PerformedStatus):
        raise errors.InvalidValue("the status is none of a performed procedure step", keywords=(STATUS,))


def _changed(stored: Dataset, changes: Dataset) -> Findings:
    """Fixed attributes that come with another value; the same one again is no change."""
    for keyword in FIXED:
        told = reading.valued(changes, keyword)
        if told and reading.plain(stored.get(keyword)) != reading.plain(changes.get(keyword)):
            yield keyword


def _never_created(stored: Dataset, changes: Dataset) -> Findings:
    for tag in changes.keys():  # noqa: SIM118 - a dataset is no dict
        if tag not in stored and tag != encoding.SPECIFIC_CHARACTER_SET and tag.element:
            yield datadict.keyword_for_tag(tag) or str(tag)


def _unfinished(after: Dataset) -> Findings:
    """What a step that has ended lacks; nothing while it is in progress."""
    if reading.text(after, STATUS) not in terms.FINAL:
        return
    for row in TABLE:
        places = reading.places(after, row.path, empty=True)
        if row.at_end and not all(reading.valued(place, row.keyword) for place in places):
            yield row.keyword


def _warn_kept(stored: Dataset, changes: Dataset) -> Findings:
    """A fixed attribute that is sent again empty."""
    for keyword in FIXED:
        if keyword in changes and not reading.valued(changes, keyword) and reading.valued(stored, keyword):
            yield f"{keyword} is sent empty and keeps its value"


def merge(stored: Dataset, changes: Dataset) -> Dataset:
    """`stored` with the values of `changes`; sequences are replaced whole, attributes N-SET may not touch stay.

    Either side is read with its own character set; the result is in ISO_IR 192 (PS3.4 F.7.2.2.2).
    """
    merged = Dataset(dict(stored.items())) if is_unicode(stored) else in_unicode(stored)
    for element in in_unicode(changes):
        if element.keyword not in FIXED:
            merged[element.tag] = element
    return merged


def is_unicode(dataset: Dataset) -> bool:
    """Whether a dataset says of itself that it is in ISO_IR 192, as all are that are kept."""
    return reading.text(dataset, "SpecificCharacterSet") == charset.UNICODE


def in_unicode(dataset: Dataset) -> Dataset:
    """A copy with every text decoded, declared as ISO_IR 192 at the top and nowhere else."""
    fresh = _decoded(dataset)
    fresh.SpecificCharacterSet = charset.UNICODE
    return fresh


def _decoded(dataset: Dataset) -> Dataset:
    found: dict[BaseTag, DataElement | RawDataElement] = {
        element.tag: _item_by_item(element) if element.VR == "SQ" else element
        for element in reading.elements(dataset)
        if element.tag != encoding.SPECIFIC_CHARACTER_SET
    }
    return Dataset(found)


def _item_by_item(sequence: DataElement) -> DataElement:
    return DataElement(sequence.tag, "SQ", DicomSequence(map(_item, sequence.value)))


def _item(item: Dataset) -> Dataset:
    return item if reading.is_reference(item) else _decoded(item)
