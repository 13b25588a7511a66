"""Orders: new, changed, cancelled, discontinued, one or several to a message (RAD-2, RAD-4, RAD-13)."""

import pytest

from tests.workflow.conftest import Department, request, segment

ZDS = "ZDS|1.2.840.99.1^100^Application^DICOM"
TWO_IPC = [
    "ORC|NW|8100^HIS|F5500^SWF",
    "TQ1|1||||||20260316093000",
    "OBR|1|8100^HIS|F5500^SWF|CTABD^CT abdomen^99HIS",
    "IPC|ACC1|RP1|1.2.840.99.1|SPS1|CT|P1^Native^99P|||CT1",
    "IPC|ACC1|RP1|1.2.840.99.1|SPS2|CT|P2^Venous^99P|||CT1",
]
NUMBERED = {"obr_18": "ACC1", "obr_19": "RP1", "obr_20": "SPS1"}


def identifiers(department: Department) -> list[tuple[str, ...]]:
    """What a modality copies into its images: accession, procedure, study and step of each item."""
    return [
        (
            str(item.AccessionNumber),
            str(item.RequestedProcedureID),
            str(item.StudyInstanceUID),
            str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID),
        )
        for item in department.worklist()
    ]


def perform(department: Department, status: str | None = None) -> None:
    """Let a modality begin the first item of the worklist and, if told how, end it."""
    uid = department.begin(department.worklist()[0])
    if status:
        department.end(uid, status)


# ---- new ----


def test_an_order_without_numbers_gets_them(department: Department) -> None:
    """An order that brings nothing but its own number is scheduled under numbers of ours that fit every modality."""
    assert department.order(*request()).code == "AA"
    ((accession, procedure, study, step),) = identifiers(department)
    assert (accession, procedure, step) == ("SWF00000001", "R1.1", "S1.1")
    assert study.startswith("2.25.")
    assert department.worklist()[0].FillerOrderNumberImagingServiceRequest == accession


def test_the_numbers_stay_the_same(department: Department) -> None:
    """However often an order is sent, its study and its other numbers stay what the modality has already seen."""
    department.order(*request())
    department.order(*request("8101^HIS"))
    before = identifiers(department)
    for control in ("NW", "XO"):
        assert department.order(*request(orc_1=control, obr_4="CTHEAD^CT head^99HIS")).code == "AA"
    assert identifiers(department) == before
    assert len({study for _, _, study, _ in before}) == 2


def test_a_derived_study_survives_the_store(found: object, department: Department) -> None:
    """Even a broker that lost its store gives an order that is sent again the same Study Instance UID."""
    department.order(*request("8099^HIS"))
    department.order(*request())
    again = found()  # type: ignore[operator]
    again.order(*request())
    assert identifiers(again)[0][2] == identifiers(department)[1][2]


def test_numbers_of_the_message_are_kept(department: Department) -> None:
    """Numbers the hospital has given are used as they are, and none is invented."""
    department.order(*request(**NUMBERED), ZDS)
    assert identifiers(department) == [("ACC1", "RP1", "1.2.840.99.1", "SPS1")]


def test_several_orders_in_one_message(department: Department) -> None:
    """A message with three orders puts three orders on the worklist, each with its own study."""
    assert department.order(*request("1^HIS"), *request("2^HIS"), *request("3^HIS")).code == "AA"
    assert [row.placer_order_number for row in department.rows("order")] == ["1", "2", "3"]
    assert len({study for _, _, study, _ in identifiers(department)}) == 3


def test_several_requests_of_one_order(department: Department) -> None:
    """Two OBR under one ORC are two steps of one order; different procedures get different studies."""
    orc, first = request(obr_4="CTABD^CT abdomen^99HIS")
    second = request(obr_4="CTHEAD^CT head^99HIS")[1]
    assert department.order(orc, first, second).code == "AA"
    assert len(department.rows("order")) == 1
    assert department.steps() == [("S1.1", "SCHEDULED"), ("S1.2", "SCHEDULED")]
    assert len({study for _, _, study, _ in identifiers(department)}) == 2
    before = identifiers(department)
    assert department.order(orc, first, second).code == "AA"
    assert identifiers(department) == before


