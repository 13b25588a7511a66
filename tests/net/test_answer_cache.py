"""Answers that were written before: the same bytes, for the same question only, and never more than fit."""

import dataclasses
from datetime import timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from swf.dicom import encoding, worklist
from swf.net.answer_cache import AnswerCache
from tests.net.dicom_peer import dataset

ITEM = {"PatientName": "ЩУКИНА^ЖАННА", "PatientID": "P1", "AccessionNumber": "A1", "PatientWeight": "70"}
KEYS = ("PatientName", "PatientID", "AccessionNumber", "PatientWeight", "PatientSex")


def _query(character_set: str, **keys: Any) -> worklist.WorklistQuery:
    identifier: Dataset = dataset(**keys)
    if character_set:
        identifier.SpecificCharacterSet = character_set
    return worklist.read_query(identifier)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "ISO_IR 100", "ISO_IR 144", "ISO_IR 192"]),
            st.sets(st.sampled_from(KEYS), min_size=1),
            st.booleans(),
            st.sampled_from(["P1", "P2"]),
        ),
        max_size=12,
    )
)
def test_a_cached_answer_is_the_answer(asked: list[tuple[str, set[str], bool, str]]) -> None:
    """Whoever asked what before, each scanner gets its own keys, in its own character set and transfer syntax."""
    cache = AnswerCache()
    for _ in range(2):
        for character_set, keys, implicit, patient in asked:
            query = _query(character_set, **dict.fromkeys(sorted(keys), ""))
            stored = encoding.encode(ITEM | {"PatientID": patient})
            written = cache.writer(query, implicit=implicit)(stored)
            assert written == worklist.answer_bytes(stored, query, implicit=implicit)


def test_what_is_matched_does_not_matter() -> None:
    """Two scanners that ask for different patients but the same fields share what was written."""
    stored = encoding.encode(ITEM)
    cache = AnswerCache()
    first = cache.writer(_query("", PatientID="P1", PatientName=""), implicit=True)(stored)
    assert cache.writer(_query("", PatientID="P*", PatientName=""), implicit=True)(stored) is first
    assert cache.writer(_query("", PatientID="P*"), implicit=True)(stored) != first


def test_a_time_zone_that_is_told_is_never_remembered() -> None:
    """The hour a scanner is told in its summer is not told in the next one's winter."""
    step = {"ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepStartTime": "0900"}
    stored = encoding.encode(ITEM | {"ScheduledProcedureStepSequence": [step]})
    request = dataset(TimezoneOffsetFromUTC="", PatientID="")
    zones = [timezone(timedelta(hours=hours)) for hours in (1, 2)]
    cache = AnswerCache()
    queries = [worklist.read_query(request, local=lambda moment, zone=zone: moment.astimezone(zone)) for zone in zones]
    told = [cache.writer(query, implicit=True)(stored) for query in queries]
    assert [b"+0100" in told[0], b"+0200" in told[1]] == [True, True]


def test_every_other_part_of_a_query_counts() -> None:
    """A part of a query that may come to matter for what is written is not overlooked."""
    query = _query("", PatientID="")
    known = {"predicates", "remarks", "optional_unsupported", "statuses_asked", "local"}
    counted = {"requested", "character_sets", "zone_asked", "tailoring"}
    assert {each.name for each in dataclasses.fields(query)} == known | counted


def test_a_full_cache_begins_anew() -> None:
    """A worklist of any length takes no more memory than was granted."""
    cache = AnswerCache(most_bytes=20_000)
    write = cache.writer(_query("", PatientID=""), implicit=True)
    for number in range(1000):
        stored = encoding.encode(ITEM | {"PatientID": f"P{number}"})
        assert f"P{number}".encode() in write(stored)
        assert cache._size <= 21_000
        assert sum(len(each) for answers in cache._answers.values() for each in answers) <= 21_000
