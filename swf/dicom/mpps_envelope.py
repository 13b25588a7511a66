"""A report of a performed step as it came, put up for somebody else: bytes, transfer syntax and SOP Instance UID (RAD-6, RAD-7).

The form is that of a DICOM file (PS3.10 7.1), so that every tool can read what is kept.
"""

from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from swf.dicom.negotiation import PERFORMED_STEP

_PREAMBLE = b"\0" * 128 + b"DICM"
_IMPLEMENTATION = "2.25.148090187436172216370437263361066434577"


def seal(sop_instance_uid: str, syntax: str, raw: bytes) -> bytes:
    """The bytes of a dataset in `syntax`, with what is needed to send them on unchanged."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(PERFORMED_STEP)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    return _PREAMBLE + bytes(buffer.getvalue()) + raw


def opened(sealed: bytes) -> tuple[str, Dataset]:
    """The SOP Instance UID and the dataset of what `seal` made."""
    read = dcmread(BytesIO(sealed))
    dataset = Dataset()
    dataset.update(read)
    return str(read.file_meta.MediaStorageSOPInstanceUID), dataset


def text(sealed: bytes) -> str:
    """What is inside, for people."""
    uid, dataset = opened(sealed)
    return f"{uid}\n{dataset}"
