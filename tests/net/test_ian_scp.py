"""An archive's notices at the door (RAD-49; PS3.4 Annex R)."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom.sop_class import InstanceAvailabilityNotification

from swf.broker import Broker
from tests.conftest import settings_for
from tests.net import dicom_peer
from tests.notices import notice

ONE = {"1.2.1": "ONLINE"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that tells nobody."""
    broker = Broker(settings_for(tmp_path_factory.mktemp("ian")))
    broker.start()
    yield broker
    broker.stop()


def send(broker: Broker, dataset: Dataset, uid: str | None, syntax: str = ImplicitVRLittleEndian) -> Dataset:
    """What a notice is answered."""
    with dicom_peer.association(broker.dicom.address, "PACS", syntaxes=[syntax]) as peer:
        answer: Dataset = peer.send_n_create(dataset, InstanceAvailabilityNotification, uid)[0]
    return answer


def kept(broker: Broker) -> list[str]:
    """The notices as a stranger finds them in the database file."""
    with closing(sqlite3.connect(broker.settings.store.url.removeprefix("sqlite:///"))) as other:
        return [uid for (uid,) in other.execute("SELECT sop_instance_uid FROM availability_notice")]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_a_notice_is_on_disk_before_it_is_answered(site: Broker, syntax: str) -> None:
    """Once the archive has its answer, the notice is kept; the same again is told apart."""
    uid = str(generate_uid(prefix=None))
    assert send(site, notice("1.2", ONE, "1.9"), uid, syntax).Status == 0x0000
    assert uid in kept(site)
    assert send(site, notice("1.2", ONE), uid, syntax).Status == 0x0111


def test_a_notice_without_a_number_gets_one(site: Broker) -> None:
    """An archive that leaves the number to us is given one."""
    before = kept(site)
    assert send(site, notice("1.2", ONE), None).Status == 0x0000
    (new,) = set(kept(site)) - set(before)
    assert UID(new).is_valid


def test_a_wrong_notice_is_refused_with_its_reason(site: Broker) -> None:
    """What says nothing is refused by the standard's statuses and kept nowhere, and the refusal is journalled."""
    before = kept(site)
    empty, none = notice("", ONE), notice("1.2", ONE)
    del none.StudyInstanceUID
    assert send(site, none, "1.2.3.1").Status == 0x0120
    assert send(site, empty, "1.2.3.2").Status == 0x0121
    assert send(site, notice("1.2", {"1.2.1": "SOMEWHERE"}), "1.2.3.3").Status == 0x0106
    assert kept(site) == before
    with closing(sqlite3.connect(site.settings.store.url.removeprefix("sqlite:///"))) as other:
        found = other.execute("SELECT detail FROM journal WHERE event = 'notice refused' ORDER BY id DESC LIMIT 3")
        told = [json.loads(detail) for (detail,) in found]
    assert [(each["ae_title"], each["status"]) for each in told] == [
        ("PACS", "0x0106"),
        ("PACS", "0x0121"),
        ("PACS", "0x0120"),
    ]
