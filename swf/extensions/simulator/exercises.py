"""Exercises for those who learn: something is broken on purpose, the pages alone find out what, and a check says when it is mended.

Each is set up through the doors of the broker and checked through them: what counts is what a scanner sees and an MIS hears.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

from pydicom.dataset import Dataset

from swf import clock, errors
from swf.extensions.simulator import his, ordering, people
from swf.extensions.simulator.modality import Modality
from swf.extensions.simulator.telling import Telling
from swf.extensions.simulator.wire import Wire
from swf.hl7.header import read_header
from swf.profiles import did_you_mean
from swf.sentence import say

STATION, MODALITY = "CT1", "CT"
_FAR_WEST = timezone(timedelta(hours=-12))
_PATIENCE_S = 15.0
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Ground:
    """Where an exercise takes place: the doors of the broker, its AE title, and the MIS that is told by it.

    `listen` gives what the MIS hears, and starts it when it does not run; what it refuses `refusals` times is parked.
    """

    hl7: tuple[str, int]
    dicom: tuple[str, int]
    called: str
    listen: Callable[[], Telling]
    refusals: int

    def send(self, raw: bytes) -> str:
        """Let the HIS send a message; MSA-1. Raises PeerError."""
        wire = Wire(self.hl7)
        try:
            return wire.send(raw, read_header(raw).control_id).code
        finally:
            wire.hang_up()

    def scanner(self) -> Modality:
        """The scanner of the exercises."""
        return Modality(*self.dicom, STATION, self.called)

    def seen(self, accession: str) -> list[Dataset]:
        """What the scanner sees of an order when it asks for its own exams of today."""
        today = f"{clock.local(clock.now()):%Y%m%d}"
        asked = {"ScheduledStationAETitle": STATION, "ScheduledProcedureStepStartDate": today}
        return [item for item in self.scanner().query(**asked) if str(item.AccessionNumber) == accession]


@dataclass(frozen=True)
class Exercise:
    """`prepare` breaks something and tells the facts of it; `missing` says what still is not as it should be, or nothing."""

    title: str
    story: Callable[[Facts], str]
    hints: tuple[str, ...]
    prepare: Callable[[Ground], Facts]
    missing: Callable[[Ground, Facts], str]


def _order(**changes: object) -> his.Order:
    """A fresh order for the scanner, today."""
    fresh = ordering.order(ordering.Habits(secrets.token_hex(4), stations=((MODALITY, STATION),)), 0)
    return replace(fresh, step_ids=fresh.step_ids[:1], **changes)  # type: ignore[arg-type]


def _ordered(ground: Ground, order: his.Order) -> Facts:
    _expect("AA", ground.send(his.order_omi(order)))
    return _facts(order)


def _facts(order: his.Order, **further: str) -> Facts:
    family, given = order.name.split("^")[:2]
    known = {"accession": order.accession, "placer": order.placer_number, "person": f"{family}, {given}"}
    return MappingProxyType({**known, "name": f"{family}^{given}", "station": STATION, **further})


def _expect(wanted: str, code: str) -> None:
    if code != wanted:
        raise errors.PeerRefused(f"the exercise cannot be set up: {code} and not {wanted}", ack_code=code)


def _not_seen(ground: Ground, facts: Facts) -> str:
    return "" if ground.seen(facts["accession"]) else say("%(station)s does not see the order.", **facts)


def _other_case(ground: Ground) -> Facts:
    return _ordered(ground, _order(station_ae=STATION.lower()))


def _room(ground: Ground) -> Facts:
    return _ordered(ground, _order(station_ae="ROOM3"))


def _tomorrow(ground: Ground) -> Facts:
    late = clock.local(clock.now()).replace(hour=23, minute=30, second=0, microsecond=0, tzinfo=_FAR_WEST)
    return _ordered(ground, _order(start=late))


def _letters(ground: Ground) -> Facts:
    habits = ordering.Habits(secrets.token_hex(4), "ru", character_set="WINDOWS-1251", stations=((MODALITY, STATION),))
    order = replace(ordering.order(habits, 0), name="ПРИМЕРОВ^ЮЛИЯ")
    raw = his.omi(order, his.NEW, "WINDOWS-1251").replace(b"WINDOWS-1251", b"UNICODE UTF-8", 1)
    _expect("AE", ground.send(raw))
    return _facts(order)


def _letters_missing(ground: Ground, facts: Facts) -> str:
    seen = ground.seen(facts["accession"])
    if not seen:
        return say("%(station)s does not see the order.", **facts)
    right = any(str(item.PatientName) == facts["name"] for item in seen)
    return "" if right else say("%(station)s sees the order, but not the name %(person)s.", **facts)


def _emergency(ground: Ground) -> Facts:
    order = _order()
    item, step = Dataset(), Dataset()
    step.Modality, step.ScheduledProcedureStepDescription = MODALITY, "Emergency"
    item.PatientName, item.PatientID = "EMERGENCY^ONE", f"E{secrets.token_hex(3).upper()}"
    item.IssuerOfPatientID = people.AUTHORITY
    item.StudyInstanceUID = f"2.25.{secrets.randbits(120)}"
    item.ScheduledProcedureStepSequence = [step]
    scanner = ground.scanner()
    scanner.complete(scanner.begin(item))
    return {**_ordered(ground, order), "emergency": str(item.PatientID)}


def _still_open(ground: Ground, facts: Facts) -> str:
    seen = ground.seen(facts["accession"])
    return say("%(station)s is still asked to do the exam of %(accession)s again.", **facts) if seen else ""


def _refused(ground: Ground) -> Facts:
    order, heard = _order(), ground.listen()
    facts = _ordered(ground, order)
    heard.refuse(order.placer_number, "CM", ground.refusals)
    items = ground.seen(order.accession)
    scanner = ground.scanner()
    scanner.complete(scanner.begin(*items))
    if not heard.refused(order.placer_number, _PATIENCE_S):
        raise errors.ConfigError(
            ["the simulated MIS heard nothing: a [[destination]] of this broker has to lead to it"]
        )
    return facts


def _not_told(ground: Ground, facts: Facts) -> str:
    told = ground.listen().statuses[facts["placer"]]
    return (
        "" if "CM" in told else say("The MIS does not know yet that the exam of %(accession)s is completed.", **facts)
    )


def _missing_on(facts: Facts) -> str:
    return say(
        "The radiographer at %(station)s calls: the order of %(person)s, accession number %(accession)s, is not on the "
        "list. The HIS says it was sent, and acknowledged. Find out why, and put it right.",
        **facts,
    )


_LOOK = say("Open the order by its accession number. The page shows everything that happened to it.")
_WHY = say("Why not? takes the order and the station, and names the rule that hides it.")
_CHANGE = say(
    "The HIS sends a change of the order, or you change the order by hand, or correct it in the mapping and replay."
)
EXERCISES: dict[str, Exercise] = {
    "missing": Exercise(
        say("The order is missing on CT1"),
        _missing_on,
        (_LOOK, _WHY, say("AE titles are compared letter by letter: ct1 is not CT1."), _CHANGE),
        _other_case,
        _not_seen,
    ),
    "room": Exercise(
        say("The order is for a room"),
        _missing_on,
        (
            _WHY,
            say("IPC-9 of the message says ROOM3, which is no AE title. Worklist shows what each station gets."),
            say(
                "If all orders of this HIS name rooms, a table in the mapping makes stations of them. For one, change it."
            ),
        ),
        _room,
        _not_seen,
    ),
    "tomorrow": Exercise(
        say("The order is for tomorrow"),
        _missing_on,
        (
            _WHY,
            say("The start on the order's page is not the hour that stands in TQ1-7. Open the raw message."),
            say("What follows the time in TQ1-7 is an offset from UTC: this HIS believes it is far in the west."),
            say("Change the start of the order to today."),
        ),
        _tomorrow,
        _not_seen,
    ),
    "letters": Exercise(
        say("The message nobody can read"),
        lambda facts: say(
            "The HIS complains that its order %(accession)s for %(person)s is refused. It has sent Cyrillic names for years, "
            "it says. Get the order onto the list of %(station)s, with the right name.",
            **facts,
        ),
        (
            say("Messages shows what was refused, with the reason."),
            say("MSH-18 declares UNICODE UTF-8, but the bytes are not: they are what Windows writes in Russia."),
            say(
                "A [[source]] with charset_override = windows-1251 reads every message of this HIS so. Then reload and replay."
            ),
        ),
        _letters,
        _letters_missing,
    ),
    "emergency": Exercise(
        say("The exam without an order"),
        lambda facts: say(
            "In the night %(station)s examined somebody as %(emergency)s, without any order. Now the order has come: "
            "%(accession)s for %(person)s, who is the same person. Take care that the exam is not done again.",
            **facts,
        ),
        (
            say("Today shows an exam without an order. Exams lists it."),
            say("Open the exam and link it to the accession number; the patients differ, so you have to insist."),
        ),
        _emergency,
        _still_open,
    ),
    "refused": Exercise(
        say("The MIS does not know"),
        lambda facts: say(
            "The exam of %(person)s, order %(accession)s, is done, but the MIS believes that it still goes on. For a "
            "moment it refused what it was told; it is well again. Tell it.",
            **facts,
        ),
        (
            _LOOK,
            say("Deliveries shows what was not taken. What is refused too often is parked until somebody decides."),
            say("Open the parked delivery, and let it be sent again."),
        ),
        _refused,
        _not_told,
    ),
}


@dataclass(frozen=True)
class Attempt:
    """An exercise somebody is at."""

    name: str
    facts: Facts
    ground: Ground
    since: datetime

    @property
    def story(self) -> str:
        """What has happened, in words."""
        return EXERCISES[self.name].story(self.facts)

    def missing(self) -> str:
        """What still is not as it should be; "" when it is solved. Asks the broker; raises PeerError."""
        return EXERCISES[self.name].missing(self.ground, self.facts)


def attempt(name: str, ground: Ground) -> Attempt:
    """Break something. Raises ConfigError for a name nobody knows, PeerError when the broker does not do its part."""
    if name not in EXERCISES:
        raise errors.ConfigError(
            [f"{name} is no exercise{did_you_mean(name, EXERCISES)}; there are {', '.join(EXERCISES)}"]
        )
    return Attempt(name, EXERCISES[name].prepare(ground), ground, clock.now())
