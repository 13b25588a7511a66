"""One patient, several identifiers: chosen, changed, merged, parted, and never made twice (RAD-12, ITI-30, PIR)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from swf import clock, config
from swf.config import Settings
from swf.errors import MessageError
from swf.mapping.rules import SiteMapping
from swf.model.order import ORDER
from swf.model.patient import PATIENT
from swf.store import patients as patient_store
from swf.store.database import Database
from swf.workflow import intake
from swf.workflow.site import Site
from swf.workflow.unmerge import unmerge as take_back
from tests.workflow.conftest import Department, Found, order_message, request

SENDERS = 8
TWO = "A1^^^REGION~4711^^^HOSP"
MERGE = ("PID|||4711^^^HOSP||DOE^JANE||19720411|F", "MRG|TEMP9^^^HOSP")
SPLIT = ("PID|||4711^^^HOSP||DOE^JANE||19720411|F", "PV1||O", "PID|||TEMP9^^^HOSP||ROE^JOHN||19500101|M", "PV1||O")


def people(department: Department) -> list[tuple[str, str]]:
    """Identifier and name of each item on the worklist."""
    return [(str(item.PatientID), str(item.PatientName)) for item in department.worklist()]


def owners(department: Department) -> int:
    """How many patients have orders."""
    return len({row.patient for row in department.rows("order")})


# ---- several identifiers ----


def test_the_first_identifier_counts(department: Department) -> None:
    """Of several identifiers the first is the patient's, and the modality is shown the others."""
    department.order(*request(), patient=TWO)
    (item,) = department.worklist()
    assert (item.PatientID, item.IssuerOfPatientID) == ("A1", "REGION")
    assert [(other.PatientID, other.IssuerOfPatientID) for other in item.OtherPatientIDsSequence] == [("4711", "HOSP")]


@pytest.mark.parametrize("patient", [TWO, "4711^^^HOSP~A1^^^REGION"])
def test_the_identifier_of_the_site_counts(found: Found, patient: str) -> None:
    """The hospital's own number is the patient's, wherever it stands among the others."""
    department = found(site={"issuer": "HOSP"})
    department.order(*request(), patient=patient)
    (item,) = department.worklist()
    assert (item.PatientID, item.IssuerOfPatientID) == ("4711", "HOSP")
    assert [(other.PatientID, other.IssuerOfPatientID) for other in item.OtherPatientIDsSequence] == [("A1", "REGION")]


def test_an_order_under_another_identifier(department: Department) -> None:
    """An order that comes under any identifier of the patient, with its authority, is for the same patient."""
    department.order(*request("1^HIS"), patient=TWO)
    department.order(*request("2^HIS"), patient="4711^^^HOSP", name="DOE^J")
    assert people(department) == [("A1", "DOE^JANE")] * 2
    assert owners(department) == 1


def test_another_identifier_without_its_authority(department: Department) -> None:
    """The same number without an authority names nobody we know: it may be another hospital's."""
    department.order(*request("1^HIS"), patient=TWO)
    department.order(*request("2^HIS"), patient="4711", name="ROE^JOHN")
    assert people(department) == [("A1", "DOE^JANE"), ("4711", "ROE^JOHN")]


def test_an_update_brings_another_identifier(department: Department) -> None:
    """An identifier that registration adds later is known from then on."""
    department.order(*request("1^HIS"))
    department.adt("A31", "PID|||4711^^^HOSP~A1^^^REGION||DOE^JANE")
    department.order(*request("2^HIS"), patient="A1^^^REGION")
    assert people(department) == [("4711", "DOE^JANE")] * 2


def test_an_identifier_of_somebody_else(department: Department) -> None:
    """Two patients are never made one by an identifier in passing; an operator is told."""
    department.order(*request("1^HIS"), patient="A1^^^REGION", name="ROE^JOHN")
    department.order(*request("2^HIS"), patient="4711^^^HOSP~A1^^^REGION")
    assert people(department) == [("A1", "ROE^JOHN"), ("4711", "DOE^JANE")]
    assert department.warnings() == ["another patient has the identifier of authority REGION; nothing was merged"]


# ---- at the same moment ----


@pytest.mark.parametrize("patient", ["4711^^^HOSP", "4711^^^HOSP~A1^^^REGION"])
def test_many_senders_at_the_same_moment(database: Database, mapping: SiteMapping, patient: str) -> None:
    """Many systems announce the same new patient at the same moment: there is one patient, and every order is there."""
    site = Site(Settings(mapping=str(config.shipped_mappings() / "default.toml")), mapping)
    start = threading.Barrier(SENDERS)

    def send(number: int) -> bytes:
        raw = order_message(f"C{number}", *request(f"{number}^HIS"), patient=patient).encode()
        start.wait()
        return intake.receive(database, site, raw, "192.0.2.1")

    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(send, range(SENDERS)))
    with database.reading() as connection:
        ordered = connection.execute(ORDER.select()).all()
        known = connection.execute(PATIENT.select().where(PATIENT.c.merged_into.is_(None))).all()
    assert all(b"MSA|AA|" in answer for answer in answers)
    assert (len(known), len(ordered), {row.patient for row in ordered}) == (1, SENDERS, {known[0].id})


