"""The worklist as a modality sees it: every key and combination it may ask by, and what it gets (RAD-5, PS3.4 K)."""

import io
import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from swf.broker import Broker
from swf.dicom import datasets
from swf.net import mllp_client
from swf.store import queries
from swf.store.database import Database
from tests.conftest import MakeBroker, settings_for
from tests.net import dicom_peer
from tests.net.dicom_peer import dataset, put

SUCCESS, PENDING, WITH_UNSUPPORTED_KEYS, OUT_OF_RESOURCES = 0x0000, 0xFF00, 0xFF01, 0xA700
Keys: TypeAlias = dict[str, str]

# The probe of six items and one in three scripts: name, station, date, time, modality; the rest follows from the item's letter and number.
ITEMS = {
    "A1": ("Müller^Jürgen", "CT1", "20261122", "0900", "CT"),
    "A2": ("MUELLER", "CT1", "20261122", "2230", "CT"),
    "A3": ("Smith^Anna", "CT2", "20261123", "0800", "CT"),
    "A4": ("SMITH^BOB", "MR1~MR2", "20261124", "1000", "MR"),
    "A5": ("Иванов^Иван", "US1", "20261125", "1100", "US"),
    "A6": ("Doe", "", "20261126", "1200", "OT"),
    "A7": ("Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P", "US1", "20261201", "1200", "US"),
}
PLACES = {"A1": "EAST", "A2": "EAST"}
PHYSICIANS = {"A7": "ROE&RICHARD"}
ALL = set(ITEMS)
STEP_KEYS = frozenset(
    {"Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"}
    | {"ScheduledProcedureStepID", "ScheduledProcedureStepStatus", "ScheduledPerformingPhysicianName"}
    | {"ScheduledProcedureStepLocation"}
)


