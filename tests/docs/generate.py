"""Writes the parts of the reference that the code knows better: `python -m tests.docs.generate`.

A page marks such a part with `<!-- generated: NAME -->` and `<!-- end -->`; `test_reference.py` compares.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from pydicom import datadict
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from swf import config
from swf.cli import app
from swf.dicom import attributes, encoding, mpps, mpps_rules, mpps_table, terms
from swf.errors import MessageError, StoreError, SwfError
from swf.hl7 import terms as hl7_terms
from swf.mapping import check_digits, functions, loader, outbound, selectors
from swf.mapping.rules import Rule
from swf.workflow import (
    acknowledgements,
    appointments,
    order_control,
    orders,
    patients,
    reports,
    routing,
    states,
    unscheduled,
    visits,
)

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"(?s)<!-- generated: ([\w-]+) -->\n.*?<!-- end -->")
_UNSAID = ("--help", "--install-completion", "--show-completion")


def table(headings: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join("|" + "".join(f" {_cell(cell)} |" for cell in row).replace("  |", " |") for row in rows)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _code(value: object) -> str:
    return f"`{value}`" if value not in ("", None) else ""


def first_sentence(text: str | None) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


# ---- settings ----


def settings() -> str:
    """Every key of swf.toml."""
    single = itertools.groupby(config.keys(), key=lambda key: key.section)
    parts = [_section(f"[{name}]" if name else "At the top", list(keys)) for name, keys in single]
    repeated = itertools.groupby(config.list_keys(), key=lambda key: key.section)
    return "\n\n".join([*parts, *(_section(f"[[{name}]]", list(keys), repeated=True) for name, keys in repeated)])


def _section(title: str, keys: list[config.Key], *, repeated: bool = False) -> str:
    about = str(config.Settings.model_fields[keys[0].section].description) if keys[0].section else ""
    if repeated:
        variable = f"{config.PREFIX}{keys[0].section.upper()}"
        about += f" As environment variable: `{variable}`, a JSON list."
    lines = [
        [_code(key.name), *([] if repeated else [_code(key.variables[0])]), _code(_toml(key.value)), key.description]
        for key in keys
    ]
    value = "Default or example" if repeated else "Default"
    headings = ["Key", *([] if repeated else ["Variable"]), value, "Meaning"]
    return "\n\n".join(part for part in (f"## {title}", about, table(headings, lines)) if part)


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# ---- commands ----


def commands() -> str:
    """Every command with its arguments and options."""
    return "\n\n".join(_command(name, command) for name, command in walk(typer.main.get_command(app), "swf"))


def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, depth first."""
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        yield name, command
    for word, child in inner.items():
        yield from walk(child, f"{name} {word}")


def _command(name: str, command: Any) -> str:
    told = [parameter for parameter in command.params if not set(parameter.opts) & set(_UNSAID)]
    usage = " ".join([name, *(_placeholder(each) for each in told if each.param_type_name == "argument")])
    lines = [[_code(_spelling(each)), _code(_default(each)), each.help or ""] for each in told]
    about = first_sentence(command.help)
    parts = [f"## {name}", f"`{usage}`: {about[:1].lower()}{about[1:]}"]
    return "\n\n".join([*parts, *([table(("Option or argument", "Default", "Meaning"), lines)] if lines else [])])


def _placeholder(parameter: Any) -> str:
    word = parameter.name.upper() + ("…" if parameter.nargs == -1 else "")
    return word if parameter.required else f"[{word}]"


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    flag = getattr(parameter, "is_flag", False)
    return ", ".join(parameter.opts) + ("" if flag else f" {parameter.name.upper()}")


def _default(parameter: Any) -> str:
    value = parameter.default
    if getattr(parameter, "is_flag", False) or not isinstance(value, str | int | float | Path):
        return ""
    return str(value)


# ---- mapping ----


def mapping_functions() -> str:
    """What may stand behind `as`."""
    lines = [[_code(name), first_sentence(function.__doc__)] for name, function in functions.FUNCTIONS.items()]
    return table(("Function", "What it makes of the field"), lines)


def check_digit_schemes() -> str:
    """What may stand behind `check:`."""
    lines = [[_code(name), first_sentence(scheme.__doc__)] for name, scheme in check_digits.SCHEMES.items()]
    return table(("Scheme", "What it is"), lines)