@pytest.mark.parametrize(
    "segments",
    [TWO_IPC, [*request(**NUMBERED), *request(**NUMBERED | {"obr_20": "SPS2"}), ZDS]],
    ids=["two IPC", "two ORC and OBR, one ZDS"],
)
def test_several_steps_of_one_order(department: Department, segments: list[str]) -> None:
    """An order of two steps shows two items of one study, whichever way its message says so, however often."""
    for _ in range(2):
        assert department.order(*segments).code == "AA"
    assert identifiers(department) == [("ACC1", "RP1", "1.2.840.99.1", step) for step in ("SPS1", "SPS2")]
    assert len(department.rows("order")) == 1


@pytest.mark.parametrize(
    ("segments", "patient", "error"),
    [
        (request("8100^HIS"), "4712^^^HOSP", ("205", "PID^1^3")),
        ([*request("8200^HIS"), ZDS], "4712^^^HOSP", ("205", "ZDS^1^1")),
        ([*request("8200^HIS", obr_20="SPS1"), ZDS], "4711^^^HOSP", ("205", "OBR^1^20")),
        (request("", orc_3="", obr_3="", obr_2=""), "4711^^^HOSP", ("101", "ORC^1^2")),
        (request("8200^HIS", orc_7=""), "", ("101", "PID^1^3")),
        (["PV1||O"], "4711^^^HOSP", ("100", "ORC^1")),
        (["ORC||8200^HIS"], "4711^^^HOSP", ("101", "ORC^1^1")),
    ],
    ids=["order of another", "study of another", "step taken", "no number", "no patient", "no order", "no control"],
)
def test_refused_orders(department: Department, segments: list[str], patient: str, error: tuple[str, str]) -> None:
    """An order whose numbers belong to somebody else, or are missing, is refused at the field; nothing changes."""
    department.order(*request(**NUMBERED), ZDS)
    before = department.rows("step"), department.rows("order")
    answer = department.order(*segments, patient=patient, name="ROE^JOHN")
    assert (answer.code, answer.error_code) == ("AE", error[0])
    assert department.rows("message")[-1].reason.startswith(f"{error[1]}: ")
    assert (department.rows("step"), department.rows("order")) == before
    assert department.worklist()[0].PatientName == "DOE^JANE"


def test_a_filler_number_of_another_order(department: Department) -> None:
    """Two orders of the ward cannot share the number the department gave to one of them."""
    department.order(*request(orc_3="F5500^SWF"))
    answer = department.order(*request("8200^HIS", orc_3="F5500^SWF"))
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert department.rows("message")[1].reason.startswith("ORC^1^3: ")
    assert len(department.worklist()) == 1


def test_all_or_nothing(department: Department) -> None:
    """When the second order of a message cannot be taken, the first is not taken either."""
    answer = department.order(*request("1^HIS"), *request("2^HIS", obr_18="ACC-LONGER-THAN-16"))
    assert (answer.code, answer.error_code) == ("AE", "102")
    assert department.rows("message")[0].reason.startswith("OBR^2^18: ")
    assert not department.rows("order")
    assert not department.worklist()


def test_two_steps_of_one_name(department: Department) -> None:
    """Two steps of a study under one step id cannot be told apart, so the order is refused and not half taken."""
    answer = department.order(*TWO_IPC[:-1], TWO_IPC[-1].replace("SPS2", "SPS1"))
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert department.rows("message")[0].reason.startswith("IPC^2^4: ")