# ---- unknown patients ----


def test_a_trauma_patient(department: Department) -> None:
    """Somebody without name, birth date or number of their own is examined at once and gets a name later."""
    patient = "TRAUMA17^^^HOSP"
    assert department.order(*request(), patient=patient, name="TRAUMA^X-RAY 17").code == "AA"
    assert department.adt("A08", "PID|||TRAUMA17^^^HOSP||DOE^JANE||19720411|F").code == "AA"
    assert department.adt("A40", "PID|||4711^^^HOSP||DOE^JANE||19720411|F", "MRG|TRAUMA17^^^HOSP").code == "AA"
    assert people(department) == [("4711", "DOE^JANE")]


# ---- changed, merged, parted ----


@pytest.mark.parametrize("event", ["A34", "A39", "A40"])
def test_a_merge_by_any_name(department: Department, event: str) -> None:
    """Older systems merge by other events; the orders move all the same."""
    department.order(*request(), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    assert department.adt(event, *MERGE).code == "AA"
    assert people(department) == [("4711", "DOE^JANE")]


def test_an_identifier_is_changed(department: Department) -> None:
    """After A47 everything is under the new number, what was known stays known, and the old number still leads there."""
    department.adt("A08", "PID|||4711^^^HOSP||DOE^JANE||19720411|F|||STREET 1^^TOWN")
    department.order(*request("1^HIS"))
    for _ in range(2):
        assert department.adt("A47", "PID|||5000^^^HOSP", "MRG|4711^^^HOSP").code == "AA"
    department.order(*request("2^HIS"))
    assert people(department) == [("5000", "DOE^JANE")] * 2
    assert [item.PatientAddress for item in department.worklist()] == ["STREET 1 TOWN"] * 2
    assert owners(department) == 1


@pytest.mark.parametrize("event", ["A40", "A47"])
def test_a_further_identifier_becomes_the_one_that_stays(department: Department, event: str) -> None:
    """A number that came beside the temporary one is the patient's own once the hospital says so."""
    department.order(*request("1^HIS"), patient="TEMP9^^^HOSP~4711^^^HOSP")
    for _ in range(2):
        assert department.adt(event, *MERGE).code == "AA"
    department.order(*request("2^HIS"), patient="TEMP9^^^HOSP")
    assert people(department) == [("4711", "DOE^JANE")] * 2
    assert owners(department) == 1


def test_an_unknown_identifier_is_changed(department: Department) -> None:
    """A change of a number nobody has used yet is kept for what comes later."""
    department.order(*request("1^HIS"))
    assert department.adt("A47", MERGE[0], "MRG|TEMP9^^^HOSP").code == "AA"
    department.order(*request("2^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    assert people(department) == [("4711", "DOE^JANE")] * 2


def test_an_identifier_that_is_taken(department: Department) -> None:
    """A number cannot be changed to one that another patient has; that would be a merge nobody asked for."""
    department.order(*request("1^HIS"))
    department.order(*request("2^HIS"), patient="5000^^^HOSP", name="ROE^JOHN")
    answer = department.adt("A47", "PID|||5000^^^HOSP||DOE^JANE", "MRG|4711^^^HOSP")
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert people(department) == [("4711", "DOE^JANE"), ("5000", "ROE^JOHN")]


@pytest.mark.parametrize("segments", [SPLIT, (*SPLIT[2:], *SPLIT[:2])], ids=["survivor first", "other first"])
def test_a_merge_is_taken_back(department: Department, segments: tuple[str, ...]) -> None:
    """Two patients merged by mistake are parted: each has the orders back that came under its own number."""
    department.order(*request("1^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    department.order(*request("2^HIS"))
    department.adt("A40", *MERGE)
    department.order(*request("3^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    assert people(department) == [("4711", "DOE^JANE")] * 3
    assert department.adt("A37", *segments).code == "AA"
    assert people(department) == [("TEMP9", "ROE^JOHN"), ("4711", "DOE^JANE"), ("TEMP9", "ROE^JOHN")]
    assert [item.PatientBirthDate for item in department.worklist()] == ["19500101", "19720411", "19500101"]


def test_a_merge_in_a_row_is_taken_back(department: Department) -> None:
    """What had been merged into the patient before goes with the patient."""
    department.order(*request("1^HIS"), patient="T1^^^HOSP", name="ROE^JOHN")
    department.adt("A40", "PID|||TEMP9^^^HOSP||ROE^JOHN", "MRG|T1^^^HOSP")
    department.adt("A40", *MERGE)
    assert people(department) == [("4711", "DOE^JANE")]
    assert department.adt("A37", *SPLIT).code == "AA"
    assert people(department) == [("TEMP9", "ROE^JOHN")]


def test_parted_patients_share_nothing(department: Department) -> None:
    """After a merge was taken back nothing of the one patient stays in the items of the other."""
    department.adt("A08", "PID|||4711^^^HOSP||DOE^JANE||19720411|F|||STREET 1^^TOWN")
    department.order(*request(), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    department.adt("A40", *MERGE)
    assert department.worklist()[0].PatientAddress == "STREET 1 TOWN"
    department.adt("A37", *SPLIT)
    assert "PatientAddress" not in department.worklist()[0]


@pytest.mark.parametrize("segments", [SPLIT, SPLIT[:2]], ids=["never merged", "one patient"])
def test_nothing_to_be_parted(department: Department, segments: tuple[str, ...]) -> None:
    """Patients who were never merged cannot be parted."""
    department.order(*request("1^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    department.order(*request("2^HIS"))
    assert department.adt("A37", *segments).code == "AE"
    assert owners(department) == 2


# ---- a merge taken back by an operator ----


def unmerge(department: Department, identifier: str, *, everything: bool = False) -> tuple[tuple[str, ...], ...]:
    """Take a merge back; the accession numbers that moved, and those that stayed."""
    found: tuple[tuple[str, ...], ...] = department.database.run(
        lambda transaction: take_back(
            transaction, department.site, (identifier, "HOSP"), clock.now(), everything=everything
        )
    )
    return found


def merged_department(department: Department) -> Department:
    """Two orders of one patient and one of another, merged."""
    for number in ("1^HIS", "2^HIS"):
        department.order(*request(number), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    department.order(*request("3^HIS"))
    department.adt("A40", *MERGE)
    assert people(department) == [("4711", "DOE^JANE")] * 3
    return department


def test_an_operator_takes_a_merge_back(department: Department) -> None:
    """A merge that was a mistake is taken back without the HIS; each patient has the orders of before."""
    merged_department(department)
    assert unmerge(department, "TEMP9") == (("SWF00000001", "SWF00000002"), ())
    assert people(department) == [("TEMP9", "ROE^JOHN"), ("TEMP9", "ROE^JOHN"), ("4711", "DOE^JANE")]
    department.order(*request("4^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    assert people(department)[3] == ("TEMP9", "ROE^JOHN")


@pytest.mark.parametrize("everything", [False, True], ids=["untouched", "all"])
def test_what_was_worked_on_stays_with_whom_it_was_for(department: Department, everything: bool) -> None:
    """An exam that was performed under the other name is not renamed behind anybody's back, unless it is asked for."""
    merged_department(department)
    department.begin(department.worklist()[0])
    department.adt("A08", "PID|||4711^^^HOSP||DOE^JANE||19720411|F|||STREET 1^^TOWN")
    moved, left = unmerge(department, "TEMP9", everything=everything)
    assert left == (() if everything else ("SWF00000001",))
    assert moved == (("SWF00000001", "SWF00000002") if everything else ("SWF00000002",))
    names = [("TEMP9", "ROE^JOHN") if everything else ("4711", "DOE^JANE"), ("TEMP9", "ROE^JOHN"), ("4711", "DOE^JANE")]
    assert people(department) == names


def test_what_came_under_the_merged_number_goes_home(department: Department) -> None:
    """An order that still came for the merged number is that patient's when the merge was none."""
    merged_department(department)
    department.order(*request("4^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    assert unmerge(department, "TEMP9")[0][-1] == "SWF00000004"


def test_merges_are_listed(department: Department) -> None:
    """An operator finds a merge by either number; a further identifier of a patient is none."""
    merged_department(department)
    department.order(*request("5^HIS"), patient="4799^^^HOSP~X1^^^OTHER")

    def listed(search: str) -> list[tuple[str, str]]:
        with department.database.reading() as connection:
            rows = patient_store.merges(connection, limit=9, search=search)
        return [(row.patient_id, row.into) for row in rows]

    for search in ("", "TEMP9", "4711"):
        assert listed(search) == [("TEMP9", "4711")]
    assert listed("X1") == []
    unmerge(department, "TEMP9")
    assert listed("") == []


@pytest.mark.parametrize("identifier", ["4711", "9999", "TEMP9"])
def test_merges_that_cannot_be_taken_back(department: Department, identifier: str) -> None:
    """Who was not merged stays, and orders never go to somebody of whom nothing but a number is known."""
    department.adt("A40", *MERGE)
    department.order(*request("4^HIS"), patient="TEMP9^^^HOSP", name="ROE^JOHN")
    before = people(department)
    with pytest.raises(MessageError):
        unmerge(department, identifier)
    assert people(department) == before
