"""A modality made of pynetdicom alone: it says what a test tells it to say, lawful or not, and shows the bare answers."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from pydicom import config as pydicom_config
from pydicom import datadict
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    ModalityWorklistInformationFind,
    Verification,
)

TIMEOUT_S = 10.0
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
SERVICES = (
    Verification,
    ModalityWorklistInformationFind,
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    InstanceAvailabilityNotification,
)
Answer = tuple[int, Dataset | None]


@contextlib.contextmanager
def association(
    address: tuple[str, int],
    title: str = "CT1",
    *,
    syntaxes: list[str] | None = None,
    negotiation: list[Any] | None = None,
    called: str = "SWF",
) -> Iterator[Any]:
    """An association with every service of ours proposed; it may have been rejected."""
    entity = AE(ae_title=title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    contexts = [build_context(service, syntaxes or SYNTAXES) for service in SERVICES]
    with contextlib.ExitStack() as stack:
        # pynetdicom forgets to close its socket when the other side was faster.
        opened = [(evt.EVT_CONN_OPEN, lambda event: stack.callback(event.assoc.dul.socket.socket.close))]
        found = entity.associate(*address, contexts, called, ext_neg=negotiation, evt_handlers=opened)
        found._reactor_checkpoint = Checkpoint()
        yield found
        if found.is_established:
            found.release()


class Checkpoint(threading.Event):
    """Where pynetdicom's reader rests while a request waits for its answer.

    The reader calls itself paused a moment before it is, and when the request comes in that moment it takes the answer
    for itself and drops it. So whoever stops it waits until it stands here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set()

    def clear(self) -> None:
        super().clear()
        until = time.monotonic() + 1.0
        while not self._cond._waiters and time.monotonic() < until:  # type: ignore[attr-defined]
            time.sleep(0.0005)


def find(address: tuple[str, int], identifier: Dataset, title: str = "CT1", **terms: Any) -> list[Answer]:
    """Every response to a C-FIND, the final one included."""
    with association(address, title, **terms) as peer:
        return ask(peer, identifier)


def ask(peer: Any, identifier: Dataset) -> list[Answer]:
    """Every response to a C-FIND on an association that stands."""
    return [(int(status.Status), found) for status, found in peer.send_c_find(identifier, SERVICES[1])]


def dataset(**values: object) -> Dataset:
    """A dataset of keywords with values that nobody checks: modalities send what they like."""
    made = Dataset()
    for keyword, value in values.items():
        put(made, keyword, value)
    return made


def put(target: Dataset, keyword: str, value: object) -> None:
    """Set one attribute, whatever its value."""
    tag = datadict.tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = datadict.dictionary_VR(tag)
    target.add(DataElement(tag, vr, value, validation_mode=pydicom_config.IGNORE))


def exchange(peer: Any, service: str, request: Any) -> Any:
    """Send a request as it is, also one pynetdicom would not make by itself; the response."""
    context = next(each.context_id for each in peer.accepted_contexts if each.abstract_syntax == service)
    peer._reactor_checkpoint.clear()
    try:
        peer.dimse.send_msg(request, context)
        return peer.dimse.get_msg(block=True)[1]
    finally:
        peer._reactor_checkpoint.set()
