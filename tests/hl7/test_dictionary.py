"""The dictionary: mistakes in a mapping or a message are found, and a correct one is never accused."""

from pathlib import Path

import hl7apy
import pytest

from swf.hl7 import charset, dictionary, terms
from swf.hl7.header import read_header

SAMPLES = sorted((Path(__file__).parents[2] / "fixtures" / "samples").glob("*.hl7"))
ORDER = (
    "MSH|^~\\&|HIS|HOSP|SWF|RAD|20260101||ORM^O01|1|P|2.3.1\rPID|||1||DOE^JANE\rORC|NW|8100\rOBR|1|8100||CT^CT head\r"
)
NEWER = (
    "MSH|^~\\&|HIS|HOSP|SWF|RAD|20260101||OMG^O19^OMG_O19|1|P|2.5.1\rPID|||1||DOE^JANE||19720411\r"
    "ORC|NW|8100\rOBR|1|8100||CT^CT head\r"
)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("2.3.1", "2.3.1"),
        ("2.5.1^RUS", "2.5.1"),
        ("2.7.1", "2.7"),
        ("2.9", "2.8.2"),
        ("V2.5", "2.5"),
        ("2,5", "2.5"),
        ("2.0", "2.1"),
        ("", "2.3.1"),
    ],
)
def test_nearest_version(asked: str, known: str) -> None:
    """A version without tables is judged by the next lower one."""
    assert dictionary.nearest(asked) == known


def test_every_version_has_its_tables() -> None:
    """Each version names the patient's identifier and name."""
    for version in dictionary.VERSIONS:
        assert dictionary.field_name(version, "PID", 5) == "Patient name"
        assert dictionary.selector_problem(version, "MSH", 9, 1) is None


def test_field_names() -> None:
    """Fields are called what the standard calls them."""
    assert dictionary.field_name("2.5.1", "OBR", 18) == "Placer field 1"
    assert dictionary.field_name("2.5.1", "PID", 99) is None
    assert dictionary.field_name("2.5.1", "PID", 0) is None
    assert dictionary.field_name("2.5.1", "XYZ", 1) is None


@pytest.mark.parametrize(
    ("version", "segment", "field", "component"),
    [
        ("2.5.1", "PID", 5, 1),
        ("2.5.1", "PID", 5, 0),
        ("2.5.1", "PID", 8, 1),
        ("2.5.1", "IPC", 3, 1),
        ("2.5.1", "OBX", 5, 9),
        ("2.3.1", "ZDS", 1, 4),
        ("2.7", "TQ1", 1, 1),
    ],
)
def test_sound_paths(version: str, segment: str, field: int, component: int) -> None:
    """A path the standard knows, or one into a site's own segment, is not objected to."""
    assert dictionary.selector_problem(version, segment, field, component) is None
    assert dictionary.selector_problem(version, segment, field, component) is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("2.5.1", "PID", 99, 0), "no PID-99; PID ends with PID-39"),
        (("2.5.1", "PID", 0, 0), "no PID-0"),
        (("2.5.1", "PIDD", 3, 0), "did you mean PID"),
        (("2.3.1", "IPC", 3, 0), "HL7 2.3.1 has no segment IPC"),
        (("2.5.1", "PID", 5, 15), "no PID-5.15; Patient name ends with component 14"),
        (("2.5.1", "PID", 8, 2), "no PID-8.2"),
        (("2.5.1", "XQWV", 1, 0), "has no segment XQWV"),
    ],
)
def test_mistaken_paths(path: tuple[str, str, int, int], words: str) -> None:
    """A mistyped path in a mapping is reported in a sentence that helps."""
    problem = dictionary.selector_problem(*path)
    assert problem is not None
    assert words in problem
    assert dictionary.selector_problem(*path) is not None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_conform(path: Path) -> None:
    """No sample of the profile is accused of anything."""
    raw = path.read_bytes()
    assert dictionary.check(charset.decode(raw, read_header(raw))[0]) == []


