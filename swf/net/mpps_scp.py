"""MPPS SCP: what a modality reports is durable before it is told so (RAD-6, RAD-7; PS3.4 F.7, PS3.7 10.1)."""

from collections.abc import Callable

from pydicom.dataset import Dataset

from swf import clock, log
from swf.dicom import status, uid
from swf.dicom.mpps import retrieved
from swf.errors import StoreError
from swf.net import n_services
from swf.net.dicom_request import Answer, Request
from swf.store import mpps as store
from swf.store.database import Database, Record, Transaction
from swf.workflow import mpps, partitions
from swf.workflow.mpps import Report
from swf.workflow.site import Site


def on_create(database: Database, site: Callable[[], Site]) -> Callable[[Request], Answer]:
    """What answers N-CREATE: SUCCESS once the report and its effect are committed."""

    def create(request: Request) -> Answer:
        given = request.sop_instance
        name = given or uid.generate()
        read = n_services.legibly_decoded(request)
        if read is None:
            return n_services.answer(status.PROCESSING_FAILURE, "the attribute list cannot be read"), None
        report = _report(request, name, read, assigned=not given)
        answer = _carry_out(
            database, request, report, lambda transaction: mpps.create(transaction, site(), report, clock.now())
        )
        if answer.Status == status.SUCCESS:
            answer.AffectedSOPInstanceUID = name  # the one it left to us among them (PS3.7 10.1.5.1.4)
        return answer, None

    return create


def on_set(database: Database, site: Callable[[], Site]) -> Callable[[Request], Answer]:
    """What answers N-SET: SUCCESS once the change and its effect are committed."""

    def change(request: Request) -> Answer:
        read = n_services.legibly_decoded(request)
        if read is None:
            return n_services.answer(status.PROCESSING_FAILURE, "the modification list cannot be read"), None
        report = _report(request, request.sop_instance, read)
        answer = _carry_out(
            database, request, report, lambda transaction: mpps.change(transaction, site(), report, clock.now())
        )
        return answer, None

    return change


def on_get(database: Database, site: Callable[[], Site]) -> Callable[[Request], Answer]:
    """What answers N-GET: the step as it stands, in Unicode; of it only what was asked for, when anything was (F.8.2)."""

    def retrieve(request: Request) -> Answer:
        name = request.sop_instance
        try:
            with database.reading() as connection:
                row = store.seen(connection, name)
                if row is not None and not _may_see(connection, site(), request, row):
                    row = None
        except StoreError as error:
            log.error("mpps not read", ae_title=request.calling, mpps=name, error=str(error))
            return n_services.answer(error.dimse_status, "the store cannot be read now; try again"), None
        if row is None:
            return n_services.answer(
                status.NO_SUCH_SOP_INSTANCE, "no performed step of that SOP Instance UID is known"
            ), None
        held, everything = retrieved(row.dataset, request.tags())
        return n_services.answer(status.SUCCESS if everything else status.NOT_ALL_ATTRIBUTES, ""), held

    return retrieve


def _report(request: Request, name: str, read: tuple[Dataset, tuple[str, ...]], *, assigned: bool = False) -> Report:
    dataset, misread = read
    return Report(request.calling, name, dataset, assigned, request.syntax, request.raw, request.called, misread)


def _may_see(connection: Transaction, site: Site, request: Request, row: Record) -> bool:
    return partitions.admits(site.settings, request.called, row, store.seen_for(connection, row.id))


def _carry_out(database: Database, request: Request, report: Report, work: Callable[[Transaction], None]) -> Dataset:
    return n_services.carry_out(
        database,
        request,
        report.sop_instance_uid,
        work,
        lambda transaction, error: mpps.refused(transaction, report, error, clock.now()),
    )
