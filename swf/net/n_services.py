"""What the services of DIMSE-N share: a request is read, carried out in one transaction, and answered whatever comes of it (PS3.7 10)."""

from collections.abc import Callable

from pydicom import datadict
from pydicom.dataset import Dataset

from swf import log
from swf.dicom import legible, status
from swf.errors import MissingAttribute, NoSuchAttribute, ProcedureStepError, StoreError
from swf.net.dicom_request import Request
from swf.store.database import Database, Transaction

_LONGEST_COMMENT = 64

Refused = Callable[[Transaction, ProcedureStepError], None]


def carry_out(
    database: Database, request: Request, name: str, work: Callable[[Transaction], None], refused: Refused
) -> Dataset:
    """Do `work` for the instance `name`, or note that it was `refused`; the status to answer."""
    try:
        database.run(work)
    except ProcedureStepError as error:
        _note(database, request, name, error, refused)
        return refusal(error)
    except StoreError as error:
        log.error("report not kept", ae_title=request.calling, mpps=name, error=str(error))
        return answer(error.dimse_status, "the store cannot keep it now; try again")
    except Exception as error:  # noqa: BLE001  the last resort of this door
        log.error("report failed", ae_title=request.calling, mpps=name, traceback=log.frames(error))
        return answer(status.PROCESSING_FAILURE, "processing failure")
    return answer(status.SUCCESS)


def _note(database: Database, request: Request, name: str, error: ProcedureStepError, refused: Refused) -> None:
    """Log a refusal, and journal it where an operator finds it; the peer is answered even when that fails."""
    log.warning("mpps refused", ae_title=request.calling, mpps=name, code=error.dimse_status)
    try:
        database.run(lambda transaction: refused(transaction, error))
    except StoreError as lost:
        log.error("refusal not journalled", ae_title=request.calling, error=str(lost))


def refusal(error: ProcedureStepError) -> Dataset:
    """The answer an error stands for, with what goes with its status (PS3.7 Annex C)."""
    told = answer(error.dimse_status, error.text)
    if error.error_id is not None:
        told.ErrorID = error.error_id
    if isinstance(error, MissingAttribute | NoSuchAttribute):
        tags = (datadict.tag_for_keyword(keyword.rpartition("/")[2]) for keyword in error.keywords)
        told.AttributeIdentifierList = [tag for tag in tags if tag is not None]
    return told


def answer(code: int, comment: str = "") -> Dataset:
    """A status with a comment, as much of it as fits."""
    told = Dataset()
    told.Status = code
    if comment:
        told.ErrorComment = comment[:_LONGEST_COMMENT]
    return told


def decoded(request: Request) -> Dataset | None:
    """The dataset of a request; None for bytes that are none."""
    found = legibly_decoded(request)
    return found[0] if found else None


def legibly_decoded(request: Request) -> tuple[Dataset, tuple[str, ...]] | None:
    """The same, and the names of the attributes whose text had to be read in another character set than the declared."""
    try:
        dataset = request.dataset()
        return dataset, tuple(legible.make(dataset))
    except Exception as error:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
        log.warning("report unreadable", ae_title=request.calling, reason=type(error).__name__)
        return None