def _order(number: str, item: tuple[str, str, str, str, str]) -> bytes:
    """The item as a hospital sends it, in UTF-8."""
    name, station, date, time, modality = item
    lines = (
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}|P|2.5.1||||||UNICODE UTF-8",
        f"PID|||P{number}^^^HOSP^MR||{name}||19800229|F",
        f"PV1||O|||||||||||||||||V{number}^^^HOSP",
        f"ORC|NW|{number}^HIS||||",
        f"TQ1|1||||||{date}{time}|||R",
        f"OBR|1|{number}^HIS||C{number}^Examination^99SIM{'|' * 30}9&{PHYSICIANS.get(number, '')}",
        f"IPC|{number}|RP{number}|1.2.3.{number[1:]}|S{number}|{modality}|P{number}^Protocol^99SIM||{PLACES.get(number, 'WEST')}|{station}",
    )
    return "\r".join((*lines, "")).encode()


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with these items, which no test changes."""
    folder: Path = tmp_path_factory.mktemp("worklist")
    broker = Broker(settings_for(folder))
    broker.start()
    for number, item in ITEMS.items():
        answer = mllp_client.exchange(*broker.hl7.address, _order(number, item), 10)
        assert b"MSA|AA" in answer, answer
    yield broker
    broker.stop()


def _identifier(**keys: Any) -> Dataset:
    """A query by `keys`, with the accession number and the name as return keys; the text is UTF-8."""
    step = dataset(**{key: value for key, value in keys.items() if key in STEP_KEYS})
    outer = {key: value for key, value in keys.items() if key not in STEP_KEYS}
    found = dataset(SpecificCharacterSet="ISO_IR 192", **({"AccessionNumber": "", "PatientName": ""} | outer))
    if "ScheduledProcedureStepSequence" not in outer:
        found.ScheduledProcedureStepSequence = [step]
    return found


def _ask(broker: Broker, identifier: Dataset) -> tuple[set[str], set[int]]:
    """The accession numbers that match, and the statuses they came with."""
    *pending, final = dicom_peer.find(broker.dicom.address, identifier)
    assert final == (SUCCESS, None)
    numbers = [str(item.AccessionNumber) for _, item in pending if item]
    assert len(numbers) == len(set(numbers)) == len(pending)
    return set(numbers), {status for status, _ in pending}


# ---- the keys of IHE, each alone and in every combination ----

PATIENT_KEYS = {
    "PatientName": "Smith^Anna",
    "PatientID": "PA3",
    "AccessionNumber": "A3",
    "RequestedProcedureID": "RPA3",
    "AdmissionID": "VA3",
}
BROAD_KEYS = {
    "ScheduledProcedureStepStartDate": "20261122",
    "Modality": "CT",
    "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepLocation": "EAST",
}


def _combinations(keys: Keys) -> list[Keys]:
    sizes = range(1, len(keys) + 1)
    return [dict(chosen) for size in sizes for chosen in itertools.combinations(keys.items(), size)]


@pytest.mark.parametrize("keys", _combinations(PATIENT_KEYS), ids="+".join)
def test_every_patient_based_query(listing: Broker, keys: Keys) -> None:
    """A technologist finds one patient by name, number, accession or procedure, and by any of them together."""
    assert _ask(listing, _identifier(**keys)) == ({"A3"}, {PENDING})
    name, value = next(iter(keys.items()))
    assert _ask(listing, _identifier(**{**keys, name: value[:-1] + "~"})) == (set(), set())


@pytest.mark.parametrize("keys", _combinations(BROAD_KEYS), ids="+".join)
def test_every_broad_query(listing: Broker, keys: Keys) -> None:
    """A scanner gets the list of its day, its kind and its own title, in every combination."""
    expected = {"A1", "A2"} | ({"A3"} if list(keys) == ["Modality"] else set())
    assert _ask(listing, _identifier(**keys)) == (expected, {PENDING})


# ---- what peers get wrong ----

PROBE = [
    ({}, ALL),
    ({"PatientName": "Müller*"}, {"A1"}),
    ({"PatientName": "MULLER*"}, {"A1"}),
    ({"PatientName": "smith*"}, {"A3", "A4"}),
    ({"PatientName": "Smith"}, set()),
    ({"PatientName": "ИВАНОВ*"}, {"A5"}),
    ({"PatientName": "*"}, ALL),
    ({"PatientName": "*^*"}, ALL),
    ({"PatientName": "DOE^*"}, {"A6"}),
    ({"PatientName": "Smith^*"}, {"A3", "A4"}),
    ({"PatientName": "Smith*^A*"}, {"A3"}),
    ({"PatientName": "SMITH ANNA"}, {"A3"}),
    ({"PatientName": "Smith^Anna=*"}, {"A3"}),
    ({"PatientName": "Yamada^Tarou=山田^太郎"}, {"A7"}),
    ({"PatientName": "Yamada^Tarou=山田^太朗"}, set()),
    ({"PatientName": "=山田*"}, {"A7"}),
    ({"PatientName": "==やまだ^*"}, {"A7"}),
    ({"ScheduledPerformingPhysicianName": "roe*"}, {"A7"}),
    ({"AccessionNumber": "A3  "}, {"A3"}),
    ({"AccessionNumber": "  A3"}, {"A3"}),
    ({"AccessionNumber": "A3\0"}, {"A3"}),
    ({"AccessionNumber": ["A3", "A5"]}, {"A3", "A5"}),
    ({"PatientID": "PA?"}, ALL),
    ({"AccessionNumber": "a3"}, set()),
    ({"Modality": ["CT", "MR"]}, {"A1", "A2", "A3", "A4"}),
    ({"Modality": "C*"}, {"A1", "A2", "A3"}),
    ({"Modality": ["C*", "MR"]}, {"A1", "A2", "A3", "A4"}),
    ({"Modality": "ct"}, {"A1", "A2", "A3"}),
    ({"Modality": "CT", "ScheduledStationAETitle": ["CT2", "MR2"]}, {"A3"}),
    ({"ScheduledStationAETitle": "MR2"}, {"A4"}),
    ({"ScheduledStationAETitle": "MR?"}, {"A4"}),
    ({"ScheduledStationAETitle": "*"}, ALL),
    ({"ScheduledProcedureStepStartDate": "20261123-20261125"}, {"A3", "A4", "A5"}),
    ({"ScheduledProcedureStepStartDate": "20261125-"}, {"A5", "A6", "A7"}),
    ({"ScheduledProcedureStepStartDate": "-20261122"}, {"A1", "A2"}),
    ({"ScheduledProcedureStepStartDate": "*"}, ALL),
    ({"ScheduledProcedureStepStartDate": "2026.11.22"}, {"A1", "A2"}),
    ({"ScheduledProcedureStepStartDate": "2026.11.22-2026.11.23"}, {"A1", "A2", "A3"}),
    ({"ScheduledProcedureStepStartDate": "2026112?"}, ALL - {"A7"}),
    ({"ScheduledProcedureStepStartDate": "someday"}, set()),
    (
        {"ScheduledProcedureStepStartDate": "20261122-20261123", "ScheduledProcedureStepStartTime": "2200-0830"},
        {"A2", "A3"},
    ),
    ({"ScheduledProcedureStepStartTime": "0900"}, {"A1"}),
    ({"ScheduledProcedureStepStartTime": "090000.000"}, {"A1"}),
    ({"ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepStartTime": "0800-1000"}, {"A1"}),
    ({"StudyInstanceUID": ["1.2.3.1", "1.2.3.6", "1.2.3.9"]}, {"A1", "A6"}),
    ({"AdmissionID": "VA5"}, {"A5"}),
    ({"ScheduledProcedureStepID": "SA2"}, {"A2"}),
    ({"ScheduledProcedureStepStatus": "COMPLETED"}, set()),
    ({"PatientBirthDate": "19800229", "PatientSex": "F", "Modality": "OT"}, {"A6"}),
    ({"PatientName": "' OR 1=1 --"}, set()),
    ({"PatientName": "Sm[i]th*"}, set()),
    ({"PatientName": "%"}, set()),
]


@pytest.mark.parametrize(("keys", "expected"), PROBE, ids=[" ".join(map(str, keys.items())) for keys, _ in PROBE])
def test_a_query_means_what_its_sender_means(listing: Broker, keys: dict[str, Any], expected: set[str]) -> None:
    """Case, accents, padding, lists, wildcards, ranges and old date formats find what the technologist looks for."""
    found, statuses = _ask(listing, _identifier(**keys))
    assert (found, statuses) == (expected, {PENDING} if expected else set())


@pytest.mark.parametrize("items", [[], [Dataset()], None], ids=["no item", "one empty item", "absent"])
def test_a_query_that_says_nothing_of_the_step_finds_all(listing: Broker, items: list[Dataset] | None) -> None:
    """However a modality leaves the step open, it gets the whole list, with the steps whole when it asked for them."""
    identifier = dataset(AccessionNumber="")
    if items is not None:
        identifier.ScheduledProcedureStepSequence = items
    *pending, _ = dicom_peer.find(listing.dicom.address, identifier)
    assert {item.AccessionNumber for _, item in pending if item} == ALL
    if items is not None:
        steps = [step for _, item in pending if item for step in item.ScheduledProcedureStepSequence]
        assert [len(steps), all(step.Modality and step.ScheduledProcedureStepID for step in steps)] == [7, True]


def test_of_two_steps_in_a_query_the_first_counts(listing: Broker, log_lines: io.StringIO) -> None:
    """A modality that fills in one step too many is answered and not refused, and the log says so."""
    identifier = _identifier()
    identifier.ScheduledProcedureStepSequence = [dataset(Modality="MR"), dataset(Modality="CT")]
    assert _ask(listing, identifier) == ({"A4"}, {PENDING})
    assert "of 2 items of ScheduledProcedureStepSequence the first counts" in log_lines.getvalue()


@pytest.mark.parametrize(("zone", "found"), [("+0000", {"A1", "A2"}), ("+0200", {"A1"}), ("-0200", {"A1", "A2"})])
def test_a_scanner_on_another_clock_is_understood(listing: Broker, zone: str, found: set[str]) -> None:
    """A day is meant on the scanner's own clock: half past ten at night here is the next day two hours further east."""
    identifier = _identifier(ScheduledProcedureStepStartDate="20261122")
    identifier.TimezoneOffsetFromUTC = zone
    assert _ask(listing, identifier)[0] == found


