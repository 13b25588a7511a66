"""MPPS SCP: what a modality reports is durable before it is told so (RAD-6, RAD-7; PS3.4 F.7, PS3.7 10.1)."""

from collections.abc import Callable

from pydicom import datadict
from pydicom.dataset import Dataset

from swf import clock, log
from swf.dicom import status, uid
from swf.dicom.mpps import retrieved
from swf.errors import MissingAttribute, NoSuchAttribute, ProcedureStepError, StoreError
from swf.net.dicom_request import Answer, Request
from swf.store import mpps as store
from swf.store.database import Database, Transaction
from swf.workflow import mpps
from swf.workflow.mpps import Report
from swf.workflow.site import Site

_LONGEST_COMMENT = 64


def on_create(database: Database, site: Callable[[], Site]) -> Callable[[Request], Answer]:
    """What answers N-CREATE: SUCCESS once the report and its effect are committed."""

    def create(request: Request) -> Answer:
        given = request.sop_instance
        name = given or uid.generate()
        attributes = _decoded(request)
        if attributes is None:
            return _status(status.PROCESSING_FAILURE, "the attribute list cannot be read"), None
        report = Report(request.calling, name, attributes, not given, request.syntax, request.raw)
        answer = _carry_out(database, report, lambda transaction: mpps.create(transaction, site(), report, clock.now()))
        if answer.Status == status.SUCCESS:
            answer.AffectedSOPInstanceUID = name  # the one it left to us among them (PS3.7 10.1.5.1.4)
        return answer, None

    return create


def on_set(database: Database, site: Callable[[], Site]) -> Callable[[Request], Answer]:
    """What answers N-SET: SUCCESS once the change and its effect are committed."""

    def change(request: Request) -> Answer:
        modifications = _decoded(request)
        if modifications is None:
            return _status(status.PROCESSING_FAILURE, "the modification list cannot be read"), None
        name = request.sop_instance
        report = Report(request.calling, name, modifications, syntax=request.syntax, raw=request.raw)
        answer = _carry_out(database, report, lambda transaction: mpps.change(transaction, site(), report, clock.now()))
        return answer, None

    return change


def on_get(database: Database) -> Callable[[Request], Answer]:
    """What answers N-GET: the step as it stands, in Unicode; of it only what was asked for, when anything was (F.8.2)."""

    def retrieve(request: Request) -> Answer:
        name = request.sop_instance
        try:
            with database.reading() as connection:
                row = store.seen(connection, name)
        except StoreError as error:
            log.error("mpps not read", ae_title=request.calling, mpps=name, error=str(error))
            return _status(error.dimse_status, "the store cannot be read now; try again"), None
        if row is None:
            return _status(status.NO_SUCH_SOP_INSTANCE, "no performed step of that SOP Instance UID is known"), None
        held, everything = retrieved(row.dataset, request.tags())
        return _status(status.SUCCESS if everything else status.NOT_ALL_ATTRIBUTES, ""), held

    return retrieve


def _carry_out(database: Database, report: Report, work: Callable[[Transaction], None]) -> Dataset:
    """Do it in one transaction; the status to answer, whatever comes of it."""
    try:
        database.run(work)
    except ProcedureStepError as error:
        _note_refusal(database, report, error)
        return _refusal(error)
    except StoreError as error:
        log.error("mpps not kept", ae_title=report.calling_ae_title, mpps=report.sop_instance_uid, error=str(error))
        return _status(error.dimse_status, "the store cannot keep it now; try again")
    except Exception as error:  # noqa: BLE001  the last resort of this door
        log.error("mpps failed", ae_title=report.calling_ae_title, traceback=log.frames(error))
        return _status(status.PROCESSING_FAILURE, "processing failure")
    return _status(status.SUCCESS, "")


def _note_refusal(database: Database, report: Report, error: ProcedureStepError) -> None:
    """Log a refusal, and journal it where an operator finds it; the modality is answered even when that fails."""
    log.warning("mpps refused", ae_title=report.calling_ae_title, mpps=report.sop_instance_uid, code=error.dimse_status)
    try:
        database.run(lambda transaction: mpps.refused(transaction, report, error, clock.now()))
    except StoreError as lost:
        log.error("refusal not journalled", ae_title=report.calling_ae_title, error=str(lost))


def _refusal(error: ProcedureStepError) -> Dataset:
    answer = _status(error.dimse_status, error.text)
    if error.error_id is not None:
        answer.ErrorID = error.error_id
    if isinstance(error, MissingAttribute | NoSuchAttribute):
        tags = (datadict.tag_for_keyword(keyword.rpartition("/")[2]) for keyword in error.keywords)
        answer.AttributeIdentifierList = [tag for tag in tags if tag is not None]
    return answer


def _status(code: int, comment: str) -> Dataset:
    answer = Dataset()
    answer.Status = code
    if comment:
        answer.ErrorComment = comment[:_LONGEST_COMMENT]
    return answer


def _decoded(request: Request) -> Dataset | None:
    try:
        return request.dataset()
    except Exception as error:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
        log.warning("mpps unreadable", ae_title=request.calling, reason=type(error).__name__)
        return None
