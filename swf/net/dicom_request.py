"""One DIMSE request as a service gets it: who asks, for what, and its dataset in whatever transfer syntax it came in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydicom.dataset import Dataset
from pydicom.uid import UID

from swf.dicom import datasets
from swf.dicom.dimse import CommandSet

Status: TypeAlias = int | Dataset
"""A status code, or a dataset of group 0000 with Status and what goes with it."""
Identifier: TypeAlias = bytes | Dataset | None
"""A dataset of an answer: as bytes in the transfer syntax of the request, or to be written in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request on an association. Titles are without blanks; `is_cancelled` tells whether a C-CANCEL for it has come."""

    calling: str
    called: str
    address: str
    command: CommandSet
    syntax: UID
    raw: bytes
    is_cancelled: Callable[[], bool] = field(default=lambda: False)

    @property
    def cancelled(self) -> bool:
        """Whether the modality no longer wants the answer."""
        return self.is_cancelled()

    @property
    def sop_class(self) -> str:
        """The affected or requested SOP class."""
        return self.command.sop_class

    @property
    def sop_instance(self) -> str:
        """The affected or requested SOP instance; "" when the request names none."""
        return self.command.sop_instance

    def dataset(self) -> Dataset:
        """The dataset of the request, empty when it has none; raises what pydicom raises for bytes that are no dataset."""
        return datasets.decoded(self.raw, self.syntax)

    def tags(self) -> tuple[int, ...]:
        """The attribute identifier list of N-GET."""
        return self.command.attributes


Answer: TypeAlias = tuple[Status, Identifier]
Service: TypeAlias = Callable[[Request], "Answer | Iterable[Answer]"]
"""What carries a request out: one answer, or for C-FIND one after the other, the final one last or left out."""
Services: TypeAlias = Mapping[str, Mapping[int, Service]]
"""By SOP class and command field."""


def fields(status: Status) -> dict[str, Any]:
    """The status and what goes with it, by keyword."""
    if isinstance(status, int):
        return {"Status": status}
    return {element.keyword: element.value for element in status if element.tag.group == 0}
