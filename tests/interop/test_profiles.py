"""DCMTK's findscu as a station of each profile: the list and the letters it gets (RAD-5)."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from swf import config
from swf.broker import Broker
from tests.conftest import MakeBroker
from tests.interop.conftest import Program
from tests.processes import MllpClient

ORDERS = {  # number: sending facility, name, station, day
    "A1": ("NORTH", "Müller^Jürgen", "CT1", "20300502"),
    "A2": ("NORTH", "Згурський^Юрій", "CT1", "20300502"),
    "A3": ("SOUTH", "Yamada^Tarou=山田^太郎", "MR1", "20300502"),
    "A4": ("SOUTH", "Hong^Gildong=洪^吉洞=홍^길동", "MR2", "20300503"),
    "A5": ("SOUTH", "Wang^XiaoDong=王^小东", "US1", "20300503"),
}
LATIN = {"A1": "Müller^Jürgen", "A2": "Zgurskii^Iurii"} | {
    "A3": "Yamada^Tarou",
    "A4": "Hong^Gildong",
    "A5": "Wang^XiaoDong",
}
ASIAN = {"A1": "Mueller^Juergen", "A2": "Zgurskii^Iurii"}
PROFILES: dict[str, dict[str, Any]] = {
    "LATIN1": {"character_set": ["ISO_IR 100"]},
    "UKRAINE": {"character_set": ["ISO_IR 6"], "transliteration": "ukrainian"},
    "CYRILLIC": {"character_set": ["ISO_IR 144"]},
    "JAPAN": {"character_set": ["ISO 2022 IR 6", "ISO 2022 IR 87"]},
    "KOREA": {"character_set": ["ISO 2022 IR 6", "ISO 2022 IR 149"]},
    "CHINA": {"character_set": ["GB18030"]},
    "UTF8": {"character_set": ["ISO_IR 192"]},
    "OWN": {"station_filter": "forced", "stations": ["MR1", "MR2"]},
    "IMPLIED": {"station_filter": "implied", "stations": ["US1"], "aliases": ["ALIAS"]},
    "LABEL": {"labels": ["NORTH"], "sort": ["-accession_number"]},
}
READ = {
    "LATIN1": LATIN,
    "UKRAINE": LATIN | {"A1": "Mueller^Juergen", "A2": "Zghurskyi^Yurii"},
    "CYRILLIC": LATIN | {"A1": "Mueller^Juergen", "A2": "Згурський^Юрій"},
    "JAPAN": LATIN | ASIAN | {"A3": "Yamada^Tarou=山田^太郎", "A4": "Hong^Gildong=洪^吉洞"},
    "KOREA": LATIN | ASIAN | {"A4": "Hong^Gildong=洪^吉洞=홍^길동"},
    "CHINA": {number: name for number, (_, name, *_) in ORDERS.items()},
    "UTF8": {number: name for number, (_, name, *_) in ORDERS.items()},
    "OWN": {number: ORDERS[number][1] for number in ("A3", "A4")},
    "IMPLIED": {"A5": ORDERS["A5"][1]},
    "ALIAS": {"A5": ORDERS["A5"][1]},
    "LABEL": {number: ORDERS[number][1] for number in ("A2", "A1")},
}


def _order(number: str) -> bytes:
    facility, name, station, day = ORDERS[number]
    groups = "~".join(
        "^".join([*group.split("^"), "", "", "", "", "L", code])
        for group, code in zip(name.split("="), "AIP", strict=False)
    )
    lines = (
        f"MSH|^~\\&|HIS|{facility}|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}|P|2.5.1||||||UNICODE UTF-8",
        f"PID|||P{number}^^^HOSP^MR||{groups}||19800229|F",
        f"ORC|NW|{number}^HIS|F{number}^RIS||SC",
        f"TQ1|1||||||{day}0930|||R",
        f"OBR|1|{number}^HIS|F{number}^RIS|C1^Abdomen^99SIM",
        f"IPC|{number}|RP{number}|1.2.3.{number[1]}|S{number}|CT|P1^Routine^99SIM|||{station}",
    )
    return "\r".join((*lines, "")).encode()


@pytest.fixture
def hospital(make_broker: MakeBroker, tmp_path: Path) -> Broker:
    """A broker with a device of each profile and two tenants, that was sent every order."""
    mapping = tmp_path / "site.toml"
    default = config.shipped_mappings() / "default.toml"
    mapping.write_text(f'extends = "{default}"\n[attributes]\nWorklistLabel = {{ from = "MSH-4" }}\n', "utf-8")
    broker = make_broker(
        mapping=str(mapping),
        dicom={"host": "0.0.0.0"},
        modality=[{"ae_title": title, **profile} for title, profile in PROFILES.items()],
        partition=[{"ae_title": label, "labels": [label]} for label in ("NORTH", "SOUTH")],
    )
    with MllpClient(broker.hl7.address) as client:
        assert [client.send(_order(number)) for number in ORDERS] == ["AA"] * len(ORDERS)
    return broker


def _read(dcmtk: Program, answer: Path) -> tuple[str, str]:
    """Accession number and name of an answer, decoded by DCMTK, or by pydicom where DCMTK's iconv has no JIS X 0208."""
    if b"IR 87" in answer.read_bytes():
        item = dcmread(answer)
        return str(item.AccessionNumber), str(item.PatientName)
    text = dcmtk("dcmdump", "+U8", answer).stdout
    number, name = (re.search(rf"\({tag}\) \w\w \[(.*?)\]", text) for tag in ("0008,0050", "0010,0010"))
    assert number
    assert name
    return number[1], name[1]


def _seen(dcmtk: Program, broker: Broker, title: str, called: str = "SWF") -> dict[str, str]:
    """What findscu gets as `title`: names by accession number, converted to UTF-8 by DCMTK, in the order they came."""
    keys = [word for key in ("AccessionNumber", "PatientName") for word in ("-k", key)]
    done = dcmtk("findscu", "-W", "-X", "-aet", title, "-aec", called, "127.0.0.1", broker.dicom.address[1], *keys)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for answer in sorted(Path(dcmtk("pwd").stdout.strip()).glob("rsp*.dcm")):
        number, name = _read(dcmtk, answer)
        found[number] = name
        answer.unlink()
    return found


@pytest.mark.parametrize("title", READ)
def test_each_device_reads_its_list(dcmtk: Program, hospital: Broker, title: str) -> None:
    """A foreign toolkit decodes every name as it was meant, and sees the steps and the order of the device's profile."""
    assert list(_seen(dcmtk, hospital, title).items()) == list(READ[title].items())


def test_each_tenant_has_an_ae_title(dcmtk: Program, hospital: Broker) -> None:
    """Two departments on one port see their own orders by the AE title they call."""
    assert {called: list(_seen(dcmtk, hospital, "UTF8", called)) for called in ("NORTH", "SOUTH", "SWF")} == {
        "NORTH": ["A1", "A2"],
        "SOUTH": ["A3", "A4", "A5"],
        "SWF": list(ORDERS),
    }
