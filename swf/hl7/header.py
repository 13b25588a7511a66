"""MSH, read from bytes of any kind, so that whatever came can be answered in its own words (hl7v2.md §2.2, §5)."""

import re
from dataclasses import dataclass
from typing import NamedTuple


class Delimiters(NamedTuple):
    """The separators a message declares in MSH-1 and MSH-2; one it does not declare is "" and separates nothing."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


STANDARD = Delimiters("|", "^", "~", "\\", "&")


@dataclass(frozen=True, slots=True)
class Header:
    """What MSH says, read from bytes as ISO 8859-1, so that every byte can be echoed as it came.

    Names, `control_id`, `at`, `processing_text` and `version_text` are raw field text. Codes are stripped and in
    capitals. `fault` tells why no message can be made of these bytes; it is empty when one can be tried.
    """

    delimiters: Delimiters
    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    at: str
    message_code: str
    trigger_event: str
    structure: str
    control_id: str
    processing_id: str
    processing_text: str
    version: str
    version_text: str
    accept_ack: str
    application_ack: str
    charsets: tuple[str, ...]
    fault: str

    @property
    def recognised(self) -> bool:
        """The bytes began with MSH and usable delimiters."""
        return not self.fault

    @property
    def type(self) -> str:
        """Message code and trigger event, such as `ORM^O01`; without an event `ORM`."""
        return f"{self.message_code}^{self.trigger_event}" if self.trigger_event else self.message_code


BEFORE_HEADER = "\xef\xbb\xbf\ufeff\r\n\t \0"
_HEADER_LINE = re.compile(r"(?:^|[\r\n])(MSH[^\r\n]*)")
_HEADER_SEARCH = 65536
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def read_header(raw: bytes) -> Header:
    """The header of a payload, whatever the bytes are; never raises.

    Batch segments may stand before MSH. Of a payload that begins otherwise the first MSH line is still read, so that it
    can be answered.
    """
    text = raw[:_HEADER_SEARCH].decode("latin-1").lstrip(BEFORE_HEADER)
    found = _HEADER_LINE.search(text)
    line = found[1] if found else ""
    delimiters, fault = _delimiters(line)
    if not text.startswith(("MSH", "FHS", "BHS")):
        fault = "The payload does not begin with MSH"
    elif not line:
        fault = "The batch holds no message"
    fields = [*(line.split(delimiters.field) if line else []), *[""] * 18]
    code, event, structure = [part.strip().upper() for part in _components(fields[8], delimiters)][:3]
    return Header(
        delimiters=delimiters,
        sending_application=fields[2],
        sending_facility=fields[3],
        receiving_application=fields[4],
        receiving_facility=fields[5],
        at=fields[6],
        message_code=code,
        trigger_event=event,
        structure=structure,
        control_id=fields[9],
        processing_id=_components(fields[10], delimiters)[0].strip().upper(),
        processing_text=fields[10],
        version=_components(fields[11], delimiters)[0].strip(),
        version_text=fields[11],
        accept_ack=fields[14].strip().upper(),
        application_ack=fields[15].strip().upper(),
        charsets=_charsets(fields[17], delimiters),
        fault=fault,
    )


def _delimiters(line: str) -> tuple[Delimiters, str]:
    """The delimiters of an MSH line and what is wrong with them; the standard ones if they cannot be used."""
    separator = line[3:4]
    if separator not in _PUNCTUATION:
        return STANDARD, "MSH is not followed by a field separator"
    # A doubled character, as in `^~\\&`, occurs in the field; the second adds nothing.
    characters = "".join(dict.fromkeys(line[4:].split(separator, 1)[0]))
    if not 1 <= len(characters) <= 5 or not _PUNCTUATION.issuperset(characters):  # noqa: PLR2004  MSH-2 is 1 to 5 long
        return STANDARD._replace(field=separator), "MSH-2 holds no usable encoding characters"
    component, repetition, escape, subcomponent = [*characters[:4], "", "", ""][:4]
    return Delimiters(separator, component, repetition, escape, subcomponent), ""


def _components(field: str, delimiters: Delimiters) -> list[str]:
    """The components of a header field's first repetition, at least three."""
    first = field.split(delimiters.repetition, 1)[0] if delimiters.repetition else field
    return [*first.split(delimiters.component), "", ""]


def _charsets(field: str, delimiters: Delimiters) -> tuple[str, ...]:
    names = field.split(delimiters.repetition) if delimiters.repetition else [field]
    return tuple(name.strip() for name in names) if field.strip() else ()
