"""A dataset of a request or an answer as bytes, in any of the transfer syntaxes the door takes (PS3.5 annex A)."""

import zlib
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

LONGEST = 8 * 2**20
"""The longest dataset a request may have. A report of 20,000 images is half as long."""


def decoded(raw: bytes, syntax: UID) -> Dataset:
    """The dataset these bytes are in `syntax`. Raises what pydicom raises, ValueError for one that grows too long."""
    if syntax == DeflatedExplicitVRLittleEndian:
        raw = _inflated(raw)
    return read_dataset(BytesIO(raw), is_implicit_VR=syntax.is_implicit_VR, is_little_endian=syntax.is_little_endian)


def encoded(dataset: Dataset, syntax: UID) -> bytes:
    """The bytes of a dataset in `syntax`."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    write_dataset(buffer, dataset)
    raw: bytes = buffer.getvalue()
    return _deflated(raw) if syntax == DeflatedExplicitVRLittleEndian else raw


def _inflated(raw: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(raw, LONGEST)
    if inflater.unconsumed_tail:
        raise ValueError("a deflated dataset grows too long")
    return plain


def _deflated(raw: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflater.compress(raw) + deflater.flush()
    return packed + b"\0" * (len(packed) % 2)
