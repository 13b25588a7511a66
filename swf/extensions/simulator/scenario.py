"""Two orders from the HIS to the scanner and back (IHE RAD TF-1 Scheduled Workflow: RAD-4, 5, 6, 7, 3), seen from outside."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydicom.dataset import Dataset

from swf import clock, errors
from swf.extensions.simulator import his, people
from swf.extensions.simulator.mis import Mis, Received
from swf.extensions.simulator.modality import Modality
from swf.hl7 import message
from swf.hl7.header import read_header
from swf.net import mllp_client

NOTICE_TIMEOUT_S = 15.0
RESULT = "ORU^R01"
ENDINGS: dict[str, Callable[[Modality, str], None]] = {
    "COMPLETED": Modality.complete,
    "DISCONTINUED": Modality.discontinue,
}
Result = TypeVar("Result")


@dataclass(frozen=True)
class Event:
    """One line of an order's timeline: who sent what to whom, how it was answered and how long that took.

    `order` is the accession number; an event of the MIS has no length of its own.
    """

    order: str
    at: datetime
    who: str
    to: str
    what: str
    answer: str
    milliseconds: float


@dataclass(frozen=True)
class Part:
    """One order of the scenario, the scanner that does it, how it ends, and what the MIS must be told.

    Each status is told twice, as an order message and as a result: one pair when the exam begins, one when it ends.
    """

    order: his.Order
    message: bytes
    title: str
    scanner: Modality
    ending: str
    notices: tuple[str, ...]


def play(
    hl7: tuple[str, int], dicom: tuple[str, int], mis: Mis, called_ae: str, on_event: Callable[[Event], None]
) -> list[str]:
    """Play the scenario against the doors at `hl7` and `dicom`; `mis` must be a destination of the broker.

    Every step is told to `on_event` when it happened. Returns the expectations that were not seen, a sentence each;
    none means that everything was.
    """
    stage = _Stage(mis, called_ae, on_event)
    parts = _parts(dicom, called_ae)
    client = mllp_client.MllpClient(*hl7)
    try:
        for part in parts:
            stage.order(client, part)
    finally:
        client.close()
    found = [stage.look(part, expected=len(part.order.step_ids)) for part in parts]
    for part, items in zip(parts, found, strict=True):
        stage.perform(part, items)
    for part in parts:
        stage.look(part, expected=0)
        stage.check_notices(part)
    return stage.unseen


def _parts(dicom: tuple[str, int], called_ae: str) -> list[Part]:
    computed = his.Order(issuer=people.AUTHORITY, step_ids=(his.number("S"), his.number("S")))
    magnetic = his.Order(
        patient_id="SIM4712",
        issuer=people.AUTHORITY,
        name="ROE^RICHARD",
        birth_date="19650704",
        sex="M",
        code="MRHEAD^MR head^99SIM",
        protocol="PHEAD^Head routine^99SIM",
        modality="MR",
        station_ae="MR1",
    )
    return [
        Part(
            order=computed,
            message=his.order_orm(computed),
            title="ORM^O01 new order, 2 steps",
            scanner=Modality(*dicom, "CT1", called_ae),
            ending="COMPLETED",
            notices=("ORM^O01 SC/IP", RESULT, "ORM^O01 SC/CM", RESULT),
        ),
        Part(
            order=magnetic,
            message=his.order_omi(magnetic),
            title="OMI^O23 new order, 1 step",
            scanner=Modality(*dicom, "MR1", called_ae),
            ending="DISCONTINUED",
            notices=("ORM^O01 SC/IP", RESULT, "ORM^O01 SC/DC", RESULT),
        ),
    ]


class _Stage:
    """Plays single acts, tells each, and keeps what should have been seen and was not."""

    def __init__(self, mis: Mis, called_ae: str, on_event: Callable[[Event], None]) -> None:
        self.unseen: list[str] = []
        self._mis = mis
        self._broker = called_ae
        self._on_event = on_event
        self._told: set[Received] = set()

    def order(self, client: mllp_client.MllpClient, part: Part) -> None:
        """Send the part's order and wait for its acknowledgement."""
        control_id = read_header(part.message).control_id
        self._act(part, "HIS", part.title, lambda: client.send(part.message, control_id), lambda answer: answer.code)

    def look(self, part: Part, expected: int) -> list[Dataset]:
        """Query the worklist as the part's scanner and compare what it shows of this order with its steps."""
        scanner, order = part.scanner, part.order
        keys = {"Modality": order.modality, "ScheduledProcedureStepStartDate": f"{order.start:%Y%m%d}"}
        what = f"C-FIND worklist, {order.modality} today"
        query = self._act(
            part, scanner.ae_title, what, lambda: scanner.query(**keys), lambda found: f"items: {len(found)}"
        )
        items = query or []
        shown = sorted(_step_id(item) for item in items if item.AccessionNumber == order.accession)
        wanted = sorted(order.step_ids)[:expected]
        if shown != wanted:
            steps = f"the steps {wanted}" if wanted else "no step"
            self.unseen.append(f"{scanner.ae_title} should see {steps} of order {order.accession}, but saw {shown}.")
        if any(_modality(item) != order.modality for item in items):
            self.unseen.append(f"{scanner.ae_title} should see {order.modality} only, but saw other modalities.")
        return [item for item in items if _step_id(item) in wanted]

    def perform(self, part: Part, items: list[Dataset]) -> None:
        """Begin all steps of the order as one performed procedure step and end it, the MIS listening."""
        if not items:
            return
        scanner = part.scanner
        what = f"N-CREATE IN PROGRESS, steps: {len(items)}"
        uid = self._act(part, scanner.ae_title, what, lambda: scanner.begin(*items), _success)
        self._hear(part, part.notices[:2])
        if uid is not None:
            ending = ENDINGS[part.ending]
            self._act(part, scanner.ae_title, f"N-SET {part.ending}", lambda: ending(scanner, uid), _success)
            self._hear(part, part.notices)

    def check_notices(self, part: Part) -> None:
        """Compare everything the MIS was told of the order with what it should have been told."""
        heard = self._hear(part, ())
        missing = Counter(part.notices) - Counter(heard)
        self.unseen += [f"MIS should be told {notice} of {part.order.placer_number}." for notice in missing.elements()]
        statuses = _statuses(heard)
        if statuses != _statuses(part.notices):
            self.unseen.append(
                f"MIS should be told each status of {part.order.placer_number} once and in order, but heard {statuses}."
            )

    def _hear(self, part: Part, wanted: tuple[str, ...]) -> list[str]:
        """Wait until the MIS was told `wanted` of the order, or in vain; tell what came; all it has heard of the order."""
        self._mis.wait_for(
            lambda received: Counter(wanted) <= Counter(_notices(part, received).values()), NOTICE_TIMEOUT_S
        )
        heard = _notices(part, self._mis.received)
        for received, notice in heard.items():
            if received not in self._told:
                self._told.add(received)
                self._on_event(Event(part.order.accession, received.at, self._broker, "MIS", notice, "AA", 0.0))
        return list(heard.values())

    def _act(
        self, part: Part, who: str, what: str, action: Callable[[], Result], answer: Callable[[Result], str]
    ) -> Result | None:
        """Do one act and tell it with what `answer` makes of its result; None if it was not accepted."""
        at, started = clock.now(), time.monotonic()
        result: Result | None = None
        try:
            done = action()
            result, told = done, answer(done)
        except errors.SwfError as error:
            self.unseen.append(f"{what} by {who} should be accepted, but: {error}.")
            told = str(error)
        took = (time.monotonic() - started) * 1000
        self._on_event(Event(part.order.accession, at, who, self._broker, what, told, took))
        return result


def _success(_result: object) -> str:
    return "0x0000"


def _notices(part: Part, received: list[Received]) -> dict[Received, str]:
    """The messages about an order, each with what it tells, such as `ORM^O01 SC/IP`."""
    parsed = {each: message.parse(each.text, read_header(each.text.encode())) for each in received}
    return {
        each: _tells(part, notice) for each, notice in parsed.items() if _placer(notice) == part.order.placer_number
    }


def _statuses(notices: Iterable[str]) -> list[str]:
    return [notice for notice in notices if notice.startswith("ORM")]


def _tells(part: Part, notice: message.Message) -> str:
    kind = notice.header.type
    if kind == RESULT:
        return RESULT if part.order.study_uid in notice.text else f"{RESULT} without the study"
    return f"{kind} {notice.value('ORC', 1)}/{notice.value('ORC', 5)}"


def _placer(notice: message.Message) -> str:
    return notice.value("ORC", 2, component=1) or notice.value("OBR", 2, component=1)


def _step_id(item: Dataset) -> str:
    return str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID)


def _modality(item: Dataset) -> str:
    return str(item.ScheduledProcedureStepSequence[0].Modality)