def default_mapping() -> str:
    """Where each attribute comes from in the mapping that is shipped."""
    mapping = loader.load(config.shipped_mappings() / "default.toml")
    headings = ("Attribute", "Tag", "The first of these that says something", "Function", "Otherwise")
    own = table(headings, map(_rule, mapping.rules))
    return f"{own}\n\nInside {attributes.SPS}:\n\n{table(headings, map(_rule, mapping.step_rules))}"


def _rule(rule: Rule) -> list[str]:
    places = ", ".join(map(_place, rule.selectors))
    new = f"; in new orders {', '.join(map(_place, rule.default_selectors))}" if rule.default_selectors else ""
    asked = "".join(f"; if {condition}" for condition in rule.conditions)
    otherwise = "refused" if rule.required else rule.default
    name = "" if rule.function_name == "text" else _code(rule.function_name)
    return [rule.keyword, _tag(rule.keyword), f"{places}{new}{asked}", name, otherwise]


def _place(selector: Any) -> str:
    counts = (selector.occurrence, selector.repetition)
    every = " (all)" if selectors.EVERY in counts else " (all but the first)" if selectors.FURTHER in counts else ""
    return f"{selector}{every}"


def _tag(keyword: str) -> str:
    tag = Tag(datadict.tag_for_keyword(keyword) or 0)
    return f"({tag.group:04X},{tag.element:04X})"


def template_values() -> str:
    """What a template of an outgoing message may name."""
    values = outbound._values(_notice(), outbound.Envelope(("", ""), ("", ""), "1", "UNICODE UTF-8"))
    lines = [[_code(name), ", ".join(map(_code, parts))] for name, parts in values.items()]
    series = ", ".join(map(_code, values["performed"]["series"][0]))
    return f"{table(('Value', 'Its parts'), lines)}\n\nEach member of `performed.series` has {series}."


def _notice() -> outbound.Notice:
    series, performed = Dataset(), Dataset()
    series.SeriesInstanceUID = "1.2.3"
    performed.PerformedSeriesSequence = [series]
    item = encoding.encode({attributes.SPS: [{"Modality": "CT"}]})
    return outbound.Notice([item], "IP", "I", mpps.summary(performed), datetime(2030, 5, 2, tzinfo=UTC))


# ---- errors ----


def errors() -> str:
    """The tree of errors and how each is answered."""
    lines = [
        [f"{'· ' * depth}`{kind.__name__}`", *_answers(kind), first_sentence(kind.__doc__), kind.advice]
        for kind, depth in error_tree(SwfError, 0)
    ]
    return table(("Error", "HL7", "DIMSE", "When", "What to do"), lines)


def error_tree(kind: type[SwfError], depth: int) -> Iterator[tuple[type[SwfError], int]]:
    """The errors below `kind`, each with its depth."""
    for child in kind.__subclasses__():
        if child.__module__ == "swf.errors":
            yield child, depth
            yield from error_tree(child, depth + 1)


def _answers(kind: type[SwfError]) -> tuple[str, str]:
    dimse = f"0x{number:04X}" if (number := getattr(kind, "dimse_status", None)) is not None else ""
    acknowledged = issubclass(kind, MessageError | StoreError)
    return (f"{kind.ack_code} {kind.code}" if acknowledged else ""), dimse  # type: ignore[attr-defined]


def error_conditions() -> str:
    """HL7 table 0357."""
    return table(("Code", "Meaning"), hl7_terms.ERROR_CONDITION.items())


# ---- HL7 ----


_EFFECTS = {
    acknowledgements.take: "It stands in the journal of the order it is about; it is not answered.",
    orders.apply: "Orders are made, changed, held or ended, by ORC-1 and ORC-5.",
    orders.take_reply: "NA gives an order its placer order number; every other reply stands in the journal.",
    reports.receive: "A report has come: OBR-25 is kept with the order; no step is ended by it.",
    appointments.book: "The open steps of the order get the time, the station and the place of the appointment.",
    appointments.cancel: "The open steps lose their time and are held until they are booked again.",
    appointments.miss: "The patient did not come: it stands in the journal, the steps stay.",
    patients.update: "What is said of the patient changes in every open step, what is said of a visit in its steps.",
    visits.change: "What is said of the patient changes in every open step, what is said of a visit in its steps.",
    visits.stay: "The location is that of before the transfer, unless PV1-3 names another one.",
    visits.resume: "As A08; that the discharge is taken back stands in the journal.",
    unscheduled.merge: "Each identity in an MRG becomes that of the PID before it, with all its orders.",
    patients.change_identifier: "The identifier in MRG-1 becomes the one in PID-3; the old one leads there.",
    patients.split: "A merge is taken back: each patient has the orders again that came under its identifier.",
    visits.change_class: "As A08; the open steps of the visit in MRG-5, MRG-3 or PV1-50 go on under the new number.",
    visits.arrive: "Open steps of that visit and that day are ARRIVED.",
    visits.leave: "The arrival of that visit and that day is taken back.",
    visits.discharge: "The end of the visit stands in the journal; open steps stay.",
    visits.cancel: "The visit is what it was before, and its arrival is taken back; patient and orders stay.",
}


