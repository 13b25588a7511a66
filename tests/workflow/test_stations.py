"""What each station sees: the lists of devices with different profiles, from one store (RAD-5)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from swf.config import Settings
from swf.dicom import columns, encoding, worklist
from swf.store.database import Database
from swf.workflow import stations
from swf.workflow.stations import Station
from tests import rows

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SPS = "ScheduledProcedureStepSequence"
STEP_KEYS = {
    "ScheduledStationAETitle": "",
    "ScheduledProcedureStepStartDate": "",
    "ScheduledProcedureStepStartTime": "",
    "ScheduledProcedureStepLocation": "",
    "ScheduledProcedureStepStatus": "",
    "Modality": "",
}
See = Callable[..., list[str]]

# number: station, start, status, place, label, name
STEPS = {
    "A1": ("CT1", "20261122 090000", "SCHEDULED", "ROOM 1", "NORTH", "DOE^JANE"),
    "A2": ("CT1\\CT2", "20261122 100000", "ARRIVED", "ROOM 2", "NORTH", "ROE^RICHARD"),
    "A3": ("CT2", "20261121 110000", "STARTED", "ROOM 2", "SOUTH", "ADAMS^ANN"),
    "A4": ("MR1", "20261129 080000", "SCHEDULED", "ROOM 3", "SOUTH", "BROWN^BOB"),
    "A5": ("CT1", "20261122 080000", "COMPLETED", "ROOM 1", "NORTH", "CLARK^CAL"),
    "A6": ("CT1", "20261130 080000", "SCHEDULED", "ROOM 1", "", ""),
}


@pytest.fixture
def filled(database: Database) -> Database:
    """A store with the six steps above."""
    with database.transaction() as transaction:
        for number, (titles, start, status, place, label, name) in STEPS.items():
            day, _, time = start.partition(" ")
            inner = {
                "ScheduledStationAETitle": titles,
                "ScheduledProcedureStepStartDate": day,
                "ScheduledProcedureStepStartTime": time,
                "ScheduledProcedureStepLocation": place,
                "ScheduledProcedureStepStatus": status,
                "Modality": titles[:2],
            }
            item = {"AccessionNumber": number, "PatientName": name, "WorklistLabel": label, SPS: [inner]}
            stored = encoding.encode({**item, "StudyInstanceUID": f"1.2.{number[1]}", "PatientID": f"P{number}"})
            matched = columns.columns(stored)
            del matched["station"], matched["step_id"]
            rows.step(transaction, stations=tuple(titles.split("\\")), status=status, dataset=stored, **matched)
    return database


def _identifier(**keys: Any) -> Dataset:
    asked, step = Dataset(), Dataset()
    for keyword, value in ({**STEP_KEYS, "AccessionNumber": "", "PatientName": ""} | keys).items():
        setattr(step if keyword in STEP_KEYS else asked, keyword, value)
    asked.ScheduledProcedureStepSequence = [step]
    return asked


def _station(title: str = "CT1", called: str = "SWF", **tables: Any) -> Station:
    return stations.find(Settings(**tables), title, called)


def _list(database: Database, station: Station, **keys: Any) -> list[str]:
    query = stations.read_query(station, _identifier(**keys))
    with database.reading() as connection:
        found = [worklist.answer(item.stored, query) for item in stations.items(connection, station, query, NOW)]
    return [str(answer.AccessionNumber) for answer in found]


@pytest.mark.parametrize(
    ("profile", "keys", "seen"),
    [
        ({}, {}, "A3 A1 A2 A4 A6"),
        ({}, {"ScheduledStationAETitle": "CT1"}, "A1 A2 A6"),
        ({"station_filter": "implied"}, {}, "A1 A2 A6"),
        ({"station_filter": "implied"}, {"ScheduledStationAETitle": "MR1"}, "A4"),
        ({"station_filter": "implied"}, {"ScheduledStationAETitle": "*"}, "A1 A2 A6"),
        ({"station_filter": "forced"}, {"ScheduledStationAETitle": "MR1"}, "A1 A2 A6"),
        ({"station_filter": "forced", "stations": ["CT2"]}, {}, "A3 A2"),
        ({"stations": ["CT1", "MR1"]}, {"ScheduledStationAETitle": "CT1"}, "A1 A2 A4 A6"),
        ({"stations": ["CT1", "MR1"]}, {"ScheduledStationAETitle": "CT2"}, "A3 A2"),
        ({"stations": ["MR1"]}, {"ScheduledStationAETitle": "CT1"}, "A1 A2 A4 A6"),
        ({"stations": ["MR1"]}, {"ScheduledStationAETitle": ["CT1", "X*"]}, "A1 A2 A4 A6"),
        ({"aliases": ["SCANNER"], "station_filter": "implied"}, {}, "A1 A2 A6"),
        ({"statuses": ["SCHEDULED"]}, {}, "A1 A4 A6"),
        ({"statuses": ["COMPLETED"]}, {}, "A5"),
        ({"statuses": ["COMPLETED"]}, {"ScheduledProcedureStepStatus": "STARTED"}, "A3"),
        ({"days_behind": 0}, {}, "A1 A2 A4 A6"),
        ({"days_ahead": 0}, {}, "A3 A1 A2"),
        ({"days_ahead": 7}, {}, "A3 A1 A2 A4"),
        ({"days_behind": 0, "days_ahead": 0}, {}, "A1 A2"),
        ({"days_behind": 0, "days_ahead": 0}, {"ScheduledProcedureStepStartDate": "20261121"}, "A3"),
        ({"days_behind": 0, "days_ahead": 0}, {"AccessionNumber": "A4"}, ""),
        ({"locations": ["ROOM 2", "ROOM 3"]}, {}, "A3 A2 A4"),
        ({"locations": ["ROOM 2"]}, {"ScheduledProcedureStepLocation": "ROOM 1"}, ""),
        ({"labels": ["SOUTH"]}, {}, "A3 A4"),
        ({"sort": ["-start"]}, {}, "A6 A4 A2 A1 A3"),
        ({"sort": ["patient_name"]}, {}, "A6 A3 A4 A1 A2"),
        ({"sort": ["modality", "-patient_name"]}, {}, "A2 A1 A3 A6 A4"),
        ({"needs": ["PatientName"]}, {}, "A3 A1 A2 A4"),
        ({}, {"PatientName": "DOE"}, ""),
        ({"names_begin": True}, {"PatientName": "DOE"}, "A1"),
    ],
)  # fmt: skip
def test_each_profile_has_its_list(filled: Database, profile: dict[str, Any], keys: dict[str, Any], seen: str) -> None:
    """A scanner sees what its profile lets it see, beside what it asks; every key of a profile makes a difference."""
    title = "SCANNER" if "aliases" in profile else "CT1"
    assert _list(filled, _station(title, modality=[{"ae_title": "CT1", **profile}]), **keys) == seen.split()


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Müller^Jürgen", ["MUELLER*", "MULLER*", "MÜLLER^JÜRGEN", "*JUERGEN"]),
        ("Щукина^Юлия", ["SHCHUKINA*", "ЩУКИНА*", "*IULIIA", "*YULIYA"]),
        ("Згурський^Юрій", ["ZGHURSKYI*", "*YURII"]),
        ("山田^太郎==やまだ^たろう", ["YAMADA^TAROU", "山田*"]),
        ("王^小明", ["王*"]),
    ],
)
def test_a_name_is_found_as_the_scanner_shows_it(database: Database, name: str, typed: list[str]) -> None:
    """Who reads a name in the scanner's letters and types it there finds the patient."""
    stored = encoding.encode({"PatientName": name, SPS: [{"Modality": "CT"}]})
    matched = columns.columns(stored)
    del matched["station"], matched["step_id"], matched["study_instance_uid"]
    with database.transaction() as transaction:
        rows.step(transaction, dataset=stored, **matched)
    asked = [_list(database, _station(), SpecificCharacterSet="ISO_IR 192", PatientName=key) for key in [*typed, "X*"]]
    assert [len(found) for found in asked] == [1] * len(typed) + [0]


