"""Names whose bytes are not what the report declares: every one is kept apart from every other (PS3.3 C.12.1.1.2)."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from swf.dicom import legible, mpps


def element(tag: bytes, vr: bytes, value: bytes) -> bytes:
    """An element in Explicit VR Little Endian."""
    value += b" " * (len(value) % 2)
    return tag + vr + len(value).to_bytes(2, "little") + value


def received(name: bytes, *declared: bytes) -> Dataset:
    """A report of that name, at the top and as an operator in a series, with the declaration in front."""
    charset = element(b"\x08\x00\x05\x00", b"CS", b"\\".join(declared)) if declared else b""
    item = element(b"\x08\x00\x70\x10", b"PN", name)
    sequence = b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    series = b"\x40\x00\x40\x03SQ\0\0" + len(sequence).to_bytes(4, "little") + sequence
    raw = charset + element(b"\x10\x00\x10\x00", b"PN", name) + series
    return read_dataset(BytesIO(raw), is_implicit_VR=False, is_little_endian=True)


@pytest.mark.parametrize(
    ("declared", "name", "meant"),
    [
        ((b"ISO_IR 192",), "Müller^Jürgen".encode("latin_1"), "Müller^Jürgen"),
        ((), "Müller^Jürgen".encode(), "Müller^Jürgen"),
        ((), "Müller^Jürgen".encode("latin_1"), "Müller^Jürgen"),
        ((b"ISO_IR 6",), "Иванов".encode(), "Иванов"),
        ((b"GB18030",), b"M\xffller", "Mÿller"),
        ((b"", b"ISO 2022 IR 87"), b"Yamada^Tarou=\x1b$B;3ED", None),
        ((b"ISO_IR 100",), "Müller".encode("latin_1"), None),
        ((b"ISO_IR 192",), "Müller".encode(), None),
    ],
)
def test_a_name_under_a_wrong_declaration_is_read(declared: tuple[bytes, ...], name: bytes, meant: str | None) -> None:
    """UTF-8 where it is that, else Latin-1, and told by name; a name under a right declaration is left alone."""
    dataset = received(name, *declared)
    told = legible.make(dataset)
    assert told == ([] if meant is None else ["PatientName", "OperatorsName"])
    if meant is not None:
        stored = mpps.decode(mpps.encode(dataset))
        assert (stored.PatientName, stored.PerformedSeriesSequence[0].OperatorsName) == (meant, meant)


@given(
    st.sets(
        st.binary(min_size=1, max_size=6).filter(lambda raw: not set(raw) & set(b"\\=^ \0\r\n\t\f\x1b")), min_size=2
    )
)
def test_two_names_never_become_one(names: set[bytes]) -> None:
    """Whatever bytes a device sends for UTF-8, different names are different where they are kept, and none has a gap."""
    kept = []
    for name in names:
        dataset = received(name, b"ISO_IR 192")
        misread = legible.make(dataset)
        text = str(mpps.decode(mpps.encode(dataset)).PatientName)
        assert ("\ufffd" in text) == ("\ufffd" in name.decode("utf_8", "replace") and not misread)
        kept.append((text, bool(misread)))
    assert len(set(kept)) == len(names)
