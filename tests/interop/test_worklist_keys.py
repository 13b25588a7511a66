"""DCMTK's findscu asks by each kind of key; dcmdump and dciodvfy (dicom3tools) look for mistakes in what it is answered.

dciodvfy knows no worklist, so what it says of the missing object and its file is left aside; what it says of a value, an
attribute or a sequence counts.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import datadict

from swf.broker import Broker
from swf.dicom import attributes, encoding
from swf.net import mllp_client
from tests.conftest import SAMPLES, settings_for
from tests.interop.conftest import Program
from tests.net.test_mwl_scp import ALL, ITEMS, _order

STEP = "(0040,0100)[0]."
DATE, TIME = f"{STEP}ScheduledProcedureStepStartDate", f"{STEP}ScheduledProcedureStepStartTime"
STATION, MODALITY = f"{STEP}ScheduledStationAETitle", f"{STEP}Modality"
UTF8 = "SpecificCharacterSet=ISO_IR 192"
# The last is a name of one part, which is how the hospital wrote it.
ABOUT_THE_FILE = re.compile(
    "Information Object Not found|MediaStorageSOP[A-Za-z]+UID but missing|needed to build DICOMDIR|"
    "Retired Person Name form"
)


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with the items of the behaviour probe and the order of an IHE sample, which no test changes."""
    broker = Broker(settings_for(tmp_path_factory.mktemp("worklist")))
    broker.start()
    sample = (SAMPLES / "15_rad4_omi_nw_251.hl7").read_bytes()
    for order in (*(_order(number, item) for number, item in ITEMS.items()), sample):
        assert b"MSA|AA" in mllp_client.exchange(*broker.hl7.address, order, 10)
    yield broker
    broker.stop()


