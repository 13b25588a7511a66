"""Orders in, keys in, steps out, against matching written a second time as simply as PS3.4 C.2.2.2 says it.

The second matcher knows nothing of columns, folding or SQL: it reads the order's own values, one after the other.
"""

import re
import unicodedata
from collections.abc import Callable
from io import BytesIO
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom import dsutils
from sqlalchemy import Connection

from swf.dicom import columns, encoding, worklist
from swf.store import worklist as store
from swf.store.database import Database
from tests import rows
from tests.net.dicom_peer import dataset

SPS = "ScheduledProcedureStepSequence"
DATE, TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"

Item = dict[str, str]


# ---- matching, the simple way ----


def has_plain(value: str, key: str) -> bool:
    """AE, LO, SH, CS: `*` is anything, `?` one character, spaces around do not count."""
    signs = {"*": ".*", "?": "."}
    pattern = "".join(signs.get(sign) or re.escape(sign) for sign in key.strip(" "))
    return bool(re.fullmatch(pattern, value.strip(" "), re.DOTALL))


def has_code(value: str, key: str) -> bool:
    """CS has capitals only."""
    return has_plain(value.upper(), key.upper())


def has_uid(value: str, key: str) -> bool:
    """UI knows no wildcards."""
    return value == key


def plain_name(group: str) -> list[str]:
    """The parts of one group of a name that say something, in small letters without accents."""
    letters = unicodedata.normalize("NFD", group).lower()
    bare = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    return [part for part in re.split(r"[ ^]+", bare) if part]


def has_name(value: str, key: str) -> bool:
    """Every group of the key that asks something is one of the value's; `^*` at the end also stands for no further part."""
    groups = ["^".join(plain_name(group)) for group in value.split("=")]
    asked = ["^".join(plain_name(group)) for group in key.split("=")]
    return all(
        any(
            has_plain(group, form) for group in groups if group for form in (one, re.sub(r"(\^\*+)+$", "", one)) if form
        )
        for one in asked
        if one.strip("*^")
    )


def has_date(value: str, key: str) -> bool:
    """YYYYMMDD or YYYY.MM.DD, a range of them, or wildcards; what is no date is no patient's date."""
    key = key.replace(".", "")
    if "-" not in key:
        return has_plain(value, key)
    low, high = (end.strip() for end in key.split("-"))
    return (low or "00000000") <= value <= (high or "99999999")


def seconds(time: str, missing: int) -> int:
    """Seconds since midnight; minutes or seconds that are not said are `missing`."""
    digits = [int(time[place : place + 2]) for place in range(0, len(time), 2)]
    hour, minute, second = [*digits, *[missing] * (3 - len(digits))]
    return hour * 3600 + minute * 60 + second


def has_time(value: str, key: str) -> bool:
    """HH, HHMM or HHMMSS, or a range of them."""
    if "-" not in key:
        return seconds(value, 0) == seconds(key, 0)
    low, high = key.split("-")
    return (seconds(low, 0) if low else 0) <= seconds(value, 0) <= (seconds(high, 59) if high else 86_399)


HAS: dict[str, Callable[[str, str], bool]] = {
    "PatientName": has_name,
    "ScheduledPerformingPhysicianName": has_name,
    "PatientID": has_plain,
    "AccessionNumber": has_plain,
    "StudyInstanceUID": has_uid,
    "PatientBirthDate": has_date,
    "Modality": has_code,
    "ScheduledStationAETitle": has_plain,
    "ScheduledStationName": has_plain,
    DATE: has_date,
    TIME: has_time,
}


def is_universal(keyword: str, key: str) -> bool:
    """A key that asks nothing."""
    values = [value.strip(" ") for value in key.split("\\")]
    if keyword.endswith("Name") and HAS[keyword] is has_name:
        values = ["".join(plain_name(value.replace("=", "^"))).replace("*", "") or "*" for value in values if value]
    return not any(values) or any(value and not value.strip("*") for value in values) or "-" in values


def satisfies(item: Item, keys: Item) -> bool:
    """Whether the order is one the scanner asks for."""
    asked = {keyword: key for keyword, key in keys.items() if not is_universal(keyword, key)}
    combined = all("-" in asked.get(keyword, "") for keyword in (DATE, TIME))
    if combined and not in_one_range(item, asked.pop(DATE), asked.pop(TIME)):
        return False
    return all(
        any(
            HAS[keyword](value, one)
            for value in item.get(keyword, "").split("\\")
            if value.strip(" ^=")
            for one in key.split("\\")
            if one.strip(" ")
        )
        for keyword, key in asked.items()
    )


def in_one_range(item: Item, date: str, time: str) -> bool:
    """From the first time of the first day to the last of the last."""
    if not (item.get(DATE) and item.get(TIME)):
        return False
    (first, last), (low, high) = date.split("-"), time.split("-")
    moment = (item[DATE], seconds(item[TIME], 0))
    begin = (first, seconds(low, 0) if low else 0) if first else ("", 0)
    end = (last, seconds(high, 59) if high else 86_399) if last else ("99999999", 0)
    return begin <= moment <= end


# ---- orders and keys ----

