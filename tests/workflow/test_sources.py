"""Who sends: every [[source]] is read, checked and answered its own way."""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from swf import config
from swf.config import Settings
from swf.errors import ConfigError, UnknownSender
from swf.hl7 import ack, batch
from swf.hl7.header import read_header
from swf.workflow import site
from tests.workflow.conftest import Department, Found, order_message, request

PEER = "192.0.2.1"  # where the department's messages come from
HIS = {"name": "his", "application": "HIS", "facility": "HOSP"}
ORDER = order_message("C1", *request())
OPEN = {"host": "0.0.0.0"}


def enhanced(conditions: str, *segments: str) -> str:
    """An order that says in MSH-15 and MSH-16 which answers it wants."""
    return order_message("C1", *(segments or request())).replace("|P|2.3.1", f"|P|2.3.1|||{conditions}")


def answers(raw: bytes) -> list[str]:
    """MSA-1 of each answer."""
    return [ack.read_acknowledgement(each).code for each in batch.split(raw)] if raw else []


# ---- who is let in ----


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        ([], "AA"),
        ([PEER], "AA"),
        (["192.0.2.0/24"], "AA"),
        (["192.0.2.1/24"], "AA"),
        (["10.0.0.0/8", PEER], "AA"),
        (["10.0.0.0/8"], "AR"),
        (["2001:db8::/32"], "AR"),
    ],
)
def test_a_source_sends_from_its_own_addresses(found: Found, hosts: list[str], code: str) -> None:
    """A message is taken from the addresses of its source and refused from any other, kept either way."""
    department = found(source=[{**HIS, "hosts": hosts}])
    answer = department.receive(ORDER)
    assert (answer.code, answer.error_code) == (code, "" if code == "AA" else "103")
    (row,) = department.rows("message")
    assert (bytes(row.raw), row.peer) == (ORDER.encode(), PEER)
    assert len(department.rows("order")) == (code == "AA")


@pytest.mark.parametrize(
    ("source", "door", "code"),
    [
        (HIS, OPEN, "AA"),
        ({"name": "any"}, OPEN, "AA"),
        ({**HIS, "application": "OTHER"}, OPEN, "AR"),
        ({**HIS, "facility": "OTHER"}, OPEN, "AR"),
        ({**HIS, "application": "OTHER"}, {}, "AA"),
        (None, OPEN, "AA"),
    ],
)
def test_strangers_off_loopback(found: Found, source: Any, door: dict[str, str], code: str) -> None:
    """Once a site has listed its senders and can be reached from the network, nobody else is listened to."""
    department = found(hl7=door, source=[source] if source else [])
    assert department.receive(ORDER).code == code


def test_the_first_source_that_fits_counts(found: Found) -> None:
    """Of two systems of one name each is known by its address; what neither sends is refused."""
    near = {**HIS, "hosts": [PEER], "charset": "windows-1251"}
    far = {**HIS, "name": "far", "hosts": ["198.51.100.0/24"], "charset": "koi8-r"}
    department = found(source=[far, near])
    assert department.receive(ORDER.replace("DOE^JANE", "ПРИМЕРОВ^ИВАН").encode("cp1251")).code == "AA"
    (row,) = department.rows("message")
    assert row.charset == "cp1251"


def test_addresses_in_the_other_notation(found: Found) -> None:
    """An IPv4 address that a door for both kinds reports as IPv6 is still that address."""
    own = site.load(Settings(source=[{**HIS, "hosts": [PEER]}]))
    for peer, named in ((f"::ffff:{PEER}", True), ("::ffff:192.0.2.9", False), ("", False), ("localhost", False)):
        fit = own.for_source(_header(), peer)
        assert fit.source.name == "his"
        assert _is_admitted(fit, peer) is named


def _header() -> Any:
    return read_header(ORDER.encode())


def _is_admitted(fit: site.Site, peer: str) -> bool:
    try:
        fit.admit(peer)
    except UnknownSender:
        return False
    return True


def test_an_alert_without_patient_data(found: Found, log_lines: io.StringIO) -> None:
    """A message from the wrong address is a security alert in the log, with the address and without the patient."""
    found(source=[{**HIS, "hosts": ["10.0.0.1"]}]).receive(ORDER)
    assert "security alert" in log_lines.getvalue()
    assert PEER in log_lines.getvalue()
    assert "DOE" not in log_lines.getvalue()
    assert "4711" not in log_lines.getvalue()


# ---- character sets ----


@pytest.mark.parametrize(
    ("source", "declared", "codec", "code"),
    [
        ({"charset": "windows-1251"}, "", "cp1251", "AA"),
        ({"charset": "windows-1251"}, "", "utf-8", "AA"),
        ({"charset": "windows-1251"}, "KOI8-R", "koi8-r", "AA"),
        ({"charset_override": "windows-1251"}, "8859/1", "cp1251", "AA"),
        ({"charset_override": "utf-8"}, "8859/1", "utf-8", "AA"),
        ({}, "8859/1", "utf-8", "AE"),
        ({}, "", "cp1251", "AE"),
        ({"charset_override": "utf-8"}, "8859/1", "cp1251", "AE"),
    ],
)
def test_the_character_set_of_a_source(
    found: Found, source: dict[str, str], declared: str, codec: str, code: str
) -> None:
    """A sender that declares nothing, or the wrong thing, is read as its settings say, or refused; never guessed."""
    text = ORDER.replace("|2.3.1\r", f"|2.3.1||||||{declared}\r").replace("DOE^JANE", "ПРИМЕРОВ^ИВАН")
    department = found(source=[{**HIS, **source}])
    assert department.receive(text.encode(codec)).code == code
    assert [str(item.PatientName) for item in department.worklist()] == ["ПРИМЕРОВ^ИВАН"] * (code == "AA")


