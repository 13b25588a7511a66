"""Messages that come after newer ones: an older word about an order or a patient never takes over in silence."""

import pytest

from swf import clock
from tests.workflow.conftest import Department, Found, request

TEN, FIVE_PAST, QUARTER_PAST = "20260315100000", "20260315100500", "20260315101500"
LATE = "came before it; it counts all the same"


def order(department: Department, control: str, sent: str, start: str = "093000", said: str = "", **more: str) -> str:
    """Hand in an order message of that MSH-7 and ORC-9; the code of its acknowledgement."""
    options = {"sender": "HIS|HOSP", "name": "DOE^JANE", **more}
    segments = request(orc_1=control, orc_7=f"^^^20260316{start}", orc_9=said)
    control_id = f"{control}{sent}{start}{said}{options['name']}"
    head = f"MSH|^~\\&|{options['sender']}|SWF|RAD|{sent}||ORM^O01|{control_id}|P|2.3.1"
    pid = f"PID|||4711^^^HOSP||{options['name']}||19720411|F"
    return department.receive("\r".join([head, pid, *segments, ""])).code


def adt(department: Department, sent: str, name: str, recorded: str = "") -> str:
    """Hand in an ADT^A08 of that MSH-7 and EVN-2; the code of its acknowledgement."""
    head = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|{sent}||ADT^A08|A{sent}{name}{recorded}|P|2.3.1"
    return department.receive(f"{head}\rEVN||{recorded}\rPID|||4711^^^HOSP||{name}\r").code


def start(department: Department) -> str:
    """When the only step begins."""
    (item,) = department.worklist()
    return str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime)


def test_an_older_change_that_comes_late_is_told(department: Department) -> None:
    """Of two changes that changed places on the way the operator learns, in the story of the order."""
    order(department, "NW", TEN)
    order(department, "XO", QUARTER_PAST, "110000")
    assert not department.warnings()
    assert order(department, "XO", FIVE_PAST, "100000") == "AA"
    (warning,) = department.warnings()
    assert warning.startswith("the message is of 2026-03-15 10:05:00 UTC, and one of 2026-03-15 10:15:00 UTC")
    assert LATE in warning
    assert department.events("warning")
    assert department.rows("journal")[-1].order == department.rows("order")[0].id
    assert start(department) == "100000"


