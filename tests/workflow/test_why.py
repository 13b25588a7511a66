"""Why a station does, or does not, see an order: every rule, and never another answer than the door's (RAD-5)."""

import difflib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from swf.config import Settings
from swf.dicom import columns, datasets, encoding
from swf.model.journal import Event
from swf.net.dicom_refusals import Refused
from swf.store import journal, orders, queries, worklist
from swf.store.journal import Entry
from swf.store.queries import Asked
from swf.workflow import near, stations, steps, why
from swf.workflow.verdict import Finding, Verdict, Why

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LATER = datetime(2031, 1, 1, tzinfo=UTC)
STEP_KEYS = frozenset(
    {"Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"}
    | {"ScheduledProcedureStepStatus"}
)
Department = Any


def _order(number: str, **values: str) -> str:
    told = {
        "name": "DOE^JANE",
        "station": "CT1",
        "start": "202611220930",
        "control": "NW",
        "patient": f"P{number}",
    } | values
    lines = (
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}{told['control']}|P|2.5.1||||||UNICODE UTF-8",
        f"PID|||{told['patient']}^^^HOSP^MR||{told['name']}||19800229|F",
        f"ORC|{told['control']}|{number}^HIS|F{number}^RIS||{told.get('orc_5', '')}",
        f"TQ1|1||||||{told['start']}|||R",
        f"OBR|1|{number}^HIS|F{number}^RIS|C1^Abdomen^99SIM",
        f"IPC|{number}|RP{number}|1.2.3.{number[1:]}|S{number}|CT|P1^Routine^99SIM|||{told['station']}",
    )
    return "\r".join((*lines, ""))


def _take(department: Department, message: str, code: str = "AA") -> None:
    assert department.receive(message).code == code


def _ask(department: Department, title: str = "CT1", status: str = "0000", answers: int = 1, **keys: str) -> None:
    """Let a station ask, a good while after everything else, and keep that as the door does."""
    identifier, step = Dataset(), Dataset()
    for keyword, value in keys.items():
        setattr(step if keyword in STEP_KEYS else identifier, keyword, value)
    identifier.ScheduledProcedureStepSequence = [step]
    raw = datasets.encoded(identifier, ImplicitVRLittleEndian)
    with department.database.transaction() as transaction:
        asked = Asked(title, "SWF", "192.0.2.7", ImplicitVRLittleEndian, raw, status, answers)
        queries.add(transaction, asked, LATER, 1)


def _why(department: Department, number: str = "A1", title: str = "CT1", called: str = "") -> Why:
    with department.database.reading() as connection:
        return why.of(connection, department.site.settings, number, (title, called), NOW)


def _hidden(answer: Why) -> list[Finding]:
    (step,) = answer.steps
    return [finding for finding in step.findings if finding.verdict is Verdict.HIDES]


def _listed(department: Department, title: str, called: str, **keys: str) -> list[str]:
    """The steps the door would give."""
    settings: Settings = department.site.settings
    station = stations.find(settings, title, called)
    with department.database.reading() as connection:
        query = why._query(station, queries.last(connection, why._titles(settings, station)))
        found = [encoding.decode(item.stored) for item in stations.items(connection, station, query, NOW)]
    return [str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID) for item in found]


@dataclass
class Told:
    """A case of one rule: the settings, what happened, what is asked, and what is found in facts and in the action."""

    rule: str
    facts: str
    action: str
    settings: dict[str, Any] = field(default_factory=dict)
    order: dict[str, str] = field(default_factory=dict)
    then: Callable[[Department], object] = lambda _department: None
    keys: dict[str, str] = field(default_factory=dict)
    called: str = ""


def _of_ct1(**profile: Any) -> dict[str, Any]:
    return {"modality": [{"ae_title": "CT1", **profile}]}


def _performed(status: str) -> Callable[[Department], object]:
    def perform(department: Department) -> None:
        begun = department.begin(*department.worklist())
        if status:
            department.end(begun, status)

    return perform


def _spoil_last(department: Department) -> None:
    """Let the last step lack what a strict scanner cannot do without."""
    step = department.rows("step")[-1]
    spoilt = columns.merge(step.dataset, {"RequestedProcedureID": ""})
    with department.database.transaction() as transaction:
        steps.rewrite(transaction, step, spoilt, NOW, own_identifiers=False)


