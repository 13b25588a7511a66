"""DCMTK, the toolkit most scanners are tested with, as the modality; a HIS of twenty lines sends the orders."""

import re
from pathlib import Path

import pytest
import trustme

from swf.broker import Broker
from tests.conftest import MakeBroker
from tests.interop.conftest import Program
from tests.processes import MllpClient

TODAY = "20261122"
ORDERS = {
    "A1": ("DOE^JANE", "CT1", "CT"),
    "A2": ("ЩУКИНА^ЖАННА", "MR1", "MR"),
}


def _order(number: str) -> bytes:
    """One order as OMI^O23 in the Cyrillic part of ISO 8859."""
    name, station, modality = ORDERS[number]
    lines = (
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}|P|2.5.1||||||8859/5",
        f"PID|||P{number}^^^HOSP^MR||{name}||19800229|F",
        "PV1||O",
        f"ORC|NW|{number}^HIS|F{number}^RIS||SC",
        f"TQ1|1||||||{TODAY}0930|||R",
        f"OBR|1|{number}^HIS|F{number}^RIS|C1^Abdomen^99SIM",
        f"IPC|{number}|RP{number}|1.2.3.{number[1]}|S{number}|{modality}|P1^Routine^99SIM|||{station}",
    )
    return "\r".join((*lines, "")).encode("iso8859_5")


@pytest.fixture
def hospital(broker: Broker) -> Broker:
    """A broker that was sent both orders."""
    with MllpClient(broker.hl7.address) as client:
        assert [client.send(_order(number)) for number in ORDERS] == ["AA", "AA"]
    return broker


def _find(dcmtk: Program, broker: Broker, *keys: str) -> list[Path]:
    """Ask with findscu as CT1; the answers as files."""
    host, port = broker.dicom.address
    words = [word for key in keys for word in ("-k", key)]
    done = dcmtk("findscu", "-W", "-X", "-aet", "CT1", "-aec", "SWF", host, port, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = Path(dcmtk("pwd").stdout.strip())
    return sorted(folder.glob("rsp*.dcm"))


def _values(dcmtk: Program, answer: Path) -> dict[str, str]:
    """Every element of an answer by its tag, at any depth, as dcmdump shows it."""
    text = dcmtk("dcmdump", "+L", answer).stdout
    found = re.findall(r"\(([0-9a-f]{4},[0-9a-f]{4})\) \w\w (?:\[(.*?)\]|=(\S+)|\((no value available)\))", text)
    return {tag: value or name for tag, value, name, _ in found}


STATION, DATE = "(0040,0100)[0].ScheduledStationAETitle", "(0040,0100)[0].ScheduledProcedureStepStartDate"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), ["A1", "A2"]),
        ((f"{STATION}=CT1", f"{DATE}={TODAY}"), ["A1"]),
        ((f"{STATION}=CT1", f"{DATE}=20261123-"), []),
        (("PatientName=doe*",), ["A1"]),
        (("PatientID=PA2",), ["A2"]),
        (("(0040,0100)[0].Modality=MR",), ["A2"]),
    ],
    ids=["universal", "station and date", "later", "name", "patient", "modality"],
)
def test_findscu_sees_the_order(dcmtk: Program, hospital: Broker, keys: tuple[str, ...], expected: list[str]) -> None:
    """An order sent by a HIS is found by a foreign scanner's query, and by no query it does not match."""
    answers = _find(dcmtk, hospital, "AccessionNumber", *keys)
    assert sorted(_values(dcmtk, answer)["0008,0050"] for answer in answers) == expected


def test_the_answer_is_complete(dcmtk: Program, hospital: Broker) -> None:
    """Every attribute the standard demands is in the answer: with a value where it must have one, else at least empty."""
    type_1 = {
        "0010,0010": "DOE^JANE",
        "0010,0020": "PA1",
        "0020,000d": "1.2.3.1",
        "0040,1001": "RPA1",
        "0040,0001": "CT1",
        "0040,0002": TODAY,
        "0040,0003": "093000",
        "0008,0060": "CT",
        "0040,0009": "SA1",
        "0040,0007": "Routine",
        "0032,1060": "Abdomen",
    }
    type_2 = ["0008,0090", "0010,1030", "0010,2000", "0038,0010", "0040,1003", "0008,1110", "0032,1032", "0010,21c0"]
    outer = [f"({tag})" for tag in (*type_1, *type_2) if tag not in _OF_THE_STEP]
    inner = [f"(0040,0100)[0].({tag})" for tag in _OF_THE_STEP]
    (answer,) = _find(dcmtk, hospital, "AccessionNumber=A1", *outer, *inner)
    values = _values(dcmtk, answer)
    assert {tag: values.get(tag) for tag in type_1} == type_1
    text = dcmtk("dcmdump", answer).stdout
    assert [tag for tag in type_2 if f"({tag})" not in text] == []


