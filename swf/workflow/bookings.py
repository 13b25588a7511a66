"""What an appointment says: its services and their resources, as attributes of the steps they are for (RAD-48; SCH, RGS,
AIS, AIG, AIL, AIP).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from swf.dicom import attributes, encoding
from swf.dicom.encoding import Value
from swf.hl7.message import Message, Segment
from swf.mapping import catalogue, functions, times
from swf.mapping.selectors import Source
from swf.store.database import Record
from swf.workflow.site import Site

DATE, TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
_END: dict[str, Value] = {"ScheduledProcedureStepEndDate": "", "ScheduledProcedureStepEndTime": ""}
UNTIMED: dict[str, Value] = {DATE: "", TIME: "", **_END}
"""A step without an appointment."""
_TITLE, _STATION, _PLACE = "ScheduledStationAETitle", "ScheduledStationName", "ScheduledProcedureStepLocation"
_PERSON, _PERSON_ID = "ScheduledPerformingPhysicianName", "ScheduledPerformingPhysicianIdentificationSequence"
_DELETED = "D"  # HL7 table 0206, the segment action code: RGS-2, AIS-2, AIG-2, AIL-2, AIP-2
_BEGINS = {"AIG": 8, "AIL": 6, "AIP": 6}  # the start of a resource, for a service that has none
_MINUTES = {"": 1.0, "MIN": 1.0, "M": 1.0, "S": 1 / 60, "SEC": 1 / 60, "H": 60.0, "HR": 60.0, "HRS": 60.0}


@dataclass(frozen=True, slots=True)
class Booking:
    """One service of an appointment: its code, what it says of the step, how long it takes (0: not said).

    `owner` is the number of the ORC it stands behind, 0 before any. A `deleted` one is called off.
    """

    code: str
    deleted: bool
    changes: dict[str, Value]
    minutes: int
    owner: int
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Service:
    """An AIS with the resources that are for it."""

    segment: Segment | None
    resources: list[Segment]
    deleted: bool
    owner: int


def read(site: Site, message: Message) -> list[Booking]:
    """One booking for each service of an appointment; without any, one with the time and the resources there are."""
    found = [service for block in _blocks(message.segments) for service in _services(*block)]
    if not any(service.segment for service in found):
        resources = [segment for service in found for segment in service.resources]
        found = [_Service(None, resources, deleted=False, owner=0)]
    return [_booking(site, message, service) for service in found if service.segment or len(found) == 1]


def timed(booking: Booking, step: Record) -> dict[str, Value]:
    """What the booking says of a step, its end included: by its duration, else as long as it was planned for before."""
    if not booking.changes.get(DATE):
        return booking.changes
    before = (encoding.decode(step.dataset).get(attributes.SPS) or [{}])[0]
    minutes = booking.minutes or _length(*(str(before.get(keyword, "")) for keyword in (DATE, TIME, *_END)))
    end = catalogue.ended_after(booking.changes, minutes)
    return {**booking.changes, **(end or (_END if any(before.get(keyword) for keyword in _END) else {}))}


def _length(day: str, at: str, end_day: str, end_at: str) -> int:
    """The minutes between two moments of a step; 0 when one of them is not known."""
    try:
        begin = datetime.strptime(day + at, "%Y%m%d%H%M%S")
        return max(0, round((datetime.strptime(end_day + end_at, "%Y%m%d%H%M%S") - begin).total_seconds() / 60))
    except ValueError:
        return 0


# ---- which resources are for which service ----


def _blocks(segments: Sequence[Segment]) -> Iterator[tuple[list[Segment], bool, int]]:
    """The resource groups (RGS), each with whether it is deleted and with the ORC before it."""
    block: list[Segment] = []
    deleted, owner = False, 0
    for segment in segments:
        if segment.name in ("RGS", "ORC"):
            yield block, deleted, owner
            block = []
            deleted = segment.name == "RGS" and _is_deleted(segment)
            owner += segment.name == "ORC"
        elif segment.name == "AIS" or segment.name in _BEGINS:
            block.append(segment)
    yield block, deleted, owner


def _services(block: list[Segment], deleted: bool, owner: int) -> list[_Service]:
    """The services of a group. Resources after all of them, or before, are for each; between two, for the one before."""
    places = [number for number, segment in enumerate(block) if segment.name == "AIS"]
    if not places:
        return [_Service(None, block, deleted, owner)] if block else []
    first, last = places[0], places[-1]
    shared = block[:first] + (block[last + 1 :] if last - first + 1 == len(places) else [])
    found = []
    for place, after in zip(places, [*places[1:], len(block)], strict=True):
        own = [segment for segment in block[place + 1 : after] if segment not in shared]
        found.append(_Service(block[place], [*shared, *own], deleted or _is_deleted(block[place]), owner))
    return found


def _is_deleted(segment: Segment) -> bool:
    return segment.value(2).strip().upper() == _DELETED


# ---- what they say ----


def _booking(site: Site, message: Message, service: _Service) -> Booking:
    resources = [segment for segment in service.resources if not _is_deleted(segment)]
    warnings: list[str] = []
    changes: dict[str, Value] = {**_start(message, service, resources, warnings)}
    for segment in resources:
        changes |= _resource(site, segment)
    code, minutes = "", 0
    if service.segment:
        code = service.segment.value(3, 1, 1)
        minutes = _duration(service.segment, 7)
    return Booking(code, service.deleted, changes, minutes, service.owner, tuple(warnings))


def _start(message: Message, service: _Service, resources: list[Segment], warnings: list[str]) -> dict[str, str]:
    """When the service begins: AIS-4, else the appointment (SCH-11.4, TQ1-7) and AIS-5 after it, else a resource."""
    own = _time(service.segment, 4, 0, warnings)
    if own:
        return own
    common = _time(message.first("SCH"), 11, 4, warnings) or _time(message.first("TQ1"), 7, 0, warnings)
    if common:
        later = _duration(service.segment, 5) if service.segment else 0
        return _later(common, later) if later else common
    found = (_time(segment, _BEGINS[segment.name], 0, warnings) for segment in resources)
    return next(filter(None, found), {})


def _time(segment: Segment | None, field: int, component: int, warnings: list[str]) -> dict[str, str]:
    if segment is None:
        return {}
    source = Source(segment, field, 1, component, 0)
    said = times.remark(source)
    if said:
        warnings.append(f"{segment.name}-{field} {said}")
    day = times.date(source)
    return {DATE: day, TIME: times.time(source)} if day else {}


def _later(start: dict[str, str], minutes: int) -> dict[str, str]:
    moment = datetime.strptime(start[DATE] + start[TIME], "%Y%m%d%H%M%S") + timedelta(minutes=minutes)
    return {DATE: moment.strftime("%Y%m%d"), TIME: moment.strftime("%H%M%S")}


def _duration(segment: Segment, field: int) -> int:
    """A duration in minutes, its unit in the next field; 0 for one that nobody can read."""
    number, unit = segment.value(field).strip(), segment.value(field + 1, 1, 1).strip().upper()
    if not (number.isascii() and number.isdigit() and len(number) < 6) or unit not in _MINUTES:  # noqa: PLR2004  69 days
        return 0
    return round(int(number) * _MINUTES[unit])


def _resource(site: Site, segment: Segment) -> dict[str, Value]:
    """AIG-3 names a device: an AE title when it is one of the site's, else a station name; AIL-3 a place, AIP-3 a person."""
    name = segment.value(3, 1, 1).strip()
    if segment.name == "AIG" and name:
        return _fitting(_TITLE if name in _titles(site) else _STATION, name)
    if segment.name == "AIL" and name:
        return _fitting(_PLACE, name)
    if segment.name == "AIP":
        source = Source(segment, 3, 1, 0, 0)
        person = _fitting(_PERSON, str(functions.person(source)))
        return {**person, _PERSON_ID: functions.identification(source)} if person and name else person
    return {}


def _fitting(keyword: str, value: str) -> dict[str, Value]:
    """Nothing for what the attribute cannot hold: the time of the appointment is worth more than its room."""
    return {} if not value or encoding.violations(keyword, value) else {keyword: value}


def _titles(site: Site) -> set[str]:
    listed = {title for titles in site.mapping.stations.values() for title in titles}
    return listed | {modality.ae_title for modality in site.settings.modality}
