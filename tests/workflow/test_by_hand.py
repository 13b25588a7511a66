"""Orders an operator makes, changes and cancels by hand (RAD-2, RAD-3, RAD-13)."""

from dataclasses import replace
from pathlib import Path

import pytest

from swf import config
from swf.config import Settings
from swf.errors import IdentifierConflict, IllegalTransition, Misfilled
from swf.model.message import BY_HAND
from swf.store import journal, messages
from swf.store.database import Record, Transaction
from swf.workflow import by_hand, provenance, replay
from swf.workflow import site as sites
from swf.workflow.wanted import Asked, NewOrder, OrderChange, StepChange
from tests.workflow.conftest import MIS, Department, order_message, request

WANTED = NewOrder(
    patient_id="4711",
    issuer="HOSP",
    name="DOE^JANE=ドウ^ジェーン",
    birth_date="1972-04-11",
    sex="F",
    procedure="CTHEAD",
    priority="HIGH",
    start="2026-03-16T09:30",
    referring="FAMILY, DOCTOR",
    requesting="WARD^DOCTOR^^DR",
    reason="Fall & headache",
)
CATALOGUE = """code,procedure_code,procedure,modality,step,stations,protocols,minutes
CTHEAD,CTH,CT head,CT,CT head native,CT1~CT2,P1^Native^99LOCAL,15
MRKNEE,MRK,MR knee,MR,MR knee native,,,30
PETCT,PC1,PET-CT,CT,Low dose,PET1,,10
PETCT,PC1,PET-CT,PT,PET body,PET1,,25
"""


@pytest.fixture
def hospital(department: Department, tmp_path: Path) -> Department:
    """A department with a catalogue and stations, and an MIS that is told."""
    (tmp_path / "procedures.csv").write_text(CATALOGUE, encoding="utf-8")
    (tmp_path / "site.toml").write_text(
        f'extends = "{config.shipped_mappings() / "default.toml"}"\n[attributes]\n'
        # What this HIS does with its fields must not matter to an operator
        'AccessionNumber = { from = "OBR-3.1" }\nPatientID = { from = "PID-2", required = true }\n'
        '[catalogue]\nfile = "procedures.csv"\nby = "OBR-44.1"\n[stations]\nMR = "MR1"\n"*" = "ANY"\n',
        encoding="utf-8",
    )
    settings = Settings(mapping=str(tmp_path / "site.toml"), site={"issuer": "HOSP"}, destination=[MIS])
    department.site = sites.load(settings)
    return department


def make(hospital: Department, key: str = "k1", *, confirmed: str = "", tell: bool = False, **fields: str) -> Record:
    """Let Jane make the order, with these fields otherwise."""
    said, asked = replace(WANTED, **fields), Asked("jane", key, tell)
    return hospital.database.run(lambda tx: by_hand.order(tx, hospital.site, said, asked, confirmed=confirmed))


def change(
    hospital: Department, number: str, key: str = "c1", steps: dict[str, StepChange] | None = None, **fields: str
) -> None:
    """Let Jane change the order of that number."""
    said = OrderChange(steps or {}, **fields)

    def work(transaction: Transaction) -> None:
        by_hand.change(transaction, hospital.site, by_hand.named(transaction, number), said, Asked("jane", key))

    hospital.database.run(work)


def cancel(hospital: Department, number: str, reason: str = "Broken arm, not head", *, tell: bool = False) -> None:
    """Let Jane cancel the order of that number."""

    def work(transaction: Transaction) -> None:
        row = by_hand.named(transaction, number)
        by_hand.cancel(transaction, hospital.site, row, reason, Asked("jane", f"cancel {number}", tell))

    hospital.database.run(work)


def from_his(hospital: Department, *further: str, **fields: str) -> None:
    """An order as this HIS sends it: the patient's number in PID-2, the accession number in OBR-3."""
    values = {"obr_3": "ACC1", "orc_7": "^^^20260316093000^20260316100000", **fields}
    message = order_message("C1", *request("8100^HIS", **values), *further)
    assert hospital.receive(message.replace("PID|||4711^^^HOSP", "PID||4711|")).code == "AA"


