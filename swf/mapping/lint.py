"""What is allowed in a mapping and still looks like a mistake: a sentence each, with file and line (PS3.4 K.6-1)."""

import itertools
from collections.abc import Collection, Iterator

from swf.dicom import attributes, encoding
from swf.hl7.lengths import FIELD
from swf.mapping.rules import STEP, Rule, SiteMapping
from swf.mapping.selectors import Selector

_ANY_MODALITY = "*"
# What the workflow numbers itself when a message does not
_OURS = frozenset({"StudyInstanceUID", "RequestedProcedureID", "ScheduledProcedureStepID"})
_OF_STATIONS = "ScheduledStationAETitle"
_WHOLE_TEXT = frozenset({"text", "capitals"})
_KEEPS_LENGTH = _WHOLE_TEXT | {"meaning", "joined", "location_name"}


def warnings(mapping: SiteMapping, sent: Collection[str]) -> list[str]:
    """The warnings of a mapping; `sent` are the message types that destinations get, empty when there is none."""
    return [
        *_may_stay_empty(mapping),
        *_misplaced(mapping),
        *_shadowed(mapping),
        *_overruled(mapping),
        *_templates(mapping, sent),
    ]


def lengths(mapping: SiteMapping) -> list[str]:
    """The lines that read a field which HL7 lets be longer than the attribute; a sentence each.

    They are in order: a value that is too long is refused or cut when it comes. One component is no longer than its field.
    """
    found = []
    for rule in (*mapping.rules, *mapping.step_rules):
        limit = encoding.limit(rule.keyword)
        if not limit or rule.function_name not in _KEEPS_LENGTH:
            continue
        for place in rule.selectors:
            longest = FIELD.get((place.segment, place.field), 0)
            if longest > limit:
                fate = "refused" if encoding.is_identifier(rule.keyword) else "cut"
                vr = encoding.layout(rule.keyword).vr
                where = f"{rule.path}:{rule.line}: {rule.keyword}"
                fact = f"{place} may have {longest} characters and {vr} holds {limit}"
                found.append(f"{where}: {fact}; what is longer is {fate}")
    return found


def _may_stay_empty(mapping: SiteMapping) -> Iterator[str]:
    """Attributes of return type 1 that no line is sure to fill."""
    for row in attributes.TABLE:
        if row.return_type != "1" or row.path not in ("", STEP) or row.keyword in (*_OURS, STEP):
            continue
        rules = mapping.step_rules if row.path else mapping.rules
        lines = [rule for rule in rules if rule.keyword == row.keyword]
        if _is_filled(mapping, row.keyword, lines):
            continue
        place = f"{lines[0].path}:{lines[0].line}" if lines else f"{mapping.path}"
        lack = "is neither required nor has a default" if lines else "has no line"
        yield f"{place}: {row.keyword} {lack}, and a worklist item must have a value of it (PS3.4 K.6-1, type 1)"


def _is_filled(mapping: SiteMapping, keyword: str, lines: list[Rule]) -> bool:
    if keyword == _OF_STATIONS and _ANY_MODALITY in mapping.stations:
        return True
    return any(rule.required or (rule.default and not rule.conditions) for rule in lines)


def _misplaced(mapping: SiteMapping) -> Iterator[str]:
    """Attributes that stand on another level of the item than a modality looks for them."""
    for inside, rules in (("", mapping.rules), (STEP, mapping.step_rules)):
        for rule in rules:
            paths = {row.path for row in attributes.TABLE if row.keyword == rule.keyword} & {"", STEP}
            if paths and inside not in paths:
                section = f"[attributes.{STEP}]" if STEP in paths else "[attributes]"
                yield f"{rule.path}:{rule.line}: {rule.keyword} belongs into {section}; no modality finds it here"


def _shadowed(mapping: SiteMapping) -> Iterator[str]:
    for rule in (*mapping.rules, *mapping.step_rules):
        for earlier, later in itertools.combinations(rule.selectors, 2):
            if _covers(earlier, later, whole=rule.function_name in _WHOLE_TEXT):
                yield (
                    f"{rule.path}:{rule.line}: {rule.keyword}: {later} is never read, "
                    f"because {earlier} before it says something whenever it does"
                )


def _overruled(mapping: SiteMapping) -> Iterator[str]:
    """Further lines of an attribute behind one that always gives a value to a new order."""
    for rules in (mapping.rules, mapping.step_rules):
        for earlier, later in itertools.pairwise(rules):
            if earlier.keyword == later.keyword and earlier.default and not earlier.conditions:
                yield (
                    f"{later.path}:{later.line}: {later.keyword}: a further line is never read for new orders, "
                    "because the one before it has a default and no condition"
                )


def _covers(earlier: Selector, later: Selector, *, whole: bool) -> bool:
    """Whether a place is the same as an earlier one, or a part of it."""
    if earlier == later:
        return True
    return whole and not earlier.component and earlier[:4] == later[:4]


def _templates(mapping: SiteMapping, sent: Collection[str]) -> Iterator[str]:
    for kind in sorted(set(sent) - mapping.messages.keys()):
        yield f"{mapping.path}: destinations get {kind}, and [messages] has no template of it"
    for kind in sorted(mapping.messages.keys() - set(sent) if sent else ()):
        yield f"{mapping.path}: no destination gets {kind}; its template is not used"