@pytest.mark.parametrize(
    "keys",
    [
        {"RequestedProcedureComments": "x"},
        {"StudyDescription": "x"},
        {"QueryRetrieveLevel": "STUDY"},
        {"SOPClassUID": "1.2.3"},
        {"PatientWeight": "70"},
    ],
    ids="+".join,
)
def test_a_key_that_is_not_supported_never_empties_the_list(listing: Broker, keys: Keys) -> None:
    """A key we cannot match by is ignored and the modality told so; an empty list would send the patient home."""
    assert _ask(listing, _identifier(**keys)) == (ALL, {WITH_UNSUPPORTED_KEYS})


def test_a_private_key_never_empties_the_list(listing: Broker) -> None:
    """A vendor's own attributes in a query do no harm."""
    identifier = _identifier()
    identifier.private_block(0x0029, "NOBODY", create=True).add_new(0x01, "LO", "x")
    assert _ask(listing, identifier)[0] == ALL


# ---- what is answered ----


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_every_requested_key_is_answered_and_nothing_else(listing: Broker, syntax: str) -> None:
    """A scanner finds each field it asked for, empty when the hospital did not say, and no field it did not ask for."""
    asked = (
        "PatientName",
        "PatientID",
        "PatientWeight",
        "MedicalAlerts",
        "StudyInstanceUID",
        "ReferencedStudySequence",
    )
    codes = dataset(CodeValue="", CodingSchemeDesignator="")
    identifier = dataset(**dict.fromkeys(asked, ""), AccessionNumber="A3")
    identifier.ReferencedStudySequence = []
    identifier.RequestedProcedureCodeSequence = [codes]
    identifier.ScheduledProcedureStepSequence = [dataset(Modality="", PreMedication="", ScheduledStationAETitle="CT*")]
    (status, item), _ = dicom_peer.find(listing.dicom.address, identifier, syntaxes=[syntax])
    assert item is not None
    (step,), (code,) = item.ScheduledProcedureStepSequence, item.RequestedProcedureCodeSequence
    assert status == PENDING
    assert set(item.dir()) == {*asked, "AccessionNumber", "RequestedProcedureCodeSequence"} | {
        "ScheduledProcedureStepSequence"
    }
    assert (str(item.PatientName), item.PatientID, item.StudyInstanceUID) == ("Smith^Anna", "PA3", "1.2.3.3")
    assert [item.PatientWeight, item.MedicalAlerts, list(item.ReferencedStudySequence)] == [None, "", []]
    assert {each.keyword: each.value for each in step} == {
        "Modality": "CT",
        "PreMedication": "",
        "ScheduledStationAETitle": "CT2",
    }
    assert {each.keyword: each.value for each in code} == {"CodeValue": "CA3", "CodingSchemeDesignator": "99SIM"}


