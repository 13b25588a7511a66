"""Profiles and partitions where devices meet them: who may call which of our titles, and what a reload changes."""

from pydicom.dataset import Dataset

from swf.broker import Broker
from swf.config import Settings
from swf.net import mllp_client
from tests.conftest import MakeBroker
from tests.net import dicom_peer

NORTH = {"ae_title": "NORTH", "labels": ["NORTH"]}


def _order(number: str, station: str) -> bytes:
    lines = (
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}|P|2.5.1",
        f"PID|||P{number}^^^HOSP^MR||DOE^JANE||19800229|F",
        f"ORC|NW|{number}^HIS|F{number}^RIS||SC",
        "TQ1|1||||||203005020930|||R",
        f"OBR|1|{number}^HIS|F{number}^RIS|C1^Abdomen^99SIM",
        f"IPC|{number}|RP{number}|1.2.3.{number[1]}|S{number}|CT|P1^Routine^99SIM|||{station}",
    )
    return "\r".join((*lines, "")).encode()


def _list(broker: Broker, called: str = "SWF") -> list[str]:
    identifier = Dataset()
    identifier.AccessionNumber = ""
    *pending, final = dicom_peer.find(broker.dicom.address, identifier, "CT1", called=called)
    assert final == (0, None)
    return [str(item.AccessionNumber) for _, item in pending if item]


def test_a_reload_takes_profiles_and_partitions_over(make_broker: MakeBroker) -> None:
    """A profile that is corrected counts from the next query on, while the broker runs and associations stay."""
    broker = make_broker(modality=[{"ae_title": "CT1"}])
    for number, station in (("A1", "CT1"), ("A2", "CT2")):
        assert b"MSA|AA" in mllp_client.exchange(*broker.hl7.address, _order(number, station), 10)
    assert _list(broker) == ["A1", "A2"]
    profile = {"name": "own", "station_filter": "forced"}
    tables = {"modality": [{"ae_title": "CT2", "aliases": ["CT1"], "profile": "own"}], "profile": [profile]}
    broker.reload(Settings(**{**broker.settings.model_dump(), **tables, "partition": [NORTH]}))
    assert (_list(broker), _list(broker, called="NORTH")) == (["A2"], [])


def test_only_titles_that_are_ours_can_be_called(make_broker: MakeBroker) -> None:
    """Off loopback a device may call the site's title and those of its tenants, by its own title or an alias."""
    broker = make_broker(
        dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT1", "aliases": ["CT1B"]}], partition=[NORTH]
    )
    address = ("127.0.0.1", broker.dicom.address[1])

    def may(title: str, called: str) -> bool:
        with dicom_peer.association(address, title, called=called) as peer:
            return bool(peer.is_established)

    assert [may("CT1", "SWF"), may("CT1B", "NORTH"), may("CT1", "SOUTH"), may("CT9", "NORTH")] == [
        True,
        True,
        False,
        False,
    ]