@pytest.mark.parametrize(
    ("control", "status", "reason"),
    [
        ("nw!", "", "order control NW! is not taken here; taken are NW/HD, NW, SN/HD, SN, PA, CH, XO/CM, "),
        ("RF", "CM", "order control RF is not taken here; taken are NW/HD, NW, SN/HD, SN, PA, CH, XO/CM, "),
        ("SC", "zz", "order control SC with status ZZ is not taken here; taken are SC/none, SC/SC, SC/IP, SC/A, SC/CM"),
    ],
)
def test_order_controls_not_taken(department: Department, control: str, status: str, reason: str) -> None:
    """What an ORM asks that we do not do is refused by name, and the answer says which pairs are taken instead."""
    answer = department.order(*request(orc_1=control, orc_5=status))
    assert (answer.code, answer.error_code) == ("AE", "103")
    assert department.rows("message")[0].reason.startswith(f"ORC^1^1: {reason}")


def test_the_same_number_of_another_hospital(department: Department) -> None:
    """Two hospitals may use the same order number, for the namespace tells them apart."""
    department.order(*request("8100^HIS"))
    assert department.order(*request("8100^OTHER"), patient="1^^^OTHER", name="ROE^JOHN").code == "AA"
    assert [str(item.PatientName) for item in department.worklist()] == ["DOE^JANE", "ROE^JOHN"]


# ---- changed ----


def test_a_change_moves_the_step(department: Department) -> None:
    """A rescheduled order shows its new time and what else is new; what the change does not say stays."""
    department.order(*request(**NUMBERED, obr_13="Diabetic"), ZDS)
    assert department.order(*request(orc_1="XO", orc_7="^^^20260317110000", obr_24="MR")).code == "AA"
    (item,) = department.worklist()
    step = item.ScheduledProcedureStepSequence[0]
    assert (step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime) == ("20260317", "110000")
    assert (step.Modality, item.MedicalAlerts, item.AccessionNumber) == ("MR", "Diabetic", "ACC1")
    assert department.rows("step")[0].start == "20260317110000"


def test_a_change_adds_a_step(department: Department) -> None:
    """A change that names a further step adds it; the step that was there stays as it is."""
    department.order(*TWO_IPC[:-1])
    change = [TWO_IPC[0].replace("NW", "XO"), *TWO_IPC[1:]]
    assert department.order(*change).code == "AA"
    assert department.steps() == [("SPS1", "SCHEDULED"), ("SPS2", "SCHEDULED")]


def test_an_added_step_knows_the_patient(department: Department) -> None:
    """A step that is added by a message without visit and allergies shows them as the first step of the order does."""
    department.order("PV1||O|WARD||||||||||||B6", "AL1|1||^Iodine", *TWO_IPC[:-1])
    department.order(TWO_IPC[0].replace("NW", "XO"), *TWO_IPC[1:])
    for item in department.worklist():
        assert (item.PregnancyStatus, item.Allergies, item.CurrentPatientLocation) == (3, "Iodine", "WARD")


def test_the_study_of_a_procedure_is_fixed(department: Department) -> None:
    """A change that would move a procedure to another study is refused: images may already carry the first one."""
    department.order(*TWO_IPC)
    answer = department.order(TWO_IPC[0].replace("NW", "XO"), *(line.replace("99.1", "99.2") for line in TWO_IPC[1:]))
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert department.rows("message")[1].reason.startswith("IPC^1^3: ")
    assert {study for _, _, study, _ in identifiers(department)} == {"1.2.840.99.1"}


def test_numbers_given_later_replace_ours(department: Department) -> None:
    """An order from the ward that the planning system schedules afterwards stays one item, now with its numbers."""
    department.order(*request())
    assert department.order(*request(orc_3="F5500^SWF", **NUMBERED), ZDS).code == "AA"
    assert identifiers(department) == [("ACC1", "RP1", "1.2.840.99.1", "SPS1")]
    assert department.order("ORC|CA||F5500^SWF").code == "AA"
    assert not department.worklist()