def test_an_order_by_hand_is_on_the_worklist_as_any_other(hospital: Department) -> None:
    """The catalogue gives the procedure and its stations, the site the accession number; the name keeps its scripts."""
    row = make(hospital)
    (item,) = hospital.worklist()
    step = item.ScheduledProcedureStepSequence[0]
    assert item.AccessionNumber == row.accession_number == "SWF00000001"
    assert str(item.PatientName) == "DOE^JANE=ドウ^ジェーン"
    assert (item.PatientID, item.IssuerOfPatientID, item.PatientBirthDate) == ("4711", "HOSP", "19720411")
    assert item.RequestedProcedureCodeSequence[0].CodeValue == "CTH"
    assert (item.RequestedProcedureDescription, item.RequestedProcedurePriority) == ("CT head", "HIGH")
    assert (step.Modality, step.ScheduledProcedureStepDescription) == ("CT", "CT head native")
    assert list(step.ScheduledStationAETitle) == ["CT1", "CT2"]
    assert (step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime) == ("20260316", "093000")
    assert step.ScheduledProcedureStepEndTime == "094500"
    assert (str(item.ReferringPhysicianName), str(item.RequestingPhysician)) == ("FAMILY^DOCTOR", "WARD^DOCTOR^^DR")
    assert item.ReasonForTheRequestedProcedure == "Fall & headache"
    assert "OrderEnteredBy" not in item


def test_its_trace_says_who_did_it_and_where_everything_came_from(hospital: Department) -> None:
    """The trace begins with the message the operator's words became; each attribute names its field."""
    row = make(hospital)
    with hospital.database.reading() as connection:
        moments = journal.trace_of(connection, [row.id])
        message = messages.one(connection, 1)
    assert moments[0].event == "message received"
    assert (moments[0].detail["from"], moments[0].detail["by"]) == ("by hand", "jane")
    assert moments[-1].detail == {"by": "jane", "did": "ordered by hand"}
    assert message is not None
    assert message.door == BY_HAND
    explained = provenance.explained(hospital.site, [message])
    origins = provenance.of_step(explained, "", {"PatientID": "4711", "RequestedProcedurePriority": "HIGH"})
    assert [each.place for each in origins.values()] == ["PID-3.1", "TQ1-9.1"]


def test_a_procedure_the_catalogue_does_not_have_needs_its_words_and_its_modality(hospital: Department) -> None:
    """Without them it is refused beside both fields; with them the station is the site's for that modality."""
    with pytest.raises(Misfilled) as refused:
        make(hospital, procedure="XYZ")
    assert set(refused.value.fields) == {"procedure_text", "modality"}
    make(hospital, procedure="XYZ", procedure_text="MR toe", modality="mr")
    (item,) = hospital.worklist()
    assert item.RequestedProcedureCodeSequence[0].CodingSchemeDesignator == "99LOCAL"
    assert item.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "MR1"
    assert item.ScheduledProcedureStepSequence[0].Modality == "MR"


def test_every_mistake_is_told_at_once(hospital: Department) -> None:
    """Each field at fault has its sentence, no sentence repeats what was typed, and nothing has happened."""
    wrong = {"patient_id": "P" * 65, "name": "^JANE", "birth_date": "1972-02-30", "sex": "X", "priority": "SOON"}
    wrong |= {"start": "tomorrow", "station": "CT1, MUCH_TOO_LONG_A_TITLE", "accession": "A" * 17, "reason": "r" * 65}
    with pytest.raises(Misfilled) as refused:
        make(hospital, **wrong)
    assert set(refused.value.fields) == set(wrong)
    assert not [text for text in refused.value.fields.values() if "tomorrow" in text or "TITLE" in text]
    assert hospital.rows("message") == hospital.rows("order") == []


def test_a_day_nobody_was_born_on_is_refused(hospital: Department) -> None:
    """A birth date to come, or of another age, is a slip of the finger."""
    for born in ("2999-01-01", "1072-04-11"):
        with pytest.raises(Misfilled, match="born"):
            make(hospital, birth_date=born)


def test_a_form_sent_twice_is_one_order(hospital: Department) -> None:
    """A double click makes one order; the same form with something else in it is refused, and not done in silence."""
    first, second = make(hospital), make(hospital)
    assert first.id == second.id
    assert len(hospital.rows("message")) == len(hospital.rows("order")) == 1
    with pytest.raises(IdentifierConflict, match="under this key before"):
        make(hospital, reason="Something else")
    assert make(hospital, "k2").id != first.id


