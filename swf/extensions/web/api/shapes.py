"""What programs are given, field by field. Nothing here says who a patient is; that is asked for and kept by the journal."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Made of a row, a tuple or a dictionary with these names."""

    model_config = ConfigDict(from_attributes=True)


class Problem(Shape):
    """Why something was not done, and what mends that."""

    error: str
    advice: str


class Order(Shape):
    """An order and its numbers; `status` is ORC-5."""

    accession_number: str
    placer_order_number: str
    placer_issuer: str
    filler_order_number: str
    filler_issuer: str
    status: str
    result_status: str
    is_parent: bool
    said_by: str | None
    said_at: datetime | None
    sent_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Origin(Shape):
    """The message, place, function and line of the mapping a value came from; or just `why`."""

    message: int
    place: str
    function: str
    line: str
    why: str


class Attribute(Shape):
    """An attribute of a step by its path; what says who the patient is stays behind a mask."""

    path: str
    value: str
    origin: Origin
    masked: bool


class OrderStep(Shape):
    """A step of an order, what is wrong with it, and where each of its attributes came from."""

    step_id: str
    status: str
    flaws: list[str]
    attributes: list[Attribute]


class OrderWhole(Shape):
    """All orders that number means, with their steps."""

    orders: list[Order]
    steps: list[OrderStep]


class Moment(Shape):
    """One thing that happened; what else there is to it has names of its own."""

    model_config = ConfigDict(from_attributes=True, extra="allow")

    at: datetime
    event: str


class Message(Shape):
    """A message that came, and what became of it; `reason` is why it had no effect."""

    id: int
    received_at: datetime
    peer: str
    door: int
    source: str
    type: str
    control_id: str
    version: str
    charset: str
    content_hash: str
    disposition: str
    ack_code: str
    reason: str


class MessageText(Shape):
    """A message as it came and as it was answered."""

    id: int
    message: str
    acknowledgement: str


class Change(Shape):
    """An attribute of a step before and after; what says who the patient is stays behind a mask."""

    step_id: str
    attribute: str
    before: str
    after: str


class Outcome(Shape):
    """What came of taking a message again, or would; nothing in `refusal` when it was applied."""

    message: int
    before: str
    after: str
    refusal: str
    changes: list[Change]


class Delivery(Shape):
    """A message to a destination, and how it fares: WAITING, DELIVERED or PARKED."""

    id: int
    destination: str
    type: str
    control_id: str
    status: str
    accession_number: str | None = None
    attempts: int
    refusals: int
    last_error: str
    acknowledgement: str
    created_at: datetime
    next_attempt_at: datetime
    delivered_at: datetime | None


class DeliveryText(Shape):
    """A message to a destination as it is or will be sent."""

    id: int
    message: str


class Exam(Shape):
    """A performed procedure step as its device reported it; `matching` is how its order was found."""

    sop_instance_uid: str
    status: str
    presumed: str | None
    calling_ae_title: str
    matching: str
    linked_to: str | None = None
    overdue_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Step(Shape):
    """A scheduled step."""

    accession_number: str | None
    step_id: str
    status: str


class Candidate(Step):
    """A scheduled step an exam may have been performed for, and why."""

    why: str


class ExamWhole(Exam):
    """An exam, for which orders it was performed, and for which it may have been; its attributes by their path."""

    linked: list[Step]
    candidates: list[Candidate]
    reported: dict[str, str]


class Flaw(Shape):
    """What a strict modality would choke on."""

    attribute: str
    text: str


class Held(Shape):
    """An entry with a flaw; `shown` when it is on the list all the same."""

    accession_number: str | None
    placer_order_number: str
    step_id: str
    station: str | None
    start: str | None
    status: str
    shown: bool
    flaws: list[Flaw]
    mends: list[str]
    message: int | None


class User(Shape):
    """Somebody who may sign in, unless disabled."""

    name: str
    role: str
    created_at: datetime
    password_at: datetime
    disabled_at: datetime | None
    seen_at: datetime | None
    sessions: int


class Token(Shape):
    """What a program may show; `expires_at` is empty for one that lasts."""

    name: str
    role: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


class NewToken(Shape):
    """A token that was just made: this is the only time it is told."""

    name: str
    role: str
    token: str


class Me(Shape):
    """Who asks, as the journal names them."""

    by: str
    role: str


class Today(Shape):
    """The board: steps by modality and status, what needs somebody, who was heard of."""

    steps: dict[str, dict[str, int]]
    ailing: list[str]
    cards: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    destinations: list[dict[str, Any]]


class Finding(Shape):
    """What one rule says of a step, and what would mend it; `attribute` is whose values it tells."""

    rule: str
    verdict: str
    facts: str
    action: str
    attribute: str


class StepSeen(Shape):
    """Whether a station sees a step, rule by rule."""

    accession_number: str
    step_id: str
    seen: bool
    findings: list[Finding]


class Stage(Shape):
    """What a condition of the last query leaves of the list."""

    rule: str
    condition: str
    left: int
    attribute: str


class Why(Shape):
    """Whether a station sees an order, and by which rule not."""

    number: str
    ae_title: str
    called: str
    sentence: str
    seen: bool
    steps: list[StepSeen]
    funnel: list[Stage]
    near: list[Any] = Field(description="What was perhaps meant, when the number is not known.")


class Rejection(Shape):
    """Everybody who was turned away for the same, and what lets them in."""

    ae_title: str
    called: str
    address: str
    reason: str
    first_at: datetime
    last_at: datetime
    times: int
    remedy: str


class Device(Shape):
    """A device: by what it was last heard of, and whether all is well with it."""

    ae_title: str
    aliases: list[str]
    configured: bool
    profile: str
    host: str
    port: int
    well: bool
    last_at: datetime | None
    told: str
    query_status: str
    rejected: Rejection | None


class Peer(Shape):
    """Whom to ask and how; `secured` names the TLS context, "" for plain TCP."""

    kind: str
    name: str
    how: str
    host: str
    port: int
    ae_title: str
    secured: str


class Line(Shape):
    """A destination or relay: what waits, what is parked, when one was last taken."""

    peer: Peer
    waiting: int
    oldest: datetime | None
    parked: int
    taken: datetime | None
    error: str


class Probed(Shape):
    """Whether a peer answered, what it said, and what mends that it did not."""

    peer: Peer
    well: bool
    milliseconds: int
    told: str
    advice: str
    at: datetime
