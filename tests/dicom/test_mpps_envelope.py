"""Reports kept for other systems: nothing of what a modality wrote is touched."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import dsutils

from swf.dicom import mpps_envelope

NAMES = st.text(st.characters(min_codepoint=0xA1, max_codepoint=0xFF), max_size=40)
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@given(name=NAMES)
def test_what_is_put_up_is_what_came(syntax: str, name: str) -> None:
    """Bytes, letters and number of a report are the modality's own, whatever its transfer syntax."""
    report = Dataset()
    report.SpecificCharacterSet, report.PatientName = "ISO_IR 100", name
    raw = dsutils.encode(report, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    assert raw is not None
    sealed = mpps_envelope.seal("1.2.3", syntax, raw)
    assert sealed.endswith(raw)
    uid, found = mpps_envelope.opened(sealed)
    assert (uid, found.SpecificCharacterSet, found.PatientName) == ("1.2.3", "ISO_IR 100", name)
    assert dcmread(BytesIO(sealed)).file_meta.TransferSyntaxUID == syntax


def test_people_can_read_it() -> None:
    """An operator is shown the number and every attribute."""
    report = Dataset()
    report.PerformedProcedureStepStatus = "IN PROGRESS"
    raw = dsutils.encode(report, True, True)
    assert raw is not None
    text = mpps_envelope.text(mpps_envelope.seal("1.2.3", ImplicitVRLittleEndian, raw))
    assert text.startswith("1.2.3\n")
    assert "IN PROGRESS" in text