def test_a_number_of_somebody_else_is_asked_about(hospital: Department) -> None:
    """A known number with another name or birth date is refused until the operator has seen whose it is."""
    make(hospital)
    with pytest.raises(Misfilled) as refused:
        make(hospital, "k2", name="ROE^RICHARD", birth_date="1950-01-01")
    assert refused.value.fields == {"patient_id": "is known with another name, another birth date"}
    assert refused.value.person is not None
    assert refused.value.person["name"] == "DOE^JANE=ドウ^ジェーン"
    assert len(hospital.rows("order")) == 1
    with pytest.raises(Misfilled):
        make(hospital, "k2", name="ROE^RICHARD", confirmed="seen something else")
    make(hospital, "k2", name="ROE^RICHARD", birth_date="1950-01-01", confirmed=str(refused.value.person["seen"]))
    assert str(hospital.worklist()[-1].PatientName) == "ROE^RICHARD"
    assert hospital.warnings() == [
        "name and birth date of the patient are both others than before; look whether the number is somebody else's"
    ]
    make(hospital, "k3", name="roe^richard", birth_date="")  # the same person, less said


def test_an_accession_number_is_not_given_twice(hospital: Department) -> None:
    """A typed accession number is used, and refused when it is another order's."""
    assert make(hospital, accession="A-77").accession_number == "A-77"
    with pytest.raises(Misfilled, match="accession is that of another order"):
        make(hospital, "k2", accession="A-77")
    with pytest.raises(Misfilled, match="any text"):
        make(hospital, "k2", accession="A*")


def test_an_order_of_the_his_is_changed_by_hand(hospital: Department) -> None:
    """Another time, station and priority; numbers, patient and procedure stay as the HIS gave them."""
    from_his(hospital)
    (before,) = hospital.worklist()
    step_id = before.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID
    change(hospital, "8100", steps={step_id: StepChange("2026-03-17T11:00", "CT7,CT8")}, priority="STAT")
    (after,) = hospital.worklist()
    step = after.ScheduledProcedureStepSequence[0]
    assert (step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime) == ("20260317", "110000")
    assert list(step.ScheduledStationAETitle) == ["CT7", "CT8"]
    assert after.RequestedProcedurePriority == "STAT"
    same = set(before.keys()) - {before["RequestedProcedurePriority"].tag, before["ScheduledProcedureStepSequence"].tag}
    assert {tag: before[tag] for tag in same} == {tag: after[tag] for tag in same}
    assert set(after.keys()) == set(before.keys())
    assert hospital.rows("step")[0].own_identifiers  # the HIS may still give the step an id of its own
    assert hospital.rows("order")[0].said_by == "HIS|HOSP"


def test_an_exam_that_is_moved_takes_as_long_as_before(hospital: Department) -> None:
    """The planned end moves with the start, or it would be before it."""
    from_his(hospital)
    name = hospital.steps()[0][0]
    change(hospital, "ACC1", steps={name: StepChange("2026-03-17T11:00")})
    (item,) = hospital.worklist()
    step = item.ScheduledProcedureStepSequence[0]
    assert (step.ScheduledProcedureStepEndDate, step.ScheduledProcedureStepEndTime) == ("20260317", "113000")
    assert step.ScheduledStationAETitle == "ANY"


def test_another_procedure_goes_where_it_can_be_done(hospital: Department) -> None:
    """A CT becomes an MR: words, codes, device and duration are the new one's, and nothing of the old protocol is left."""
    number = make(hospital).accession_number
    change(hospital, number, procedure="MRKNEE")
    (item,) = hospital.worklist()
    step = item.ScheduledProcedureStepSequence[0]
    assert (item.RequestedProcedureDescription, item.RequestedProcedureCodeSequence[0].CodeValue) == ("MR knee", "MRK")
    assert (step.Modality, step.ScheduledStationAETitle) == ("MR", "MR1")
    assert not step.get("ScheduledProtocolCodeSequence")
    assert (step.ScheduledProcedureStepStartTime, step.ScheduledProcedureStepEndTime) == ("093000", "100000")
    change(hospital, number, "c2", procedure="TOE", procedure_text="MR toe", modality="MR")
    (item,) = hospital.worklist()
    step = item.ScheduledProcedureStepSequence[0]
    assert (item.RequestedProcedureDescription, step.ScheduledStationAETitle) == ("MR toe", "MR1")
    assert not step.get("ScheduledProcedureStepEndTime")
    with pytest.raises(Misfilled, match="several steps"):
        change(hospital, number, "c3", procedure="PETCT")


