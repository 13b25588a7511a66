"""Another system that takes reports of performed steps (an archive, an image manager), made of pynetdicom alone."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep


@dataclass(frozen=True)
class Told:
    """One request: N-CREATE or N-SET, for which step, from whom, and what it said."""

    kind: str
    uid: str
    caller: str
    dataset: Dataset


# What is answered to a request: a status, a status with an Error ID, or nothing at all
Personality = Callable[[Told], "int | tuple[int, int] | None"]


class MppsReceiver:
    """Keeps what it is told, whatever its personality answers. After `stop`, `start` opens the same port again."""

    def __init__(self, personality: Personality = lambda _told: 0) -> None:
        self.personality = personality
        self.told: list[Told] = []
        self._arrival = threading.Condition()
        self._port = 0
        self._server: Any = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._port

    def start(self, secure: ssl.SSLContext | None = None) -> Self:
        entity = AE(ae_title="PACS")
        entity.add_supported_context(ModalityPerformedProcedureStep)
        handlers = [(evt.EVT_N_CREATE, self._create), (evt.EVT_N_SET, self._set)]
        self._server = entity.start_server(
            ("127.0.0.1", self._port), block=False, evt_handlers=handlers, ssl_context=secure
        )
        self._port = self._server.socket.getsockname()[1]
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def wait_for(self, count: int, seconds: float = 10.0) -> bool:
        """Wait until so many requests have come."""
        with self._arrival:
            return self._arrival.wait_for(lambda: len(self.told) >= count, seconds)

    def kinds(self) -> list[tuple[str, str]]:
        """What came, in order: kind and step."""
        return [(told.kind, told.uid) for told in self.told]

    def _create(self, event: Any) -> tuple[Any, None]:
        return self._answer(event, "N-CREATE", str(event.request.AffectedSOPInstanceUID), event.attribute_list)

    def _set(self, event: Any) -> tuple[Any, None]:
        return self._answer(event, "N-SET", str(event.request.RequestedSOPInstanceUID), event.modification_list)

    def _answer(self, event: Any, kind: str, uid: str, dataset: Dataset) -> tuple[Any, None]:
        told = Told(kind, uid, str(event.assoc.requestor.ae_title).strip(), dataset)
        answer = self.personality(told)
        with self._arrival:
            self.told.append(told)
            self._arrival.notify_all()
        if answer is None:
            event.assoc.abort()
            return 0x0110, None
        status = Dataset()
        status.Status, error_id = answer if isinstance(answer, tuple) else (answer, 0)
        if error_id:
            status.ErrorID = error_id
        return status, None