_GROUP = st.lists(st.sampled_from(["a", "Ä", "B", "ab"]), max_size=2).map("^".join)
_NAME = st.lists(_GROUP, max_size=2).map("=".join)
_TEXT = st.text("aA1[%_", max_size=3)
_DAY = st.sampled_from(["20261121", "20261122", "20261123"])
_CLOCK = st.sampled_from(["080000", "083059", "083100", "235959"])
_ITEM = st.fixed_dictionaries(
    {
        "PatientName": _NAME,
        "PatientID": _TEXT,
        "AccessionNumber": _TEXT,
        "StudyInstanceUID": st.sampled_from(["1.2.1", "1.2.2"]),
        "PatientBirthDate": st.just("") | _DAY,
        "Modality": st.sampled_from(["CT", "CR", "MR"]),
        "ScheduledPerformingPhysicianName": _NAME,
        "ScheduledStationAETitle": st.lists(_TEXT.filter(bool), max_size=3, unique=True).map("\\".join),
        "ScheduledStationName": st.lists(_TEXT.filter(bool), max_size=2, unique=True).map("\\".join),
        DATE: st.just("") | _DAY,
        TIME: st.just("") | _CLOCK,
    }
)


def _wild(letters: str) -> st.SearchStrategy[str]:
    return st.text(f"{letters}*?", max_size=4)


def _several(keys: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(keys, min_size=1, max_size=2).map("\\".join)


_GROUP_KEY = st.lists(st.sampled_from(["A", "b", "a*", "?", "*", "é"]), max_size=3).map("^".join)
_NAME_KEY = st.lists(_GROUP_KEY, min_size=1, max_size=2).map("=".join)
_DAYS = st.tuples(st.just("") | _DAY, st.just("") | _DAY).map("-".join)
_CLOCKS = st.tuples(st.sampled_from(["", "08", "0830"]), st.sampled_from(["", "0830", "083100", "23"])).map("-".join)
_PLAIN = _several(_wild("aA1[%_ "))
_KEYS = {
    "PatientName": _NAME_KEY,
    "ScheduledPerformingPhysicianName": _NAME_KEY,
    "PatientID": _PLAIN,
    "AccessionNumber": _PLAIN,
    "StudyInstanceUID": _several(st.sampled_from(["1.2.1", "1.2.2", "1.2.3"])),
    "PatientBirthDate": st.just("*") | _DAY | _DAYS,
    "Modality": _several(st.sampled_from(["CT", "C*", "?R", "mr", "*", "US"])),
    "ScheduledStationAETitle": _PLAIN,
    "ScheduledStationName": _PLAIN,
    DATE: st.just("*") | _DAY | _DAYS | st.just("2026.11.22") | st.just("2026112?"),
    TIME: st.sampled_from(["08", "0830", "083100"]) | _CLOCKS,
}
_INSIDE = frozenset(
    {"Modality", "ScheduledPerformingPhysicianName", "ScheduledStationAETitle", "ScheduledStationName", DATE, TIME}
)


@st.composite
def _asked(draw: st.DrawFn) -> Item:
    return {keyword: draw(_KEYS[keyword]) for keyword in draw(st.sets(st.sampled_from(sorted(_KEYS)), max_size=3))}


def _nested(values: Item) -> dict[str, Any]:
    step = {keyword: value for keyword, value in values.items() if keyword in _INSIDE}
    return {**{keyword: value for keyword, value in values.items() if keyword not in _INSIDE}, SPS: [step]}


def _schedule(transaction: Connection, order: int, number: int, item: Item) -> int:
    found = columns.columns(encoding.encode(_nested({"StudyInstanceUID": "1.2.1", **item})))
    return rows.step(transaction, order, tuple(found.pop("station").split("\\")), **{**found, "step_id": f"S{number}"})


def _sent(keys: Item) -> Dataset:
    """The query as it comes off the wire."""
    step = dataset(**{keyword: key for keyword, key in keys.items() if keyword in _INSIDE})
    query = dataset(SpecificCharacterSet="ISO_IR 192", **{k: key for k, key in keys.items() if k not in _INSIDE})
    query.ScheduledProcedureStepSequence = [step]
    encoded = dsutils.encode(query, True, True)
    assert encoded is not None
    received: Dataset = dsutils.decode(BytesIO(encoded), True, True)
    return received


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ITEM, min_size=1, max_size=5), st.lists(_asked(), min_size=1, max_size=8))
@example([{"PatientName": "Ä"}], [{"PatientName": "A^*"}, {"PatientName": "a^*^^*"}, {"PatientName": "a^?"}])
@example([{"PatientName": "a^b=Ä"}], [{"PatientName": "A^B=a"}, {"PatientName": "A^B=b"}, {"PatientName": "*=b"}])
@example([{DATE: "20261122", TIME: "083059"}], [{TIME: "08-0830"}, {DATE: "20261121-20261122", TIME: "23-0830"}])
def test_every_query_finds_what_the_standard_says(database: Database, items: list[Item], queries: list[Item]) -> None:
    """Whatever is asked of whatever is scheduled: the scanner's list is the one a careful reader would write by hand."""
    with database.transaction() as transaction:
        savepoint = transaction.begin_nested()
        order = rows.order(transaction)
        steps = {_schedule(transaction, order, number, item): item for number, item in enumerate(items)}
        for keys in queries:
            query = worklist.read_query(_sent(keys))
            found = {row.id for row in store.query(transaction, query.predicates, [])}
            assert found == {number for number, item in steps.items() if satisfies(item, keys)}, keys
            assert not query.optional_unsupported
        savepoint.rollback()