def test_an_operator_is_told_what_the_bytes_look_like(department: Department) -> None:
    """The journal names the offset of an unreadable name, and what it looks like."""
    department.receive(ORDER.replace("DOE^JANE", "ПРИМЕРОВ^ИВАН").encode("koi8-r"))
    ((_, detail),) = department.events("message refused")
    assert "offset" in detail["reason"]
    assert detail["reason"].endswith("it looks like koi8-r")


# ---- answers ----


@pytest.mark.parametrize(
    ("conditions", "codes"),
    [("|", ["AA"]), ("AL|NE", ["CA"]), ("AL|AL", ["CA", "AA"]), ("NE|AL", ["AA"]), ("NE|NE", []), ("ER|ER", [])],
)
def test_enhanced_mode(found: Found, conditions: str, codes: list[str]) -> None:
    """In enhanced mode a sender gets the answers it asked for; the order is done in any case, and once."""
    department = found(source=[{**HIS, "ack_mode": "enhanced"}])
    first = department.receive_raw(enhanced(conditions))
    assert answers(first) == codes
    assert department.receive_raw(enhanced(conditions)) == first
    assert len(department.rows("order")) == 1


@pytest.mark.parametrize(
    ("conditions", "codes"),
    [("|", ["AE"]), ("AL|NE", ["CE"]), ("AL|AL", ["CA", "AE"]), ("NE|AL", ["AE"]), ("ER|NE", ["CE"]), ("SU|SU", [])],
)
def test_refusals_in_enhanced_mode(found: Found, conditions: str, codes: list[str]) -> None:
    """A refusal is told by AE where an application acknowledgement was asked for, else by CE, and nothing follows CE."""
    department = found(source=[{**HIS, "ack_mode": "enhanced"}])
    assert answers(department.receive_raw(enhanced(conditions, "ORC|CA|8100^HIS"))) == codes
    assert [row.disposition for row in department.rows("message")] == ["REFUSED"]


def test_conditions_mean_nothing_in_original_mode(department: Department) -> None:
    """A sender whose template fills MSH-15 and MSH-16 without meaning it gets the AA it waits for."""
    assert answers(department.receive_raw(enhanced("AL|NE"))) == ["AA"]


def test_an_application_reply(found: Found) -> None:
    """A sender that wants to be told order by order gets ORR^O02 with our number for each."""
    department = found(source=[{**HIS, "reply": "application"}])
    text = order_message("C1", *request("8100^HIS"), *request("8101^HIS", orc_3="F9^RIS", obr_3="F9^RIS"))
    lines = department.receive_raw(text).decode().split("\r")
    (first, second) = department.rows("order")
    assert "|ORR^O02|" in lines[0]
    assert lines[1] == "MSA|AA|C1"
    assert lines[2:6] == [
        f"ORC|OK|8100^HIS|{first.filler_order_number}^SWF",
        "OBR||8100^HIS||CTABD^CT abdomen^99HIS",
        "ORC|OK|8101^HIS|F9^RIS",
        "OBR||8101^HIS|F9^RIS|CTABD^CT abdomen^99HIS",
    ]
    assert second.filler_order_number == "F9"
    assert department.receive_raw(text).decode().split("\r") == lines


def test_a_refused_application_reply(found: Found) -> None:
    """An order that could not be cancelled is answered with UC beside the reason; nobody has to guess which one."""
    department = found(source=[{**HIS, "reply": "application"}])
    lines = department.receive_raw(order_message("C1", "ORC|CA|8100^HIS")).decode().split("\r")
    assert lines[1].startswith("MSA|AE|C1|")
    assert lines[2].startswith("ERR|")
    assert lines[3:] == ["ORC|UC|8100^HIS", ""]
    unreadable = department.receive_raw(b"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ORM^O01|C2|P|2.3.1\rORC|NW|\xff\xfe")
    assert b"|ORR^O02|" in unreadable
    assert ack.read_acknowledgement(unreadable).code == "AE"


# ---- mappings ----


def test_a_mapping_of_its_own(tmp_path: Path) -> None:
    """A source may have its own mapping; what is sent follows the site's, whoever is the cause."""
    own = shutil.copytree(config.shipped_mappings(), tmp_path / "own") / "default.toml"
    settings = Settings(source=[{**HIS, "mapping": str(own)}, {"name": "other"}])
    loaded = site.load(settings)
    named = loaded.for_source(_header(), PEER)
    assert named.mapping.path == own
    assert named.mapping.messages is loaded.mapping.messages
    assert [each.path for each in loaded.mappings()] == [loaded.mapping.path, own]
    assert site.load(Settings(source=[{"name": "other"}])).for_source(_header(), PEER).mapping.path != own


def test_mistakes_of_every_mapping_are_told(tmp_path: Path) -> None:
    """A mapping that is missing or wrong keeps the broker from starting, whichever source it is of."""
    with pytest.raises(ConfigError, match=r"source\[2\]\.mapping: nowhere\.toml: there is no such file"):
        site.load(Settings(source=[HIS, {"name": "b", "mapping": "nowhere.toml"}]))
    wrong = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for file in wrong:
        file.write_text("[attributes]\nNoSuchAttribute = 'PID-3'\n", "utf-8")
    sources = [{"name": file.name, "mapping": str(file)} for file in wrong]
    with pytest.raises(ConfigError) as refusal:
        site.load(Settings(source=sources))
    assert {str(file) for file in wrong} <= {mistake.split(":")[0] for mistake in refusal.value.mistakes}