AZORES = {"time_zone": "Atlantic/Azores"}  # an hour behind UTC, which is the site's zone here


@pytest.mark.parametrize(
    ("keys", "profile", "seen"),
    [
        ({}, {}, "A3 20261121 100000|A1 20261122 080000|A2 20261122 090000|A4 20261129 070000|A6 20261130 070000"),
        ({"ScheduledProcedureStepStartDate": "20261129"}, {}, "A4 20261129 070000"),
        ({"ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepStartTime": "0830-0900"}, {}, "A2 20261122 090000"),
        ({}, {"days_behind": 0, "days_ahead": 0}, "A1 20261122 080000|A2 20261122 090000"),
    ],
)  # fmt: skip
def test_a_scanner_in_another_zone_sees_its_own_time(
    filled: Database, keys: dict[str, str], profile: dict[str, Any], seen: str
) -> None:
    """A scanner whose clock is not the site's asks and is told in the time on its own wall."""
    station = _station(modality=[{"ae_title": "CT1", **AZORES, **profile}])
    query = stations.read_query(station, _identifier(**{"ScheduledProcedureStepStartTime": "", **keys}))
    with filled.reading() as connection:
        found = [worklist.answer(item.stored, query) for item in stations.items(connection, station, query, NOW)]
    steps = [(answer.AccessionNumber, answer.ScheduledProcedureStepSequence[0]) for answer in found]
    told = [
        f"{number} {step.ScheduledProcedureStepStartDate} {step.ScheduledProcedureStepStartTime}"
        for number, step in steps
    ]
    assert told == seen.split("|")


