"""Modality Worklist SCP: a query in, the matching steps out, one a response (RAD-5, PS3.4 K.4)."""

from collections.abc import Callable, Iterator

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from swf import clock, log
from swf.dicom import status, terms, worklist
from swf.dicom.worklist import WorklistQuery
from swf.errors import StoreError
from swf.net.dicom_request import Answer, Request
from swf.store import worklist as store
from swf.store.database import Database

Record = Callable[[str, list[int]], None]  # AE title and the rows of the steps it was given
_LONGEST_COMMENT = 64
_LISTED = sorted(terms.LISTED)


def on_find(database: Database, record: Record, most: int = 0) -> Callable[[Request], Iterator[Answer]]:
    """What answers C-FIND from `database` and tells `record` which steps a modality was given.

    With more than `most` matches the first `most` are given, and the final status is A700: the modality learns that the
    list is not whole (PS3.4 K.4.1.1.4). 0 is no limit.
    """

    def find(request: Request) -> Iterator[Answer]:
        title = request.calling
        try:
            query = worklist.read_query(request.dataset(), local=clock.local)
        except Exception as error:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
            log.warning("query unreadable", ae_title=title, reason=type(error).__name__)
            yield _failure(status.IDENTIFIER_DOES_NOT_MATCH, "the identifier cannot be read"), None
            return
        if query.remarks:
            log.warning("query read around", ae_title=title, reason="; ".join(query.remarks))
        given: list[int] = []
        try:
            yield from _answers(request, database, query, given, most)
        except StoreError as error:
            log.error("query not answered", ae_title=title, error=str(error))
            yield _failure(status.OUT_OF_RESOURCES, "the store cannot be read now"), None
        except Exception as error:  # noqa: BLE001  the last resort of this door
            log.error("query failed", ae_title=title, traceback=log.frames(error))
            yield _failure(status.UNABLE_TO_PROCESS, "processing failure"), None
        finally:
            record(title, given)

    return find


def _answers(
    request: Request, database: Database, query: WorklistQuery, given: list[int], most: int
) -> Iterator[Answer]:
    answered = _writer(request, query)
    pending = status.PENDING_WITH_UNSUPPORTED_KEYS if query.optional_unsupported else status.PENDING
    with database.reading() as connection:
        for row in store.query(connection, query.predicates, [] if query.statuses_asked else _LISTED):
            if request.cancelled:
                yield status.CANCELLED, None
                return
            if most and len(given) >= most:
                log.warning("query answered in part", ae_title=request.calling, count=most)
                yield _failure(status.OUT_OF_RESOURCES, f"more match; these are the first {most}"), None
                return
            given.append(row.id)
            yield pending, answered(row.dataset)


def _writer(request: Request, query: WorklistQuery) -> Callable[[bytes], "bytes | Dataset"]:
    """What makes an answer of a stored item: bytes in the usual transfer syntaxes, else a dataset to be written."""
    if request.syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        implicit = request.syntax.is_implicit_VR
        return lambda stored: worklist.answer_bytes(stored, query, implicit=implicit)
    return lambda stored: worklist.answer(stored, query, implicit=False)


def _failure(code: int, comment: str) -> Dataset:
    answer = Dataset()
    answer.Status = code
    answer.ErrorComment = comment[:_LONGEST_COMMENT]
    return answer
