"""Worklists of any length for the benchmarks: the same steps in our store, as files, and in memory.

Step n is for station n mod 20, two steps for each station and day: however long the list, a day of one station is as
short. Everybody on it is called DOE.
"""

import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from swf.dicom import columns, encoding
from swf.model.order import STEP
from swf.store.database import Database
from tests import rows
from tests.bench.raw_scu import identifier
from tests.net.dicom_peer import dataset

STATIONS, EACH_DAY = 20, 2
FIRST_DAY = date(2026, 1, 1)
_NUMBER = "00000000"

TEMPLATE: dict[str, Any] = {
    "AccessionNumber": f"A{_NUMBER}",
    "ReferringPhysicianName": "ROE^RICHARD",
    "ReferencedStudySequence": [],
    "ReferencedPatientSequence": [],
    "PatientName": f"DOE^JANE^{_NUMBER}",
    "PatientID": f"P{_NUMBER}",
    "IssuerOfPatientID": "HOSP",
    "PatientBirthDate": "19800229",
    "PatientSex": "F",
    "PatientWeight": "",
    "MedicalAlerts": "DIABETIC",
    "Allergies": "",
    "PregnancyStatus": "4",
    "AdmissionID": f"V{_NUMBER}",
    "CurrentPatientLocation": "RADIOLOGY",
    "StudyInstanceUID": f"1.2.3.1{_NUMBER}",
    "RequestedProcedureID": f"R{_NUMBER}",
    "RequestedProcedureDescription": "CT abdomen with contrast",
    "RequestedProcedurePriority": "ROUTINE",
    "RequestedProcedureCodeSequence": [
        {"CodeValue": "CTABDC", "CodingSchemeDesignator": "99HIS", "CodeMeaning": "CT abdomen with contrast"}
    ],
    "RequestingPhysician": "ROE^RICHARD",
    "PlacerOrderNumberImagingServiceRequest": f"O{_NUMBER}",
    "FillerOrderNumberImagingServiceRequest": f"F{_NUMBER}",
    "ReasonForTheRequestedProcedure": "Abdominal pain",
    "ScheduledProcedureStepSequence": [
        {
            "ScheduledStationAETitle": "CT000",
            "ScheduledProcedureStepStartDate": "00010101",
            "ScheduledProcedureStepStartTime": "093000",
            "Modality": "CT",
            "ScheduledPerformingPhysicianName": "",
            "ScheduledProcedureStepDescription": "Abdomen native",
            "ScheduledStationName": "CT ROOM 1",
            "ScheduledProcedureStepLocation": "RADIOLOGY",
            "ScheduledProcedureStepID": f"S{_NUMBER}",
            "ScheduledProcedureStepStatus": "SCHEDULED",
            "PreMedication": "",
            "ScheduledProtocolCodeSequence": [
                {"CodeValue": "P1", "CodingSchemeDesignator": "99PROT", "CodeMeaning": "Abdomen native"}
            ],
        }
    ],
}


def station(number: int) -> str:
    """Where step `number` is to be done."""
    return f"CT{number % STATIONS:03d}"


def day(number: int) -> str:
    """When step `number` is to be done."""
    return f"{FIRST_DAY + timedelta(days=number // (STATIONS * EACH_DAY)):%Y%m%d}"


def items(count: int) -> Iterator[tuple[int, bytes]]:
    """The steps as they are stored."""
    template = encoding.encode(TEMPLATE)
    for number in range(count):
        item = template.replace(_NUMBER.encode(), f"{number:08d}".encode())
        yield number, item.replace(b"00010101", day(number).encode()).replace(b"CT000", station(number).encode())


def fill(database: Database, count: int) -> None:
    """Write `count` steps of one order into an empty SQLite store, past every index and habit that slows an import."""
    with database.transaction() as transaction:
        order = rows.order(transaction)
    fixed = columns.columns(encoding.encode(TEMPLATE))
    names = [column.name for column in STEP.columns if column.name != "id"]
    defaults = {
        column.name: column.default.arg
        for column in STEP.columns
        if column.default is not None and column.default.is_scalar
    }
    at = str(rows.AT.replace(tzinfo=None))
    base = {**defaults, **fixed, "order": order, "status": "SCHEDULED", "created_at": at, "updated_at": at}
    connection = sqlite3.connect(database.url.removeprefix("sqlite:///"))
    marks = ", ".join("?" * len(names))
    listed = ", ".join(f'"{name}"' for name in names)

    def lines() -> Iterator[list[Any]]:
        for number, item in items(count):
            own = {name: value.replace(_NUMBER, f"{number:08d}") for name, value in fixed.items() if _NUMBER in value}
            when = day(number)
            moved = {"start": f"{when}093000", "start_date": when, "station": station(number), "dataset": item}
            line = {**base, **own, **moved}
            yield [line[name] for name in names]

    connection.execute("PRAGMA synchronous=OFF")
    connection.executemany(f"INSERT INTO scheduled_procedure_step ({listed}) VALUES ({marks})", lines())  # noqa: S608  our own names
    connection.commit()
    connection.close()


def write_files(folder: Path, count: int) -> None:
    """The same steps as files of the kind other worklist servers read."""
    folder.mkdir(parents=True)
    (folder / "lockfile").touch()
    for number, item in items(count):
        file = encoding.decode(item)
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
        file.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.1{number:08d}"
        file.save_as(folder / f"{number:08d}.wl", enforce_file_format=True)


def _asked(**step: str) -> Dataset:
    codes = dataset(CodeValue="", CodingSchemeDesignator="", CodeMeaning="")
    inner = dataset(
        **{
            "ScheduledStationAETitle": "",
            "ScheduledProcedureStepStartDate": "",
            "ScheduledProcedureStepStartTime": "",
            "Modality": "",
            "ScheduledProcedureStepID": "",
            "ScheduledProcedureStepDescription": "",
            "ScheduledPerformingPhysicianName": "",
            **step,
        }
    )
    inner.ScheduledProtocolCodeSequence = [codes]
    query = dataset(
        AccessionNumber="", ReferringPhysicianName="", PatientName="", PatientID="", PatientBirthDate="", PatientSex="",
        PatientWeight="", MedicalAlerts="", StudyInstanceUID="", RequestedProcedureID="",
        RequestedProcedureDescription="", RequestedProcedurePriority="", AdmissionID="",
    )  # fmt: skip
    query.RequestedProcedureCodeSequence = [codes]
    query.ScheduledProcedureStepSequence = [inner]
    return query


def narrow(number: int) -> bytes:
    """What a scanner asks every half minute: its own list of one day, that of step `number`."""
    return identifier(_asked(ScheduledStationAETitle=station(number), ScheduledProcedureStepStartDate=day(number)))


def broad() -> bytes:
    """Everything there is."""
    return identifier(_asked())
