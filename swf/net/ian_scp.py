"""Instance Availability Notification SCP: an archive says which images it holds (RAD-49; PS3.4 Annex R)."""

from collections.abc import Callable

from swf import clock
from swf.dicom import status, uid
from swf.net import n_services
from swf.net.dicom_request import Answer, Request
from swf.store.database import Database
from swf.workflow import availability
from swf.workflow.availability import Notification
from swf.workflow.site import Site


def on_create(database: Database, site: Callable[[], Site]) -> Callable[[Request], Answer]:
    """What answers N-CREATE: SUCCESS once the notification and its effect are committed."""

    def create(request: Request) -> Answer:
        name = request.sop_instance or uid.generate()
        attributes = n_services.decoded(request)
        if attributes is None:
            return n_services.answer(status.PROCESSING_FAILURE, "the attribute list cannot be read"), None
        notification = Notification(request.calling, name, attributes, request.called)
        told = n_services.carry_out(
            database,
            request,
            name,
            lambda transaction: availability.receive(transaction, site(), notification, clock.now()),
            lambda transaction, error: availability.refused(transaction, notification, error, clock.now()),
        )
        if told.Status == status.SUCCESS:
            told.AffectedSOPInstanceUID = name
        return told, None

    return create