@pytest.mark.parametrize(
    "text",
    [
        ORDER,
        ORDER.replace("\r", "\n"),
        ORDER.replace("\r", "\r\n"),
        ORDER + "OBR|2|8100||CT^CT neck\rPV1||O\rZDS|1.2.3^100^Application^DICOM\rZP0|a&b\r",
        ORDER.replace("ORM^O01", "ORM^O01^ORM_O01"),
        ORDER + "OBX|1|ST|1^Note|1|" + "x" * 300 + "||||||F\r",
        NEWER.replace("19720411", '""'),
        NEWER.replace("PID|||1||", 'PID|||1^^^^^^""||'),
        ORDER.replace("|ORM^O01|", "|ADT^A08|").replace("ORC|NW|8100\rOBR|1|8100||CT^CT head", "EVN||2026\rPV1||O"),
        ORDER.replace("|ORM^O01|", "|ADT^A31|").replace("ORC|NW|8100\rOBR|1|8100||CT^CT head", "EVN||2026\rPV1||O"),
        "MSH|^~\\&|A|B|C|D|2026||ACK^O01|1|P|2.3.1\rMSA|AA|7\r",
        "MSH|^~|A|B|C|D|20260101||ACK|1|P|2.5\rMSA|AA|7|a & b\r",
    ],
)
def test_no_false_alarms(text: str) -> None:
    """What real hospitals send lawfully is not reported, whatever the underlying library thinks of it."""
    assert dictionary.check(text) == []


def test_of_a_choice_nothing_is_required() -> None:
    """Where a message may hold one segment or another, none of the two is missed."""
    structure = hl7apy.load_library("2.6").MESSAGES["SDR_S31"]
    assert dictionary._required(structure) == {"MSH"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ORDER.replace("OBR|1", "OBR|x"), "OBR-1: x is not"),
        (ORDER.replace("PID|||1|", "PID||||"), "PID-3: Patient identifier list is required"),
        (ORDER.replace("ORC|NW|8100\r", ""), "The segment ORC is required"),
        (ORDER + "TQ1|1\r", "no segment TQ1"),
        (ORDER + "QQQ|1\r", "no segment QQQ"),
        (ORDER.replace("DOE^JANE", "DOE^JANE|||F~M"), "PID-8: Sex may be sent 1 times at most"),
        (ORDER.replace("CT head", "CT head" + "|" * 60 + "x"), "fields beyond OBR-45"),
        (ORDER.replace("ORM^O01", "OMG^O19"), "HL7 2.3.1 has no message OMG^O19"),
        (NEWER.replace("19720411", "11.04.1972"), "PID-7: 11.04.1972 is not"),
        (NEWER.replace("CT^CT head", "CT^CT head^^^^^^^x"), "OBR-4"),
        ("MSH|^~\\&|A|B|C|D|2026||ADT^A31|1|P|2.5\rEVN||2026\rPID|||1||DOE\rPV1||O\rPDA|x\r", "no segment PDA"),
        ("<order/>", "does not begin with MSH"),
        (ORDER + ORDER, "several messages"),
    ],
)
def test_findings(text: str, words: str) -> None:
    """What does not conform is named with its place."""
    findings = dictionary.check(text)
    assert any(words in finding for finding in findings), findings


@pytest.mark.parametrize(
    ("number", "table"), [("0119", terms.ORDER_CONTROL), ("0038", terms.ORDER_STATUS), ("0123", terms.RESULT_STATUS)]
)
def test_tables_hold_codes_of_the_standard(number: str, table: dict[str, str]) -> None:
    """Every code this broker speaks is one of HL7's own."""
    assert set(table) <= set(hl7apy.load_library("2.5.1").TABLES[f"HL7{number}"][1])


def test_error_conditions_are_those_of_the_standard() -> None:
    """Every error code is one of table 0357."""
    assert {str(code) for code in terms.ERROR_CONDITION} == set(hl7apy.load_library("2.5.1").TABLES["HL70357"][1])