_OFF_LOOPBACK = {"dicom": {"host": "0.0.0.0"}, "modality": [{"ae_title": "CT1A"}]}
CASES = {
    "stranger": Told("caller", "no [[modality]] calls with CT1", "did you mean CT1A?", _OFF_LOOPBACK),
    "called": Told("called", "NORTH is no AE title of ours", "call SWF", {**_OFF_LOOPBACK, **_of_ct1()}, called="NORTH"),
    "cancelled": Told(
        "status", "CANCELLED since", "send the order anew", then=lambda it: _take(it, _order("A1", control="CA"))
    ),
    "by message": Told("status", "by message 2", "anew", then=lambda it: _take(it, _order("A1", control="CA"))),
    "on hold": Told("status", "HELD since", "ORC-1 RL", then=lambda it: _take(it, _order("A1", control="HD"))),
    "completed": Told("status", "COMPLETED since", "it is done", then=_performed("COMPLETED")),
    "abandoned": Told("status", "DISCONTINUED since", "anew", then=_performed("DISCONTINUED")),
    "begun": Told("status", "listed are ARRIVED", "add STARTED", _of_ct1(statuses=["ARRIVED"]), then=_performed("")),
    "not arrived": Told("status", "SCHEDULED since", "add SCHEDULED", _of_ct1(statuses=["ARRIVED"])),
    "status asked": Told("status", "listed are READY", "", keys={"ScheduledProcedureStepStatus": "READY"}),
    "flawed": Told("held", "RequestedProcedureID is missing", "correct the order", then=_spoil_last),
    "tenant": Told(
        "partition", "nothing is not among NORTH", "WorklistLabel",
        {"partition": [{"ae_title": "N", "labels": ["NORTH"]}]}, called="N",
    ),
    "label": Told("label", "nothing is not among SOUTH", "labels", _of_ct1(labels=["SOUTH"])),
    "place": Told("location", "nothing is not among ROOM 3", "locations", _of_ct1(locations=["ROOM 3"])),
    "too late": Told(
        "date window", "20261124 is not among … to 20261123", "days_ahead", _of_ct1(days_ahead=1),
        {"start": "202611240930"},
    ),
    "too early": Told(
        "date window", "20261120 is not among 20261121 to …", "days_behind", _of_ct1(days_behind=1),
        {"start": "202611200930"},
    ),
    "station": Told(
        "station", "CT2 is not among CT1", "stations of the modality", _of_ct1(station_filter="forced"), {"station": "CT2"}
    ),
    "station asked": Told(
        "station", "capitals and small letters differ", "IPC-9", order={"station": "ct1"},
        keys={"ScheduledStationAETitle": "CT1"},
    ),
    "station nearly": Told("station", "CT1 is nearly CT01", "", order={"station": "CT01"}, keys={"ScheduledStationAETitle": "CT1"}),
    "needs": Told("needs", "AdmissionID has no value", "correct the order", _of_ct1(needs=["PatientID", "AdmissionID"])),
    "day": Told("key ScheduledProcedureStepStartDate", "20261122 is not among 20261123", "dates", keys={"ScheduledProcedureStepStartDate": "20261123"}),
    "moment": Told(
        "key ScheduledProcedureStepStartDate", "20261122093000 is not among 20261122100000 to 20261123235959", "dates",
        keys={"ScheduledProcedureStepStartDate": "20261122-20261123", "ScheduledProcedureStepStartTime": "1000-"},
    ),
    "kind": Told("key Modality", "CT is not among MR", "IPC-5", keys={"Modality": "MR"}),
    "name": Told("key PatientName", "doe^jane is not among roe*", "", keys={"PatientName": "ROE*"}),
    "number": Told("key PatientID", "leading zeros", "the patient has now", keys={"PatientID": "P-A1"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_rule_that_hides_an_order_is_named(found: Callable[..., Department], case: str) -> None:
    """An operator reads which one rule keeps an order from a scanner, on what facts, and what mends it."""
    told = CASES[case]
    department = found(**told.settings)
    _take(department, _order("A1", **told.order))
    told.then(department)
    _ask(department, **told.keys)
    answer = _why(department, called=told.called)
    (finding,) = _hidden(answer)
    assert (finding.rule, told.facts in finding.facts, told.action in finding.action) == (told.rule, True, True), (
        finding
    )
    assert answer.sentence == f"CT1 does not see A1: {told.rule}"
    rejected = told.rule in ("caller", "called")
    assert _listed(department, "CT1", told.called) == (["SA1"] if rejected else [])


def test_an_order_that_is_seen_says_so(found: Callable[..., Department]) -> None:
    """Where nothing hides an order each rule that was looked at says on what ground it lets it pass."""
    department = found(**_of_ct1(station_filter="implied", days_ahead=3, days_behind=0))
    _take(department, _order("A1"))
    _ask(department, PatientName="DOE*")
    answer = _why(department)
    assert (answer.sentence, answer.seen, _hidden(answer)) == ("CT1 sees A1", True, [])
    assert _listed(department, "CT1", "") == ["SA1"]
    passed = {finding.rule for finding in answer.steps[0].findings if finding.verdict is Verdict.PASSES}
    assert passed == {"caller", "status", "date window", "station", "key PatientName", "asked"}


def test_the_funnel_tells_where_a_list_becomes_empty(found: Callable[..., Department]) -> None:
    """Condition by condition it is told how many steps are left of all there are."""
    department = found()
    for number, station in (("A1", "CT1"), ("A2", "CT1"), ("A3", "CT2"), ("A4", "CT9")):
        _take(department, _order(number, station=station))
    _spoil_last(department)
    _ask(department, ScheduledStationAETitle="CT1", PatientName="NOBODY")
    funnel = [(stage.rule, stage.left) for stage in _why(department).funnel]
    assert funnel == [("every step", 4), ("status", 4), ("station", 2), ("query key", 0), ("held", 0)]
    _ask(department)
    assert [stage.left for stage in _why(department).funnel] == [4, 4, 3]


def test_what_a_station_did_is_told_beside(department: Department) -> None:
    """Whether the scanner asked since the order came, was cut off or was given the step already, can be read."""
    _take(department, _order("A1"))

    def noted(rule: str) -> list[str]:
        return [finding.facts for finding in _why(department).steps[0].findings if finding.rule == rule]

    assert noted("asked") == ["CT1 has never asked for a list"]
    _ask(department, status="A700", answers=7)
    assert noted("asked") == ["last asked at 2031-01-01 00:00:00 and got 7, not the whole list"]
    assert noted("given") == []
    (step,) = department.rows("step")
    with department.database.transaction() as transaction:
        worklist.record_answers(transaction, "CT1", [step.id], NOW)
        orders.set_step_status(transaction, step.id, step.status, step.dataset, LATER.replace(year=2032))
    assert noted("given") == ["was given to CT1 1 time, last at 2026-11-22 09:00:00"]
    assert "before the step became what it is" in noted("asked")[0]


def test_a_refused_association_is_told(department: Department) -> None:
    """A scanner that is turned away at the door is said to be, with the reason, until it has asked again."""
    _take(department, _order("A1"))
    with department.database.transaction() as transaction:
        for title in ("CT1", "MR1"):
            detail = {**asdict(Refused("192.0.2.9", title, "SWF", "comes from another host")), "times": 1}
            journal.add(transaction, NOW, [Entry(Event.ASSOCIATION_REJECTED, detail=detail)])

    def told() -> list[str]:
        return [finding.facts for finding in _why(department).steps[0].findings if finding.rule == "rejected"]

    assert told() == ["was refused an association at 2026-11-22 09:00:00: comes from another host"]
    _ask(department)
    assert told() == []


PROFILES = st.fixed_dictionaries(
    {},
    optional={
        "station_filter": st.sampled_from(["asked", "implied", "forced"]),
        "stations": st.sampled_from([["CT1"], ["CT1", "CT2"], ["MR1"]]),
        "statuses": st.sampled_from([["SCHEDULED"], ["CANCELLED", "HELD"]]),
        "days_behind": st.integers(0, 2),
        "days_ahead": st.integers(0, 2),
        "needs": st.sampled_from([["AdmissionID"], ["RequestedProcedureID"]]),
        "names_begin": st.booleans(),
        "time_zone": st.sampled_from(["Pacific/Kiritimati", "Pacific/Pago_Pago"]),
    },
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "PatientName": st.sampled_from(["DOE", "DOE*", "MUELLER*", "*"]),
        "PatientID": st.sampled_from(["PA1", "X"]),
        "Modality": st.sampled_from(["CT", "MR", "C*"]),
        "ScheduledStationAETitle": st.sampled_from(["CT1", "CT2", "C*"]),
        "ScheduledProcedureStepStartDate": st.sampled_from(["20261122", "20261121-", "-20261123"]),
        "ScheduledProcedureStepStartTime": st.sampled_from(["0930", "0000-1200"]),
        "ScheduledProcedureStepStatus": st.sampled_from(["SCHEDULED", "HELD"]),
    },
)


def test_why_never_says_another_thing_than_the_door(found: Callable[..., Department]) -> None:
    """Whatever the profile and the query, an order that is said to be seen is on the list, and no other is."""
    department = found()
    for number, values in {
        "A1": {},
        "A2": {"station": "CT2", "start": "202611212330", "name": "Müller^Jürgen"},
        "A3": {"station": "CT1~CT2", "start": "202611230030", "name": "ROE^RICHARD"},
    }.items():
        _take(department, _order(number, **values))
    _take(department, _order("A3", control="HD"))
    seen: set[bool] = set()

    @given(PROFILES, KEYS)
    @hypothesis_settings(max_examples=60, deadline=None)
    def agree(profile: dict[str, Any], keys: dict[str, str]) -> None:
        department.site = replace(department.site, settings=Settings(**_of_ct1(**profile)))
        _ask(department, **keys)
        told = [step.step_id for number in ("A1", "A2", "A3") for step in _why(department, number).steps if step.seen]
        assert sorted(told) == sorted(_listed(department, "CT1", "")), (profile, keys)
        seen.update(map(bool, told) if told else [False])

    agree()
    assert seen == {True, False}


def test_a_merged_patient_is_told(department: Department) -> None:
    """An order that went to another number by a merge says so: a search for the old number finds nothing."""
    _take(department, _order("A1", patient="OLD"))
    merged = "PID|||NEW^^^HOSP^MR||DOE^JANE||19800229|F"
    assert department.adt("A40", merged, "MRG|OLD^^^HOSP^MR").code == "AA"
    _ask(department, PatientID="OLD")
    answer = _why(department)
    assert [finding.rule for finding in _hidden(answer)] == ["key PatientID"]
    (note,) = (finding for finding in answer.steps[0].findings if finding.rule == "patient merged")
    assert note.facts == "came for OLD, merged into NEW: the old number finds nothing"


def test_a_number_nobody_knows_says_what_came_near(department: Department) -> None:
    """A mistyped number finds the one that was meant, a number that never came is said to have never come."""
    _take(department, _order("A9912345"))
    answer = _why(department, "A-9912345")
    assert (answer.sentence, answer.seen, answer.steps) == ("nothing is known of A-9912345", False, [])
    assert [(finding.rule, finding.facts) for finding in answer.near] == [
        ("near miss", "there is A9912345"),
        ("near miss", "there is FA9912345"),
        ("never arrived", "no message with A-9912345 has come"),
    ]
    assert [finding.rule for finding in _why(department, "ZZZ").near] == ["never arrived"]


def test_a_refused_message_that_holds_the_number_is_named(department: Department) -> None:
    """An order that was refused is found by its number, with the reason and the command that helps."""
    _take(department, _order("A1").replace("PID|||PA1", "PID|||"), "AE")
    (finding,) = _why(department).near
    assert (finding.rule, finding.verdict) == ("message refused", Verdict.HIDES)
    assert "was refused: " in finding.facts
    assert finding.action.startswith("swf messages show 1")
    _take(department, _order("A1").replace("|MA1NW|", "|M9|"))
    (beside,) = _why(department).near
    assert beside.verdict is Verdict.NOTE


def test_later_messages_do_not_hide_the_refused_one(department: Department) -> None:
    """However many messages of an order came after it, the one that was refused is still named."""
    _take(department, _order("A1").replace("PID|||PA1", "PID|||").replace("|MA1NW|", "|M0|"), "AE")
    for number in range(6):
        _take(department, _order("A1", control="NW" if number == 0 else "XO").replace("|MA1", f"|M{number}A1"))
    (beside,) = _why(department).near
    assert (beside.rule, beside.verdict) == ("message refused", Verdict.NOTE)


def test_a_message_that_was_taken_for_something_else_is_named(department: Department) -> None:
    """A number that came where nobody looks for one leads to the message and to what became of it."""
    _take(department, _order("A1").replace("C1^Abdomen^99SIM", "C1^Abdomen^99SIM||||||||X77"))
    (finding, *_) = _why(department, "X77").near
    assert (finding.rule, finding.action) == ("message", "swf explain --message 1")


@pytest.mark.parametrize(
    ("number", "known", "meant"),
    [
        ("a1 ", ["A1", "B2"], ["A1"]),
        ("000123", ["123", "124"], ["123"]),
        ("2026-0001", ["20260001"], ["20260001"]),
        ("ACC10001", ["ACC10010", "XYZ"], ["ACC10010"]),
        ("Q", ["ACC10010"], []),
    ],
)
def test_what_people_mistype_is_near(number: str, known: list[str], meant: list[str]) -> None:
    """Blanks, hyphens, zeros, capitals and two letters exchanged do not keep a number from being found."""
    assert near.numbers(number, known) == meant


@given(st.text("AB01", max_size=12), st.text("AB01", max_size=12))
def test_a_number_is_near_by_its_letters_alone(number: str, other: str) -> None:
    """Which lengths are not even compared makes no difference to what is found."""
    alike = difflib.get_close_matches(near._core(number), [near._core(other)], cutoff=near._ALIKE)
    assert near.numbers(number, [other]) == ([other] if alike and number != other else [])