def test_one_step_of_several_is_moved(hospital: Department) -> None:
    """Of a PET-CT only the PET is moved; a priority is that of both."""
    number = make(hospital, procedure="PETCT", station="").accession_number
    change(hospital, number, steps={"S1.2": StepChange(start="2026-03-16T15:00")})
    starts = {row.step_id: row.start for row in hospital.rows("step")}
    assert starts == {"S1.1": "20260316093000", "S1.2": "20260316150000"}
    change(hospital, number, "c2", priority="STAT")
    assert {item.RequestedProcedurePriority for item in hospital.worklist()} == {"STAT"}
    assert {row.step_id: row.start for row in hospital.rows("step")} == starts


def test_a_change_on_top_of_somebody_elses_is_refused(hospital: Department) -> None:
    """Who looks at an order while the HIS moves it, and then moves it, is told to look again."""
    number = make(hospital).accession_number
    seen = hospital.rows("step")[0].version
    change(hospital, number, steps={"S1.1": StepChange(start="2026-03-16T15:00", version=seen)})
    with pytest.raises(Misfilled, match="meanwhile"):
        change(hospital, number, "c2", steps={"S1.1": StepChange(start="2026-03-16T16:00", version=seen)})
    change(hospital, number, steps={"S1.1": StepChange(start="2026-03-16T15:00", version=seen)})  # a double click
    with pytest.raises(Misfilled, match="no step of this order"):
        change(hospital, number, "c3", steps={"S9.9": StepChange(start="2026-03-16T16:00")})


def test_an_order_is_cancelled_for_a_reason(hospital: Department) -> None:
    """It leaves the worklist, the destinations are told when that is wanted, and the journal has who and why."""
    number = make(hospital).accession_number
    with pytest.raises(Misfilled, match="reason is missing"):
        cancel(hospital, number, " ")
    assert hospital.told() == []
    cancel(hospital, number, tell=True)
    cancel(hospital, number, tell=True)
    assert hospital.worklist() == []
    assert hospital.told() == [["ORM^O01", "", "CA", "X"]]
    assert hospital.events("operator acted")[-1][1] == {
        "by": "jane",
        "did": "cancelled by hand",
        "why": "Broken arm, not head",
    }


def test_what_has_begun_is_neither_changed_nor_cancelled(hospital: Department) -> None:
    """The page says so before the click, and the click is refused with the same words."""
    number = make(hospital).accession_number
    hospital.begin(*hospital.worklist())
    found = hospital.database.run(lambda tx: by_hand.lawful(tx, by_hand.named(tx, number)))
    assert found.steps == {"S1.1": "it has begun"}
    assert found.cancel == "it is too late to cancel the order; step S1.1: it has begun"
    with pytest.raises(IllegalTransition, match="too late to cancel"):
        cancel(hospital, number)
    with pytest.raises(IllegalTransition, match=r"step S1\.1 cannot be changed: it has begun"):
        change(hospital, number, steps={"S1.1": StepChange(start="2026-03-16T15:00")})


def test_nobody_else_speaks_as_an_operator(hospital: Department) -> None:
    """A sender that calls itself as the operator does is read by the site's mapping like any other."""
    make(hospital)
    raw = hospital.rows("message")[0].raw
    assert hospital.receive(raw.replace(b"|H", b"|X", 1)).code == "AE"
    refused = hospital.rows("message")[-1]
    assert (refused.door, refused.disposition) == (0, "REFUSED")


def test_it_is_replayed_by_its_own_mapping(hospital: Department) -> None:
    """Taken again after a change of the catalogue, it becomes what the catalogue now says, and no second order."""
    make(hospital)
    row = hospital.rows("message")[0]
    (outcome,) = replay.replay_all(hospital.database, hospital.site, [row], dry_run=False)
    assert (outcome.refusal, outcome.changes) == ("", ())
    assert len(hospital.rows("order")) == 1
