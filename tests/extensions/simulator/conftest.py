"""A worklist and MPPS server made of pynetdicom alone, for the simulated modality to talk to."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep, ModalityWorklistInformationFind, Verification


class Scp:
    """Answers queries with `items` of the modality asked for and keeps what it is sent."""

    def __init__(self) -> None:
        self.reset()
        entity = AE(ae_title="SWF")
        entity.require_called_aet = True
        for sop_class in (Verification, ModalityWorklistInformationFind, ModalityPerformedProcedureStep):
            entity.add_supported_context(sop_class)
        handlers = [
            (evt.EVT_C_ECHO, lambda _event: self.status),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_N_CREATE, self._create),
            (evt.EVT_N_SET, self._set),
        ]
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.address: tuple[str, int] = self._server.socket.getsockname()

    def reset(self) -> None:
        self.items: list[Dataset] = []
        self.queries: list[Dataset] = []
        self.created: dict[str, Dataset] = {}
        self.changes: list[tuple[str, Dataset]] = []
        self.status = 0x0000
        self.on_change: Callable[[str, Dataset], None] = lambda _uid, _dataset: None

    def close(self) -> None:
        self._server.shutdown()

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        query = event.identifier
        self.queries.append(query)
        if self.status:
            yield self.status, None
        modality = query.ScheduledProcedureStepSequence[0].Modality
        for item in self.items:
            if modality in ("", item.ScheduledProcedureStepSequence[0].Modality):
                yield 0xFF00, item

    def _create(self, event: Any) -> tuple[int, Dataset | None]:
        uid, dataset = str(event.request.AffectedSOPInstanceUID), event.attribute_list
        return self._take(uid, dataset, self.created.setdefault)

    def _set(self, event: Any) -> tuple[int, Dataset | None]:
        uid, dataset = str(event.request.RequestedSOPInstanceUID), event.modification_list
        return self._take(uid, dataset, lambda *change: self.changes.append(change))

    def _take(self, uid: str, dataset: Dataset, keep: Callable[[str, Dataset], object]) -> tuple[int, Dataset | None]:
        if self.status:
            return self.status, None
        keep(uid, dataset)
        self.on_change(uid, dataset)
        return 0x0000, dataset


def _item(number: int, modality: str = "CT", **values: str) -> Dataset:
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = "CT1"
    step.ScheduledProcedureStepID = f"S{number}"
    step.ScheduledProcedureStepDescription = "Abdomen native"
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 192"
    item.PatientName = "DÖE^JANE"
    item.PatientID = "4711"
    item.StudyInstanceUID = f"2.25.{number}"
    item.AccessionNumber = f"A{number}"
    item.RequestedProcedureID = f"RP{number}"
    item.ScheduledProcedureStepSequence = [step]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


@pytest.fixture
def worklist_item() -> Callable[..., Dataset]:
    """Makes worklist items of an invented patient."""
    return _item


@pytest.fixture(scope="session")
def running_scp() -> Iterator[Scp]:
    """A worklist and MPPS server on a free port, one for all tests: pynetdicom takes half a second to stop."""
    with contextlib.closing(Scp()) as server:
        yield server


@pytest.fixture
def scp(running_scp: Scp) -> Scp:
    """The worklist and MPPS server, as if just started."""
    running_scp.reset()
    return running_scp