def test_a_change_completes(department: Department) -> None:
    """An order the hospital reports as done (XO with status CM) leaves the worklist."""
    department.order(*request())
    assert department.order(*request(orc_1="XO", orc_5="CM")).code == "AA"
    assert department.steps() == [("S1.1", "COMPLETED")]
    assert [row.status for row in department.rows("order")] == ["CM"]


@pytest.mark.parametrize("control", ["XO", "CA", "OC", "DC"])
def test_an_unknown_order(department: Department, control: str) -> None:
    """A change or cancel of an order nobody announced is refused (204), not answered as if it had been done."""
    answer = department.order(*request("1^HIS"), *request("9999^HIS", orc_1=control))
    assert (answer.code, answer.error_code) == ("AE", "204")
    assert department.rows("message")[0].reason.startswith("ORC^2^2: ")
    assert not department.rows("order")


# ---- cancelled and discontinued ----


@pytest.mark.parametrize(
    ("control", "status", "order"),
    [("CA", "CANCELLED", "CA"), ("OC", "CANCELLED", "CA"), ("DC", "DISCONTINUED", "DC")],
)
@pytest.mark.parametrize("number", ["|8100^HIS", "||F5500^SWF", "|8100"], ids=["placer", "filler", "no namespace"])
def test_the_order_control_alone_ends_an_order(
    department: Department, control: str, status: str, order: str, number: str
) -> None:
    """MSH and ORC are enough to take an order off the worklist, and sent twice it does no harm."""
    named = number.startswith("|8100") and "^" not in number
    department.order(*request("8100" if named else "8100^HIS", orc_3="F5500^SWF"))
    for _ in range(2):
        header = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315||ORM^O01|X{len(department.rows('message'))}|P|2.3.1"
        assert department.receive(f"{header}\rORC|{control}{number}\r").code == "AA"
    assert department.steps() == [("S1.1", status)]
    assert [row.status for row in department.rows("order")] == [order]
    assert not department.worklist()


def test_one_step_of_two_is_cancelled(department: Department) -> None:
    """A cancel that names one step leaves the other on the worklist; one that names none ends all."""
    department.order(*TWO_IPC)
    department.order("ORC|CA|8100^HIS", "OBR|1|8100^HIS", TWO_IPC[-1])
    assert department.steps() == [("SPS1", "SCHEDULED"), ("SPS2", "CANCELLED")]
    assert [row.status for row in department.rows("order")] == ["SC"]
    assert department.order("ORC|DC|8100^HIS").code == "AA"
    assert department.steps() == [("SPS1", "DISCONTINUED"), ("SPS2", "CANCELLED")]
    assert [row.status for row in department.rows("order")] == ["DC"]


def test_a_step_nobody_knows_is_not_cancelled(department: Department) -> None:
    """A cancel for a step the order does not have is refused, and the other steps stay."""
    department.order(*TWO_IPC)
    answer = department.order("ORC|CA|8100^HIS", segment("OBR", {"obr_20": "SPS9"}))
    assert (answer.code, answer.error_code) == ("AE", "204")
    assert [status for _, status in department.steps()] == ["SCHEDULED"] * 2


def test_a_begun_exam_is_not_cancelled(department: Department) -> None:
    """Once the modality has begun, a cancel is refused and nothing changes, not even for the steps not begun."""
    department.order(*TWO_IPC)
    perform(department)
    before = department.rows("step")
    answer = department.order("ORC|CA|8100^HIS")
    assert (answer.code, answer.error_code) == ("AE", "206")
    assert department.rows("message")[1].reason.startswith("ORC^1^1: step SPS1: ")
    assert department.rows("step") == before


def test_a_begun_exam_is_discontinued(department: Department) -> None:
    """A discontinue ends what is begun and what is not; what is completed stays completed."""
    department.order(*TWO_IPC)
    perform(department, "COMPLETED")
    assert department.order("ORC|DC|8100^HIS").code == "AA"
    assert department.steps() == [("SPS1", "COMPLETED"), ("SPS2", "DISCONTINUED")]
    assert [row.status for row in department.rows("order")] == ["CM"]