_OF_THE_STEP = ("0040,0001", "0040,0002", "0040,0003", "0008,0060", "0040,0009", "0040,0007")


def test_a_cyrillic_name_is_kept(dcmtk: Program, hospital: Broker) -> None:
    """A name in Cyrillic letters reaches the scanner as it was written, and in a set that is declared."""
    (answer,) = _find(dcmtk, hospital, "PatientName", "AccessionNumber=A2")
    values = _values(dcmtk, answer)
    assert values["0008,0005"] == "ISO_IR 192"
    assert values["0010,0010"] == "ЩУКИНА^ЖАННА"


def test_echoscu_is_answered(dcmtk: Program, broker: Broker) -> None:
    """The verification every scanner has as a button works."""
    host, port = broker.dicom.address
    done = dcmtk("echoscu", "-aet", "CT1", "-aec", "SWF", host, port)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stranger_hears_why(dcmtk: Program, make_broker: MakeBroker) -> None:
    """On a real network, a device with the wrong title reads that its title is not known here."""
    broker = make_broker(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT1"}])
    port = broker.dicom.address[1]
    assert dcmtk("echoscu", "-aet", "CT1", "-aec", "SWF", "127.0.0.1", port).returncode == 0
    done = dcmtk("echoscu", "-aet", "CT2", "-aec", "SWF", "127.0.0.1", port)
    assert done.returncode != 0
    assert "Rejected Permanent" in done.stdout + done.stderr
    assert "Calling AE Title Not Recognized" in done.stdout + done.stderr


def test_findscu_cancels(dcmtk: Program, broker: Broker) -> None:
    """A foreign scanner that has seen enough of a long list stops it in the middle, every time."""
    lines = _order("A1").decode("iso8859_5").split("\r")
    steps = [lines[6].replace("|SA1|", f"|S{number}|") for number in range(500)]
    with MllpClient(broker.hl7.address) as client:
        assert client.send("\r".join([*lines[:6], *steps, ""]).encode("iso8859_5")) == "AA"
    host, port = broker.dicom.address
    keys = ("-k", "PatientName", "-k", "AccessionNumber", "-k", "StudyInstanceUID", "-k", "(0040,0100)[0].Modality")
    for _ in range(5):
        done = dcmtk("findscu", "-W", "-v", "--cancel", "5", "-aet", "CT1", "-aec", "SWF", host, port, *keys)
        said = done.stdout + done.stderr
        assert "Cancel: MatchingTerminatedDueToCancelRequest" in said
        assert 5 <= said.count("Find Response: ") < 500


def test_dcmtk_speaks_tls(dcmtk: Program, make_broker: MakeBroker, tmp_path: Path) -> None:
    """A foreign scanner with a certificate of the site verifies and asks over TLS; without one it is kept out."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("localhost", "ct1.example"):
        issued = authority.issue_cert(name, common_name=name)
        issued.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
        issued.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
    tls = {"tls_certificate": tmp_path / "localhost.pem", "tls_key": tmp_path / "localhost.key", "tls_port": 0}
    broker = make_broker(
        dicom={"tls_client_ca": str(tmp_path / "ca.pem"), **{key: str(value) for key, value in tls.items()}},
        modality=[{"ae_title": "CT1", "certificate": "ct1.example"}],
    )
    assert broker.dicom.tls_address
    where = ("-aet", "CT1", "-aec", "SWF", *broker.dicom.tls_address)
    own = ("+tls", "ct1.example.key", "ct1.example.pem", "+cf", "ca.pem")
    assert dcmtk("echoscu", *own, *where).returncode == 0
    assert dcmtk("findscu", "-W", *own, *where, "-k", "PatientName").returncode == 0
    assert dcmtk("echoscu", "+tla", "+cf", "ca.pem", *where).returncode != 0
    assert dcmtk("echoscu", "-aet", "CT1", "-aec", "SWF", *broker.dicom.address).returncode != 0
