"""A device that sends no MPPS: the archive's notice says that its exam is done (RAD-49)."""

from pynetdicom.sop_class import InstanceAvailabilityNotification

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.net import mllp_client
from tests.conftest import MakeBroker
from tests.journeys.conftest import Hospital
from tests.net import dicom_peer
from tests.notices import notice


def test_the_images_tell_that_the_exam_is_done(make_broker: MakeBroker, mis: Mis) -> None:
    """The old device queries the worklist and is silent; once its images are in the archive the hospital hears CM."""
    broker = make_broker(
        mis, modality=[{"ae_title": "CT1", "completed_by": ["availability"], "images_settle_minutes": 0}]
    )
    order = his.Order()
    mllp_client.exchange(*broker.hl7.address, his.order_omi(order), 10)
    device = Modality(*broker.dicom.address, "CT1")
    (item,) = device.query()
    with dicom_peer.association(broker.dicom.address, "PACS") as archive:
        images = notice(item.StudyInstanceUID, {"1.2.1": "ONLINE", "1.2.2": "ONLINE"})
        assert archive.send_n_create(images, InstanceAvailabilityNotification, "1.2.840.5.1")[0].Status == 0x0000
    assert Hospital(broker, mis).told(order.placer_number, 1) == ["CM/R"]
    assert device.query() == []