def test_a_cancel_for_another_patient(department: Department) -> None:
    """A cancel whose patient is not the order's is refused: one of the two numbers must be a mistake."""
    department.order(*request())
    answer = department.order("ORC|CA|8100^HIS", patient="4712^^^HOSP", name="ROE^JOHN")
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert department.steps() == [("S1.1", "SCHEDULED")]


@pytest.mark.parametrize("control", ["NW", "XO"])
def test_a_late_order_does_not_reopen_a_completed_one(department: Department, control: str) -> None:
    """An order that is sent again after the exam corrects what is known of it, but stays off the worklist."""
    department.order(*request(**NUMBERED))
    perform(department, "COMPLETED")
    assert department.order(*request(orc_1=control, obr_13="Diabetic", **NUMBERED)).code == "AA"
    assert department.steps() == [("SPS1", "COMPLETED")]
    assert [row.status for row in department.rows("order")] == ["CM"]
    assert not department.worklist()


@pytest.mark.parametrize("end", ["CA", "DC"])
@pytest.mark.parametrize("control", ["NW", "XO"])
def test_a_cancelled_order_stays_cancelled(department: Department, end: str, control: str) -> None:
    """An order that was cancelled does not come back by the same number; the sender is told to use a new one."""
    department.order(*request("1^HIS"), *request("2^HIS"))
    department.order(f"ORC|{end}|2^HIS")
    answer = department.order(*request("1^HIS", orc_1=control), *request("2^HIS", orc_1=control))
    assert (answer.code, answer.error_code) == ("AE", "206")
    assert department.rows("message")[2].reason.startswith("ORC^2^1: ")
    assert [item.PlacerOrderNumberImagingServiceRequest for item in department.worklist()] == ["1"]


def test_a_step_added_to_a_completed_order(department: Department) -> None:
    """A further step for an order that is done puts the order back in progress, with the new step on the worklist."""
    department.order(*TWO_IPC[:-1])
    perform(department, "COMPLETED")
    assert department.order(TWO_IPC[0].replace("NW", "XO"), *TWO_IPC[1:3], TWO_IPC[-1]).code == "AA"
    assert department.steps() == [("SPS1", "COMPLETED"), ("SPS2", "SCHEDULED")]
    assert [row.status for row in department.rows("order")] == ["IP"]


def test_everything_is_journalled(department: Department) -> None:
    """An operator can follow an order from message to message, with every step and status."""
    department.order(*request())
    department.order(*request(orc_1="XO", obr_24="MR"))
    department.order("ORC|CA|8100^HIS")
    assert [kind for kind, _ in department.events()] == [
        "message applied",
        "order created",
        "step scheduled",
        "message applied",
        "order changed",
        "message applied",
        "step status",
        "order status",
    ]
    assert dict(department.events("order status"))["order status"] == {"from": "SC", "to": "CA"}


def test_text_that_was_cut_is_warned_of(department: Department) -> None:
    """A description too long for the modality is cut, the order is taken, and the operator is told."""
    department.order(*request(obr_4=f"CTABD^{'x' * 80}^99HIS"))
    assert len(department.worklist()[0].RequestedProcedureDescription) == 64
    assert any("was cut for RequestedProcedureDescription" in text for text in department.warnings())


@pytest.mark.parametrize("behind", [False, True])
def test_a_patient_without_an_order_makes_the_others_a_guess(department: Department, *, behind: bool) -> None:
    """When two patients stand together before or behind an order, it is given to neither."""
    other = "PID|||4712^^^HOSP||ROE^ANN"
    answer = department.order(*([*request(), other] if behind else [other, *request()]))
    assert (answer.code, answer.error_code) == ("AE", "100")
    assert department.rows("message")[0].reason.startswith("PID^2: ")
    assert not department.rows("order")
