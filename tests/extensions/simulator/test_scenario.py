"""The played scenario: it passes with a broker that does everything, and names what a lesser one leaves out."""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf import clock
from swf.extensions.simulator import mis, scenario
from swf.hl7 import ack, message
from swf.hl7.header import read_header
from swf.net import mllp_client, mllp_listener

STATUSES = {"IN PROGRESS": "IP", "COMPLETED": "CM", "DISCONTINUED": "DC"}


class StandIn:
    """The least that can pass for a broker: orders to `scp`'s worklist, MPPS to the MIS, nothing kept or checked."""

    def __init__(self, scp: Any, worklist_item: Any, destination: mllp_client.MllpClient) -> None:
        self.mute: set[str] = set()
        self.keeps_finished = False
        self.refuses = False
        self._scp = scp
        self._worklist_item = worklist_item
        self._destination = destination
        self._placers: dict[str, str] = {}
        scp.on_change = self._performed

    def receive(self, raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        header = read_header(raw)
        read = message.parse(raw.decode("latin-1"), header)
        if self.refuses:
            return ack.acknowledge(header, control_id="1", at=clock.now()).replace(b"|AA|", b"|AE|")
        steps = read.all("IPC") or read.all("OBR")
        places = (1, 2, 3, 4, 5) if read.all("IPC") else (18, 19, 0, 20, 24)
        for segment in steps:
            self._schedule(read, *(segment.value(place) for place in places))
        return ack.acknowledge(header, control_id="1", at=clock.now())

    def _schedule(self, read: message.Message, *values: str) -> None:
        accession, procedure, study, step_id, modality = values
        study = study or read.value("ZDS", 1, component=1)
        item = self._worklist_item(
            1, modality, AccessionNumber=accession, RequestedProcedureID=procedure, StudyInstanceUID=study
        )
        item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID = step_id
        self._placers[study] = read.value("ORC", 2)
        self._scp.items.append(item)

    def _performed(self, uid: str, changes: Dataset) -> None:
        study = self._scp.created[uid].ScheduledStepAttributesSequence[0].StudyInstanceUID
        status = STATUSES[changes.PerformedProcedureStepStatus]
        self._tell("ORM^O01", f"ORC|SC|{self._placers[study]}|||{status}")
        self._tell("ORU^R01", f"OBR|1|{self._placers[study]}\rOBX|1|ST|113014^Study^DCM|1|{study}")
        if status != "IP" and not self.keeps_finished:
            self._scp.items = [item for item in self._scp.items if item.StudyInstanceUID != study]

    def _tell(self, kind: str, segments: str) -> None:
        if any(word in f"{kind}|{segments}" for word in self.mute):
            return
        control_id = secrets.token_hex(8)
        text = f"MSH|^~\\&|SWF|RAD|MIS|HOSP|20260101||{kind}|{control_id}|P|2.3.1\r{segments}\r"
        self._destination.send(text.encode(), control_id)


@pytest.fixture
def stage(scp: Any, worklist_item: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stand-in, and a function that plays the scenario with it: what was unseen, and the timeline."""
    monkeypatch.setattr(scenario, "NOTICE_TIMEOUT_S", 0.02)
    with mis.Mis() as target, contextlib.closing(mllp_client.MllpClient(*target.address)) as destination:
        stand_in = StandIn(scp, worklist_item, destination)
        listener = mllp_listener.MllpListener("127.0.0.1", 0, mllp_listener.one_by_one(stand_in.receive))
        listener.start()

        def play() -> tuple[list[str], list[scenario.Event]]:
            events: list[scenario.Event] = []
            unseen = scenario.play(listener.address, scp.address, target, "SWF", events.append)
            return unseen, events

        yield stand_in, play
        listener.stop()


def test_everything_is_seen(stage: Any) -> None:
    """With a broker that does its work nothing is missed, and the timeline tells every step and its answer."""
    unseen, events = stage[1]()
    assert unseen == []
    told = [f"{event.who} > {event.to}: {event.what.split(' for ')[0]} = {event.answer}" for event in events]
    assert told == [
        "HIS > SWF: ORM^O01 new order, 2 steps = AA",
        "HIS > SWF: OMI^O23 new order, 1 step = AA",
        "CT1 > SWF: C-FIND worklist, CT today = items: 2",
        "MR1 > SWF: C-FIND worklist, MR today = items: 1",
        "CT1 > SWF: N-CREATE IN PROGRESS, steps: 2 = 0x0000",
        "SWF > MIS: ORM^O01 SC/IP = AA",
        "SWF > MIS: ORU^R01 = AA",
        "CT1 > SWF: N-SET COMPLETED = 0x0000",
        "SWF > MIS: ORM^O01 SC/CM = AA",
        "SWF > MIS: ORU^R01 = AA",
        "MR1 > SWF: N-CREATE IN PROGRESS, steps: 1 = 0x0000",
        "SWF > MIS: ORM^O01 SC/IP = AA",
        "SWF > MIS: ORU^R01 = AA",
        "MR1 > SWF: N-SET DISCONTINUED = 0x0000",
        "SWF > MIS: ORM^O01 SC/DC = AA",
        "SWF > MIS: ORU^R01 = AA",
        "CT1 > SWF: C-FIND worklist, CT today = items: 0",
        "MR1 > SWF: C-FIND worklist, MR today = items: 0",
    ]
    assert [event.at for event in events] == sorted(event.at for event in events)


@pytest.mark.parametrize("notice", ["SC/IP", "ORU^R01"])
def test_missing_notice(stage: Any, notice: str) -> None:
    """A status the MIS was never told is named."""
    stand_in, play = stage
    stand_in.mute = {f"|||{notice[3:]}" if notice.startswith("SC") else notice}
    unseen, _ = play()
    assert any("MIS should be told" in sentence and notice in sentence for sentence in unseen)


def test_finished_steps_still_listed(stage: Any) -> None:
    """Steps that stay on the worklist after their end are named."""
    stand_in, play = stage
    stand_in.keeps_finished = True
    unseen, _ = play()
    assert [sentence.split(" should ")[0] for sentence in unseen] == ["CT1", "MR1"]


def test_refused_orders(stage: Any) -> None:
    """Where no order is taken the scenario still ends, and says what it did not see."""
    stand_in, play = stage
    stand_in.refuses = True
    unseen, events = play()
    assert sum("by HIS should be accepted" in sentence for sentence in unseen) == 2
    assert any("CT1 should see the steps" in sentence for sentence in unseen)
    assert any("answered AE" in event.answer for event in events)


def test_refused_mpps(stage: Any, scp: Any) -> None:
    """A refused N-SET is named with its status."""
    _, play = stage
    set_aside = scp.on_change

    def refuse_the_end(uid: str, changes: Dataset) -> None:
        set_aside(uid, changes)
        scp.status = 0x0110 if changes.PerformedProcedureStepStatus == "IN PROGRESS" else 0x0000

    scp.on_change = refuse_the_end
    unseen, _ = play()
    assert any("N-SET COMPLETED by CT1 should be accepted" in sentence and "0x0110" in sentence for sentence in unseen)
