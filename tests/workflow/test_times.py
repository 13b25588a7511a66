"""Times as senders write them: oddly, with an offset, in a zone of their own (RAD-2, RAD-48; HL7 2.5.1 2.A.77)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from swf import clock
from swf.workflow import account
from tests.workflow.conftest import Department, Found, order_message, request

MOSCOW = {"name": "his", "application": "HIS", "time_zone": "Europe/Moscow"}
NEW_YORK = {"name": "his", "application": "HIS", "time_zone": "America/New_York"}


@pytest.fixture
def berlin() -> Iterator[None]:
    """The site is set to be in central Europe."""
    clock.use_zone("Europe/Berlin")
    yield
    clock.use_zone("")


def starts(department: Department) -> list[str]:
    """The start of every step."""
    return [row.start for row in department.rows("step")]


def at(start: str, **fields: str) -> list[str]:
    """An order for that time."""
    return request(orc_7=f"^^^{start}", **fields)


@pytest.mark.parametrize(
    ("start", "expected", "warning"),
    [
        ("20260316240000", "20260316000000", "ORC-7.4 has the hour 24, which no day has; only the day was taken"),
        (
            "20260316093060",
            "20260316093000",
            "ORC-7.4 has the second 60, which no minute has; only the minute was taken",
        ),
        ("00000000", "20260315083000", "ORC-7.4 is all zeros and counts as empty"),
    ],
    ids=["hour 24", "second 60", "zeros"],
)
def test_an_odd_time_is_taken_as_far_as_it_goes(
    department: Department, start: str, expected: str, warning: str
) -> None:
    """An order with hour 24 or second 60 is scheduled on the day it names, and an operator is told once."""
    assert department.order(*at(start)).code == "AA"
    assert (starts(department), department.warnings()) == ([expected], [warning])
    message = order_message("X", *at(start))
    told = account.of(department.site, message.encode(), "192.0.2.1", department.database.rehearse)
    assert [item["warnings"] for item in told["items"]] == [(warning,)]


def test_zeros_are_no_change(department: Department) -> None:
    """A change whose time is all zeros leaves the exam where it is."""
    department.order(*at("20260316093000"))
    assert department.order(*at("00000000", orc_1="XO")).code == "AA"
    assert starts(department) == ["20260316093000"]


@pytest.mark.parametrize("start", ["20260316250000", "20260316096000", "20260230", "tomorrow"])
def test_a_time_that_is_none_is_refused(department: Department, start: str) -> None:
    """What nobody can have meant is refused at its field; the exam is not scheduled for another time instead."""
    answer = department.order(*at(start))
    assert (answer.code, answer.error_code) == ("AE", "102")
    assert department.rows("message")[0].reason.startswith("ORC^1^7: ")


@pytest.mark.parametrize(
    ("segments", "warning"),
    [
        (["SCH|1||||||||||^^^20260401240000"], "SCH-11 has the hour 24"),
        (["SCH|1", "RGS|1", "AIS|1|A|CTABD|20260401240000"], "AIS-4 has the hour 24"),
    ],
    ids=["SCH-11", "AIS-4"],
)
def test_an_appointment_at_hour_24(department: Department, segments: list[str], warning: str) -> None:
    """An appointment at hour 24 is on its day, and an operator is told."""
    department.order(*request("1"))
    assert department.receive(order_message("S1", *segments).replace("ORM^O01", "SIU^S12")).code == "AA"
    assert starts(department) == ["20260401000000"]
    assert [text.startswith(warning) for text in department.warnings()] == [True]


@pytest.mark.parametrize(
    ("source", "start", "expected"),
    [
        (MOSCOW, "20260316093000", "20260316073000"),
        (MOSCOW, "20260716093000", "20260716083000"),  # Moscow knows no summer time, Berlin does
        (MOSCOW, "20260316003000", "20260315223000"),
        (MOSCOW, "20260316", "20260316000000"),
        (MOSCOW, "20260316093000+0500", "20260316053000"),
        (MOSCOW, "20260329033000", "20260329013000"),  # half an hour before Berlin turns its clocks
        (MOSCOW, "20260329043000", "20260329033000"),  # and half an hour after
        (MOSCOW, "20261025033000", "20261025023000"),  # the hour that Berlin has twice: the first
        (MOSCOW, "20261025043000", "20261025023000"),  # and the second
        (NEW_YORK, "20260308093000", "20260308143000"),  # New York is five hours behind, but six in other weeks
        (NEW_YORK, "20260307093000", "20260307153000"),
        (NEW_YORK, "20260308023000", "20260308083000"),  # an hour New York leaves out: by the clock not yet turned
        ({**MOSCOW, "time_zone": "Europe/Berlin"}, "20260329023000", "20260329023000"),
        ({**MOSCOW, "time_zone": ""}, "20260316093000", "20260316093000"),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_times_of_a_sender_elsewhere(found: Found, source: dict[str, Any], start: str, expected: str) -> None:
    """A time without an offset is by the clock of who sent it, and the worklist shows it by the clock of the site."""
    department = found(source=[source])
    assert department.order(*at(start)).code == "AA"
    assert starts(department) == [expected]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("20260315083000", "20260716083000"),
        ("20260315083000+0300", "20260716083000"),
        ("20260315083000+0100", "20260716103000"),
    ],
    ids=["no offset", "its own offset", "another offset"],
)
@pytest.mark.usefixtures("berlin")
def test_the_header_goes_before_the_settings(found: Found, sent: str, expected: str) -> None:
    """An offset in MSH-7 other than that of the sender's zone says where the message really came from."""
    department = found(source=[MOSCOW])
    message = order_message("C1", *at("20260716093000")).replace("|20260315083000|", f"|{sent}|", 1)
    assert department.receive(message).code == "AA"
    assert starts(department) == [expected]


@pytest.mark.usefixtures("berlin")
def test_an_appointment_from_elsewhere(found: Found) -> None:
    """An appointment is moved to the site's clock as an order is."""
    department = found(source=[MOSCOW])
    department.order(*request("1"))
    message = order_message("S1", "SCH|1", "RGS|1", "AIS|1|A|CTABD|20260401140000").replace("ORM^O01", "SIU^S12")
    assert department.receive(message).code == "AA"
    assert starts(department) == ["20260401130000"]


@pytest.mark.usefixtures("berlin")
def test_nobody_is_born_elsewhere(found: Found) -> None:
    """A date of birth is what is written, whatever zone its sender lives in."""
    department = found(source=[MOSCOW])
    department.receive(order_message("C1", *request()).replace("19720411", "197204110030"))
    (item,) = department.worklist()
    assert (item.PatientBirthDate, item.PatientBirthTime) == ("19720411", "003000")


@pytest.mark.usefixtures("berlin")
def test_explain_uses_the_senders_zone(found: Found) -> None:
    """What `swf explain` shows is what the message will be, the sender's zone included."""
    department = found(source=[MOSCOW])
    told = account.of(
        department.site, order_message("X", *at("20260316093000")).encode(), "192.0.2.1", department.database.rehearse
    )
    assert '"value": "073000"' in json.dumps(told)