def _asked(dcmtk: Program, broker: Broker, *words: str | Path) -> tuple[list[Path], str]:
    """The answers to findscu as files, and what it printed."""
    host, port = broker.dicom.address
    done = dcmtk("findscu", "-v", "-W", "-X", "-aet", "CT1", "-aec", "SWF", host, port, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "E: " not in done.stdout + done.stderr
    folder = Path(dcmtk("pwd").stdout.strip())
    return sorted(folder.glob("rsp*.dcm")), done.stdout + done.stderr


def _found(dcmtk: Program, broker: Broker, *words: str | Path) -> set[str]:
    """The accession numbers findscu is answered."""
    answers, _ = _asked(dcmtk, broker, *words)
    told = dcmtk("dcmdump", "+P", "AccessionNumber", *answers).stdout if answers else ""
    return {number.strip() for number in re.findall(r"\[(.*?)\]", told)}


def _keys(*keys: str) -> list[str]:
    return [word for key in ("AccessionNumber", *keys) for word in ("-k", key)]


EVERYBODY = ALL | {"ACC1001"}
KEYS = [
    ((), EVERYBODY),
    (("AccessionNumber=A3",), {"A3"}),
    ((f"{MODALITY}=CT\\MR",), {"A1", "A2", "A3", "A4", "ACC1001"}),
    ((f"{MODALITY}=C*",), {"A1", "A2", "A3", "ACC1001"}),
    ((f"{STATION}=MR2",), {"A4"}),
    ((f"{STATION}=*",), EVERYBODY),
    ((f"{STATION}=CT0?AE",), {"ACC1001"}),
    ((f"{DATE}=20261122",), {"A1", "A2"}),
    ((f"{DATE}=2026.11.22",), {"A1", "A2"}),
    ((f"{DATE}=*",), EVERYBODY),
    ((f"{DATE}=20261122-20261123", f"{TIME}=2200-0830"), {"A2", "A3"}),
    ((f"{DATE}=20261125-",), {"A5", "A6", "A7"}),
    ((f"{TIME}=0900",), {"A1"}),
    ((UTF8, "PatientName=müller*"), {"A1", "ACC1001"}),
    ((UTF8, "PatientName=MULLER^J*"), {"A1"}),
    ((UTF8, "PatientName==山田*"), {"A7"}),
    (("PatientName=smith^*",), {"A3", "A4"}),
    (("StudyInstanceUID=1.2.3.1\\1.2.3.6",), {"A1", "A6"}),
    (("PatientID=PA5", "RequestedProcedureID=RPA5"), {"A5"}),
    (("RequestedProcedureComments=x", "StudyDescription=x"), EVERYBODY),
    (("QueryRetrieveLevel=WORKLIST", "SOPClassUID=1.2.3"), EVERYBODY),
    (("(0008,0000)=10", "(0010,0000)=10", "PatientID=PA2"), {"A2"}),
]


@pytest.mark.parametrize(("keys", "expected"), KEYS, ids=[" ".join(keys) or "universal" for keys, _ in KEYS])
def test_each_kind_of_key(dcmtk: Program, listing: Broker, keys: tuple[str, ...], expected: set[str]) -> None:
    """A foreign scanner finds whom it means, however it asks."""
    assert _found(dcmtk, listing, *_keys(*keys)) == expected


FILES = {
    "undefined lengths": (("-e",), "(0008,0050) SH\n(0040,0100) SQ\n(fffe,e000) na\n(0008,0060) CS MR\n", {"A4"}),
    "explicit lengths": (("+e",), "(0008,0050) SH\n(0040,0100) SQ\n(fffe,e000) na\n(0008,0060) CS MR\n", {"A4"}),
    "two items": (
        ("-e",),
        "(0008,0050) SH\n(0040,0100) SQ\n(fffe,e000) na\n(0008,0060) CS MR\n(fffe,e00d) na\n(fffe,e000) na\n",
        {"A4"},
    ),
    "an empty item": (("-e",), "(0008,0050) SH\n(0040,0100) SQ\n(fffe,e000) na\n", EVERYBODY),
    "no item": (("-e",), "(0008,0050) SH\n(0040,0100) SQ\n", EVERYBODY),
    "private": (("-e",), "(0008,0050) SH\n(0029,0010) LO ACME\n(0029,1001) LO x\n", EVERYBODY),
    "unknown representation": (("-e",), "(0008,0050) SH\n(0010,0020) UN 50\\41\\33\\20\n", {"A3"}),
}


@pytest.mark.parametrize("form", FILES)
def test_each_form_of_the_step_sequence(dcmtk: Program, listing: Broker, form: str, tmp_path: Path) -> None:
    """Whatever a scanner's toolkit makes of the step sequence, the same is meant."""
    options, text, expected = FILES[form]
    if "SQ" in text:
        text += "(fffe,e00d) na\n(fffe,e0dd) na\n" if "(fffe,e000)" in text else "(fffe,e0dd) na\n"
    (tmp_path / "query.dump").write_text(text, encoding="ascii")
    made = dcmtk("dump2dcm", "+te", *options, "query.dump", "query.dcm")
    assert made.returncode == 0, made.stderr
    assert _found(dcmtk, listing, tmp_path / "query.dcm") == expected


def test_a_key_that_is_not_matched_is_said_to_be_so(dcmtk: Program, listing: Broker) -> None:
    """Findscu is told with each answer that one of its keys was not matched by."""
    _, printed = _asked(dcmtk, listing, *_keys("AccessionNumber=A1", "RequestedProcedureComments=x"))
    assert "Pending: WarningUnsupportedOptionalKeys" in printed or "ff01" in printed.lower(), printed


# ---- what is answered ----


@pytest.fixture
def dciodvfy() -> Program:
    """The validator of dicom3tools."""
    if shutil.which("dciodvfy") is None:
        reason = "dicom3tools is not installed (Debian: apt-get install dicom3tools)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return lambda *words: subprocess.run(["dciodvfy", *words], capture_output=True, text=True, check=False, timeout=20)


def _complaints(validator: Program, answer: Path) -> list[str]:
    done = validator(answer)
    return [line for line in (done.stdout + done.stderr).splitlines() if not ABOUT_THE_FILE.search(line)]


def _everything() -> list[str]:
    """Every attribute of the worklist model as a return key, the sequences whole; retired ones only old scanners want."""
    tags = [encoding.layout(row.keyword).tag for row in attributes.TABLE if not row.path]
    keys = [
        f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
        for tag in tags
        if not (tag in _DECLARED or datadict.dictionary_is_retired(tag))
    ]
    return [word for key in keys for word in ("-k", key)]


_DECLARED = {0x00080005, 0x00080201}


@pytest.mark.parametrize("syntax", ["-xi", "-xe"], ids=["implicit", "explicit"])
@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", "\\ISO 2022 IR 87"])
def test_nothing_is_wrong_with_the_answers(
    dcmtk: Program, dciodvfy: Program, listing: Broker, syntax: str, charset: str
) -> None:
    """Two other people's validators read every entry, with everything there is in it, and find no fault."""
    charsets = ("-k", f"SpecificCharacterSet={charset}")
    answers, _ = _asked(dcmtk, listing, syntax, *charsets, *_everything())
    assert len(answers) == len(EVERYBODY) + 1  # the sample has two steps
    dumped = dcmtk("dcmdump", *answers)
    assert (dumped.returncode, dumped.stderr) == (0, "")
    assert [complaint for answer in answers for complaint in _complaints(dciodvfy, answer)] == []


@pytest.mark.parametrize("damage", ["(0010,0030)=2026-11-22", "(0010,0040)=female", "(0020,000d)=1.02.x"])
def test_the_validator_would_see_a_fault(dcmtk: Program, dciodvfy: Program, listing: Broker, damage: str) -> None:
    """A date, a code or a UID that is none is something dciodvfy speaks about."""
    (answer,), _ = _asked(
        dcmtk, listing, *_keys("AccessionNumber=A3", "PatientBirthDate", "PatientSex", "StudyInstanceUID")
    )
    assert _complaints(dciodvfy, answer) == []
    assert dcmtk("dcmodify", "-nb", "-ma", damage, answer).returncode == 0
    assert _complaints(dciodvfy, answer) != []