def test_all_stations_of_a_step_are_answered(listing: Broker) -> None:
    """A step that any of two scanners may do names both, whichever of them asks."""
    (_, item), _ = dicom_peer.find(listing.dicom.address, _identifier(ScheduledStationAETitle="MR2"))
    assert item is not None
    assert list(item.ScheduledProcedureStepSequence[0].ScheduledStationAETitle) == ["MR1", "MR2"]


@pytest.mark.parametrize(
    ("asked_in", "accession", "answered_in", "name"),
    [
        ("ISO_IR 100", "A1", "ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 192", "A1", "ISO_IR 192", "Müller^Jürgen"),
        ("ISO_IR 100", "A5", "ISO_IR 192", "Иванов^Иван"),
        ("ISO_IR 144", "A5", "ISO_IR 144", "Иванов^Иван"),
        ("", "A5", "ISO_IR 192", "Иванов^Иван"),
        ("", "A3", None, "Smith^Anna"),
        ("ISO_IR 100", "A3", None, "Smith^Anna"),
    ],
)
def test_no_name_is_spoiled(listing: Broker, asked_in: str, accession: str, answered_in: str | None, name: str) -> None:
    """A name arrives as the hospital wrote it, in the modality's character set if that holds it, else in Unicode."""
    identifier = _identifier(AccessionNumber=accession)
    put(identifier, "SpecificCharacterSet", asked_in or None)
    (_, item), _ = dicom_peer.find(listing.dicom.address, identifier)
    assert item is not None
    assert (item.get("SpecificCharacterSet"), str(item.PatientName)) == (answered_in, name)


def test_a_query_is_read_in_its_own_character_set(listing: Broker) -> None:
    """A scanner set to Latin-1 finds Müller as well as one set to Unicode."""
    identifier = _identifier(PatientName="MÜLLER*")
    identifier.SpecificCharacterSet = "ISO_IR 100"
    assert _ask(listing, identifier)[0] == {"A1"}