def test_a_query_that_tells_its_zone_is_believed(filled: Database) -> None:
    """What a query itself says of its zone counts more than the profile."""
    station = _station(modality=[{"ae_title": "CT1", **AZORES}])
    identifier = _identifier(ScheduledProcedureStepStartDate="20261122", ScheduledProcedureStepStartTime="1000")
    identifier.TimezoneOffsetFromUTC = "+0000"
    query = stations.read_query(station, identifier)
    with filled.reading() as connection:
        assert len(list(stations.items(connection, station, query, NOW))) == 1


def test_a_tenant_never_sees_the_items_of_another(filled: Database) -> None:
    """Two departments share a port and a store, and each sees its own items whatever it asks, and no unlabelled one."""
    tables = {"partition": [{"ae_title": "N", "labels": ["NORTH"]}, {"ae_title": "S", "labels": ["SOUTH"]}]}
    asked: list[dict[str, str]] = [{}, {"AccessionNumber": "A*"}, {"AccessionNumber": "A6"}, {"WorklistLabel": "SOUTH"}]
    seen = {called: [_list(filled, _station(called=called, **tables), **keys) for keys in asked] for called in "NS"}
    assert seen == {"N": [["A1", "A2"], ["A1", "A2"], [], []], "S": [["A3", "A4"], ["A3", "A4"], [], ["A3", "A4"]]}
    assert _list(filled, _station(**tables)) == ["A3", "A1", "A2", "A4", "A6"]


WORDS = st.sampled_from(
    ["", "*", "?*", "A1", "A*", "CT1", "CT?", "MR1", "NORTH", "SOUTH", "ROOM 1", "20261122", "2026*"]
)


def test_no_query_and_no_profile_leads_into_another_tenants_list(filled: Database) -> None:
    """Whatever a device of one tenant asks, and whatever its profile adds, no item of another tenant is answered."""
    asked = st.dictionaries(st.sampled_from([*STEP_KEYS, "AccessionNumber", "PatientName", "WorklistLabel"]), WORDS)
    profile = st.fixed_dictionaries(
        {},
        optional={
            "stations": st.just(["CT1", "CT2", "MR1"]),
            "labels": st.just(["SOUTH"]),
            "statuses": st.just(["COMPLETED"]),
        },
    )

    @given(asked, profile, st.sampled_from(["implied", "forced", "asked"]))
    @settings(max_examples=150, deadline=None)
    def stays_out(keys: dict[str, str], own: dict[str, Any], how: str) -> None:
        tables = {"partition": [{"ae_title": "N", "labels": ["NORTH"]}]}
        station = _station(called="N", **tables, modality=[{"ae_title": "CT1", "station_filter": how, **own}])
        assert set(_list(filled, station, **keys)) <= {"A1", "A2", "A5"}

    stays_out()


def test_the_default_profile_is_for_who_has_none(filled: Database) -> None:
    """One profile may stand for every device that names no other, known or not."""
    profile = [{"name": "default", "statuses": ["STARTED"]}, {"name": "all", "statuses": ["COMPLETED"]}]
    modality = [{"ae_title": "CT1"}, {"ae_title": "CT2", "profile": "all"}]
    seen = [_list(filled, _station(title, profile=profile, modality=modality)) for title in ("CT1", "CT9", "CT2")]
    assert seen == [["A3"], ["A3"], ["A5"]]


def test_the_answer_has_the_form_of_the_profile(filled: Database) -> None:
    """What a scanner must get or must not get is added and left out whatever it asks for."""
    own = {"return_always": ["PatientID", f"{SPS}/Modality"], "return_never": ["PatientName"], "name_components": 1}
    station = _station(modality=[{"ae_title": "CT1", "character_set": ["ISO_IR 100"], **own}])
    identifier = _identifier(AccessionNumber="A1")
    del identifier.ScheduledProcedureStepSequence[0].Modality
    query = stations.read_query(station, identifier)
    with filled.reading() as connection:
        (item,) = stations.items(connection, station, query, NOW)
    answer = worklist.answer(item.stored, query)
    assert (answer.SpecificCharacterSet, answer.PatientID, "PatientName" in answer) == ("ISO_IR 100", "PA1", False)
    assert answer.ScheduledProcedureStepSequence[0].Modality == "CT"