@pytest.mark.parametrize("control", ["XO", "NW", "HD", "CA", "SC"])
def test_an_older_message_is_refused_where_its_source_wants_it(found: Found, control: str) -> None:
    """Such a sender is told (AE 206), and the newer word stays in force."""
    strict = found(source=[{"name": "his", "application": "HIS", "late_messages": "refuse"}])
    order(strict, "NW", TEN)
    order(strict, "XO", QUARTER_PAST, "110000")
    before = strict.rows("step")
    expected = "AA" if control == "SC" else "AE"  # a status that is only noted changes nothing
    assert order(strict, control, FIVE_PAST, "100000") == expected
    assert strict.rows("step") == before
    assert not strict.warnings()
    assert adt(strict, QUARTER_PAST, "NEW^JANE") == "AA"
    assert adt(strict, FIVE_PAST, "OLD^JANE") == "AE"
    assert strict.worklist()[0].PatientName == "NEW^JANE"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((TEN, ""), (TEN, "")),
        ((TEN, ""), (FIVE_PAST, "")),
        ((QUARTER_PAST, TEN), (TEN, FIVE_PAST)),  # sent on by an engine in another order than it was said
        ((QUARTER_PAST, TEN), (QUARTER_PAST, TEN)),
        (("20260315", ""), (TEN, "")),
        ((QUARTER_PAST, ""), ("20260315", "")),
        (("20260315120000+0200", ""), ("20260315101500Z", "")),
        ((QUARTER_PAST, ""), ("20269915", "")),
        ((QUARTER_PAST, ""), ("", "")),
    ],
)
def test_what_is_not_late(department: Department, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Messages in their order, of the same second, or without a time that can be compared, warn nobody."""
    order(department, "NW", first[0], said=first[1])
    assert order(department, "XO", second[0], "110000", said=second[1]) == "AA"
    assert not department.warnings()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((QUARTER_PAST, ""), (TEN, "")),
        ((TEN, FIVE_PAST), (QUARTER_PAST, TEN)),
        ((QUARTER_PAST, FIVE_PAST), (TEN, FIVE_PAST)),
        ((QUARTER_PAST, FIVE_PAST), (TEN, "")),
        (("20260315101500Z", ""), ("20260315120000+0200", "")),
    ],
)
def test_what_is_late(department: Department, first: tuple[str, str], second: tuple[str, str]) -> None:
    """ORC-9 decides where both tell it and it differs, else MSH-7; offsets from UTC are respected."""
    order(department, "NW", first[0], said=first[1])
    assert order(department, "XO", second[0], "110000", said=second[1]) == "AA"
    assert [LATE in text for text in department.warnings()] == [True]


def test_clocks_of_two_systems_are_not_compared(department: Department) -> None:
    """What the RIS says is not late because its clock is behind that of the HIS."""
    order(department, "NW", QUARTER_PAST)
    assert order(department, "XO", TEN, "110000", sender="RIS|RAD") == "AA"
    assert not department.warnings()


def test_the_hour_that_comes_twice_tells_nothing(department: Department, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the night the clocks are set back nobody is called late."""
    clock.use_zone("Europe/Berlin")
    try:
        order(department, "NW", "20261025024500")
        assert order(department, "XO", "20261025021500", "110000") == "AA"
        assert not department.warnings()
        order(department, "XO", "20261025034500")
        order(department, "XO", "20261025031500")
        assert len(department.warnings()) == 1
    finally:
        clock.use_zone("")


def test_a_late_hold_after_the_release_is_told(department: Department) -> None:
    """A hold that overtook nothing but came last is carried out, and the story of the order says so."""
    order(department, "NW", TEN)
    order(department, "HD", FIVE_PAST)
    order(department, "RL", QUARTER_PAST)
    assert order(department, "HD", "20260315101000") == "AA"
    assert len(department.warnings()) == 1


def test_an_older_name_of_a_patient_is_told(department: Department) -> None:
    """An A08 that comes late is told with every open order of the patient."""
    order(department, "NW", TEN, sender="RIS|RAD")
    adt(department, QUARTER_PAST, "NEW^JANE")
    assert adt(department, FIVE_PAST, "OLD^JANE") == "AA"
    assert [LATE in text for text in department.warnings()] == [True]
    assert (
        adt(department, "20260315103000", "NEW^JANE", "20260315095000") == "AA"
    )  # sent later: EVN-2 stood in one only
    assert len(department.warnings()) == 1


def test_an_order_that_is_older_news_of_its_patient_is_told(department: Department) -> None:
    """A new order that was sent before the patient was renamed brings the old name back, and says so."""
    adt(department, QUARTER_PAST, "NEW^JANE")
    assert order(department, "NW", FIVE_PAST, name="OLD^JANE") == "AA"
    assert ["the patient is now as the older one says" in text for text in department.warnings()] == [True]
    assert order(department, "NW", "20260315101000", name="OLD^JANE") == "AA"
    assert len(department.warnings()) == 1


def test_an_order_that_makes_somebody_else_of_its_patient_is_told(department: Department) -> None:
    """When the name and the birth date behind a number both change, the number may be another patient's by mistake."""

    def warned(number: str, name: str, birth: str) -> int:
        pid = f"PID|||4711^^^HOSP||{name}||{birth}|F"
        head = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|{TEN}||ORM^O01|W{number}|P|2.3.1"
        assert department.receive("\r".join([head, pid, *request(number), ""])).code == "AA"
        return sum("somebody else's" in text for text in department.warnings())

    assert warned("1", "DOE^JANE", "19720411") == 0
    assert warned("2", "ROE^JANE", "19720411") == 0  # married
    assert warned("3", "Roe^Jane", "19720412") == 0  # mended
    assert warned("4", "POE^ANN", "") == 0
    assert warned("5", "DOE^RICHARD", "19500101") == 1


def test_an_older_appointment_is_told(department: Department) -> None:
    """A booking that was moved already, and whose first notice comes last, is told."""
    order(department, "NW", TEN)
    for sent, at in ((QUARTER_PAST, "110000"), (FIVE_PAST, "100000")):
        head = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|{sent}||SIU^S13|S{sent}|P|2.4"
        sch = "SCH||F1||||RESCHED" + "|" * 20 + "8100^HIS"
        body = [head, sch, "RGS|1|U", f"AIS|1|U|CTABD|20260316{at}", ""]
        assert department.receive("\r".join(body)).code == "AA"
    assert [LATE in text for text in department.warnings()] == [True]