# ---- the course of a query ----


@pytest.fixture
def long_list(tmp_path: Path) -> Iterator[Broker]:
    """A broker with one order of four hundred steps."""
    broker = Broker(settings_for(tmp_path))
    broker.start()
    lines = _order("A9", ("Doe", "CT1", "20261122", "0900", "CT")).decode().split("\r")
    steps = [lines[6].replace("|SA9|", f"|S{number}|") for number in range(400)]
    answer = mllp_client.exchange(*broker.hl7.address, "\r".join([*lines[:6], *steps, ""]).encode(), 30)
    assert b"MSA|AA" in answer
    yield broker
    broker.stop()


def test_modalities_are_answered_at_the_same_time(long_list: Broker) -> None:
    """One scanner's long list does not spoil another's."""
    found: list[int] = []

    def ask() -> None:
        found.append(len(dicom_peer.find(long_list.dicom.address, _identifier())))

    scanners = [threading.Thread(target=ask) for _ in range(3)]
    for scanner in scanners:
        scanner.start()
    for scanner in scanners:
        scanner.join()
    assert found == [401, 401, 401]


def test_a_store_that_cannot_be_read_is_no_empty_list(tmp_path: Path) -> None:
    """A broken store tells the technologist to call somebody; an empty list would say that nobody is waiting."""
    broker = Broker(settings_for(tmp_path))
    broker.start()
    with broker.database.transaction() as transaction:
        transaction.exec_driver_sql("ALTER TABLE scheduled_procedure_step RENAME TO gone")
    ((status, item),) = dicom_peer.find(broker.dicom.address, _identifier())
    broker.stop()
    assert (status, item) == (OUT_OF_RESOURCES, None)


# ---- what is kept of queries ----


def test_what_is_kept_from_a_strict_scanner_is_counted(make_broker: MakeBroker, log_lines: io.StringIO) -> None:
    """An item without what a scanner needs is not on its list; query and log say how many, the log not at each poll."""
    broker = make_broker(modality=[{"ae_title": "CT1", "needs": ["ReferringPhysicianName"]}])
    assert b"MSA|AA" in mllp_client.exchange(*broker.hl7.address, _order("A1", ITEMS["A1"]), 10)
    assert [_ask(broker, _identifier()) for _ in range(2)] == [(set(), set())] * 2
    broker.stop()
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    told = [(line["ae_title"], line["count"]) for line in lines if line["event"] == "entries withheld"]
    assert told == [("CT1", 1)]
    kept = Database(broker.settings.store.url)
    with kept.reading() as connection:
        (query,) = queries.recent(connection, limit=10)
    kept.close()
    assert (query.answers, query.withheld, query.status) == (0, 1, "0000")


def test_every_query_is_kept_with_its_outcome(make_broker: MakeBroker, log_lines: io.StringIO) -> None:
    """What a scanner asked, from where, with what outcome and in what time is kept; the log names no patient."""
    broker = make_broker(dicom={"max_answers": 1})
    put_order = mllp_client.exchange(*broker.hl7.address, _order("A1", ITEMS["A1"]), 10)
    assert b"MSA|AA" in put_order
    assert b"MSA|AA" in mllp_client.exchange(*broker.hl7.address, _order("A2", ITEMS["A2"]), 10)
    dicom_peer.find(broker.dicom.address, _identifier(PatientName="Geheim*"))
    dicom_peer.find(broker.dicom.address, _identifier())
    dicom_peer.find(broker.dicom.address, _identifier(), syntaxes=[ExplicitVRLittleEndian])
    broker.stop()
    kept = Database(broker.settings.store.url)
    with kept.reading() as connection:
        third, second, first = queries.recent(connection, limit=10)
    kept.close()
    assert [(row.status, row.answers) for row in (first, second, third)] == [("0000", 0), ("A700", 1), ("A700", 1)]
    assert (first.ae_title, first.called, first.address) == ("CT1", "SWF", "127.0.0.1")
    assert datasets.decoded(first.identifier, UID(first.syntax)).PatientName == "Geheim*"
    assert datasets.decoded(third.identifier, UID(third.syntax)).AccessionNumber == ""
    assert (first.syntax, third.syntax) == (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
    assert first.milliseconds < 10_000
    assert "Geheim" not in log_lines.getvalue()
