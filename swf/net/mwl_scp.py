"""Modality Worklist SCP: a query in, the matching steps out, one a response (RAD-5, PS3.4 K.4)."""

from collections.abc import Callable, Iterator
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt

from swf import log
from swf.dicom import status, terms, worklist
from swf.dicom.worklist import WorklistQuery
from swf.errors import StoreError
from swf.store import worklist as store
from swf.store.database import Database

Record = Callable[[str, list[int]], None]  # AE title and the rows of the steps it was given
_LONGEST_COMMENT = 64
_LISTED = sorted(terms.LISTED)


def handler(database: Database, record: Record) -> Callable[[evt.Event], Iterator[tuple[Any, Dataset | None]]]:
    """What answers C-FIND from `database` and tells `record` which steps a modality was given."""

    def find(event: evt.Event) -> Iterator[tuple[Any, Dataset | None]]:
        title = str(event.assoc.requestor.ae_title)
        try:
            query = worklist.read_query(event.identifier)
        except Exception as error:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
            log.warning("query unreadable", ae_title=title, reason=type(error).__name__)
            yield _failure(status.IDENTIFIER_DOES_NOT_MATCH, "the identifier cannot be read"), None
            return
        try:
            yield from _answers(event, database, query, lambda steps: record(title, steps))
        except StoreError as error:
            log.error("query not answered", ae_title=title, error=str(error))
            yield _failure(status.OUT_OF_RESOURCES, "the store cannot be read now"), None
        except Exception as error:  # noqa: BLE001  the last resort of this door
            log.error("query failed", ae_title=title, traceback=log.frames(error))
            yield _failure(status.UNABLE_TO_PROCESS, "processing failure"), None

    return find


def _answers(
    event: evt.Event, database: Database, query: WorklistQuery, record: Callable[[list[int]], None]
) -> Iterator[tuple[int, Dataset | None]]:
    implicit = event.context.transfer_syntax.is_implicit_VR
    pending = status.PENDING_WITH_UNSUPPORTED_KEYS if query.optional_unsupported else status.PENDING
    given: list[int] = []
    with database.reading() as connection:
        for row in store.query(connection, query.predicates, [] if query.statuses_asked else _LISTED):
            if event.is_cancelled:
                record(given)
                yield status.CANCELLED, None
                return
            yield pending, worklist.answer(row.dataset, query, implicit=implicit)
            given.append(row.id)
    record(given)


def _failure(code: int, comment: str) -> Dataset:
    answer = Dataset()
    answer.Status = code
    answer.ErrorComment = comment[:_LONGEST_COMMENT]
    return answer