def message_types() -> str:
    """Which messages are taken."""
    lines = [[_code(name), _EFFECTS[use_case]] for name, use_case in routing.USE_CASES.items()]
    return table(("Message", "What happens"), lines)


def order_controls() -> str:
    """Which order controls are taken."""
    lines = [
        [_code(control), _order_status(control, status), hl7_terms.ORDER_CONTROL[control], action]
        for (control, status), action in order_control.TABLE.items()
    ]
    taken = {control for control, _ in order_control.TABLE}
    refused = ", ".join(code for code in hl7_terms.ORDER_CONTROL if code not in taken)
    rows = table(("ORC-1", "ORC-5", "Meaning", "The order is"), lines)
    return f"{rows}\n\nEvery other pair is refused (AE 103), and so is every other order control: {refused}."


def _order_status(control: str, status: str) -> str:
    if status == order_control.ANY:
        return "any" if sum(row[0] == control for row in order_control.TABLE) == 1 else "any other"
    return _code(status) or "none"


# ---- DICOM ----


def matching_keys() -> str:
    """The attributes that narrow a query."""
    lines = [
        [f"{f'{row.path} / ' if row.path else ''}{row.keyword}", _tag(row.keyword), _MATCHING[row.matching]]
        for row in attributes.TABLE
        if row.column
    ]
    return table(("Attribute", "Tag", "Matching in K.6-1"), lines)


_MATCHING = {"R": "required", "O": "optional", "-": "none"}


def listed_statuses() -> str:
    """Which steps a modality is shown."""
    return table(
        ("Step status", "On the worklist"),
        [[status, "yes" if status in terms.LISTED else "no"] for status in terms.StepStatus],
    )


def transitions() -> str:
    """Every lawful change of a step's status."""
    lines = [
        [event, *(states.TRANSITIONS[event].get(status, "refused") for status in terms.StepStatus)]
        for event in states.StepEvent
    ]
    return table(("Event", *terms.StepStatus), lines)


def reasons_that_put_back() -> str:
    """After which reasons an exam is still to be done."""
    lines = [[code, text] for code, text in terms.DISCONTINUATION_REASONS.items() if code in terms.PUTS_BACK]
    return table(("Code (DCM)", "Meaning"), lines)


def performed_attributes() -> str:
    """What an MPPS cannot do without."""
    standard, strict = mpps_rules.DEMANDED["standard"], mpps_rules.DEMANDED["strict"]
    lines = [
        [
            f"{f'{row.path} / ' if row.path else ''}{row.keyword}".replace("Sequence/", "Sequence / "),
            _tag(row.keyword),
            *(_needed(row, row in measure) for measure in (standard, strict)),
            "yes" if row.at_end else "",
        ]
        for row in mpps_table.TABLE
        if row in strict or row.at_end
    ]
    return table(("Attribute", "Tag", "N-CREATE", "N-CREATE, strict", "Value at the end"), lines)


def _needed(row: mpps_table.PerformedAttribute, demanded: bool) -> str:
    return ("value" if row.on_create == "1" else "present") if demanded else ""


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "mapping-functions": mapping_functions,
    "check-digits": check_digit_schemes,
    "default-mapping": default_mapping,
    "template-values": template_values,
    "errors": errors,
    "error-conditions": error_conditions,
    "message-types": message_types,
    "order-controls": order_controls,
    "matching-keys": matching_keys,
    "listed-statuses": listed_statuses,
    "transitions": transitions,
    "performed-attributes": performed_attributes,
    "reasons-that-put-back": reasons_that_put_back,
}


def filled(page: str) -> str:
    """The page with every generated part as the code has it now."""
    return _BLOCK.sub(lambda found: f"<!-- generated: {found[1]} -->\n\n{BLOCKS[found[1]]()}\n\n<!-- end -->", page)


def names(page: str) -> list[str]:
    """The generated parts of a page."""
    return [found[1] for found in _BLOCK.finditer(page)]


def main() -> None:
    """Rewrite every page."""
    for path in sorted(DOCS.rglob("*.md")):
        path.write_text(filled(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
