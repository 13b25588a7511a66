"""Command sets and messages as bytes, with pydicom as the other reader and writer (PS3.7 6.3, E)."""

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom import dsutils

from swf.dicom import dimse
from swf.dicom.dimse import Command, CommandSet
from swf.dicom.messages import LONGEST_COMMAND, Assembler, Message
from swf.dicom.pdu import Fragment

FIND = {"AffectedSOPClassUID": "1.2.840.10008.5.1.4.31", "CommandField": 0x20, "MessageID": 7, "Priority": 0}
SET = {"RequestedSOPClassUID": "1.2.3", "RequestedSOPInstanceUID": "1.2.4", "CommandField": 0x120, "MessageID": 65535}
GET = SET | {"CommandField": 0x110, "AttributeIdentifierList": [0x00100010, 0x00400100], "CommandDataSetType": 0x0101}
CANCEL = {"CommandField": 0x0FFF, "MessageIDBeingRespondedTo": 7, "CommandDataSetType": 0x0101}


def _command(**fields: Any) -> bytes:
    dataset = Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    body = dsutils.encode(dataset, True, True) or b""
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _decoded(raw: bytes) -> dict[str, Any]:
    dataset = dsutils.decode(io.BytesIO(raw), True, True)
    return {element.keyword: element.value for element in dataset}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (FIND | {"CommandDataSetType": 1}, CommandSet(Command.C_FIND, 7, 0, FIND["AffectedSOPClassUID"], "", True, ())),
        (SET | {"CommandDataSetType": 0}, CommandSet(Command.N_SET, 65535, 0, "1.2.3", "1.2.4", True, ())),
        (GET, CommandSet(Command.N_GET, 65535, 0, "1.2.3", "1.2.4", False, (0x00100010, 0x00400100))),
        (CANCEL, CommandSet(Command.C_CANCEL, 0, 7, "", "", False, ())),
        ({"CommandField": 0x30, "MessageID": 1}, CommandSet(Command.C_ECHO, 1, 0, "", "", False, ())),
    ],
    ids=["find", "set", "get", "cancel", "echo"],
)
def test_a_command_is_read(fields: dict[str, Any], expected: CommandSet) -> None:
    """What a modality asks is read from its command set."""
    assert dimse.read(_command(**fields)) == expected


def test_a_response_is_understood() -> None:
    """Pydicom reads in a response what it answers, its status and what goes with it, in order and with its length."""
    request = dimse.read(_command(**SET, CommandDataSetType=0))
    raw = dimse.response(
        request,
        {
            "Status": 0x0120,
            "ErrorComment": "missing",
            "ErrorID": 0xA710,
            "AttributeIdentifierList": [0x00080060, 0x00400253],
        },
        has_dataset=False,
    )
    found = _decoded(raw)
    assert found.pop("CommandGroupLength") == len(raw) - 12
    assert found == {
        "AffectedSOPClassUID": "1.2.3",
        "CommandField": 0x8120,
        "MessageIDBeingRespondedTo": 65535,
        "CommandDataSetType": 0x0101,
        "Status": 0x0120,
        "ErrorComment": "missing",
        "ErrorID": 0xA710,
        "AffectedSOPInstanceUID": "1.2.4",
        "AttributeIdentifierList": [0x00080060, 0x00400253],
    }


def test_a_response_stays_within_its_fields() -> None:
    """A long comment is cut to what fits, an umlaut does no harm, and success is a number as well."""
    request = dimse.read(_command(**FIND, CommandDataSetType=1))
    found = _decoded(dimse.response(request, {"Status": 0, "ErrorComment": "\u00fc" * 80}, has_dataset=True))
    assert (found["Status"], found["CommandDataSetType"], found["ErrorComment"]) == (0, 1, "?" * 64)
    assert "AffectedSOPInstanceUID" not in found


@given(st.binary(max_size=100))
def test_no_command_does_harm(raw: bytes) -> None:
    """Bytes that are no command set are refused and nothing else."""
    try:
        dimse.read(raw)
    except ValueError:
        return


@given(st.lists(st.binary(max_size=20), min_size=1), st.integers(1, 9))
def test_messages_come_together_again(pieces: list[bytes], cut: int) -> None:
    """However a modality cuts command set and dataset into fragments, the message is the same."""
    asked = _command(**FIND, CommandDataSetType=1)
    assembler = Assembler(longest=10_000)
    parts = [asked[begin : begin + cut] for begin in range(0, len(asked), cut)]
    found: list[Message | None] = []
    for number, part in enumerate(parts):
        found.append(assembler.feed(Fragment(3, True, number == len(parts) - 1, part)))
    for number, piece in enumerate(pieces):
        assert assembler.inside
        found.append(assembler.feed(Fragment(3, False, number == len(pieces) - 1, piece)))
    assert not assembler.inside
    assert found[:-1] == [None] * (len(found) - 1)
    assert found[-1] == Message(3, dimse.read(asked), b"".join(pieces))


@pytest.mark.parametrize(
    "fragments",
    [
        [Fragment(1, False, True, b"x")],
        [Fragment(1, True, True, _command(**FIND, CommandDataSetType=1)), Fragment(1, True, True, b"x")],
        [Fragment(1, True, True, _command(**FIND, CommandDataSetType=1)), Fragment(3, False, True, b"x")],
        [Fragment(1, True, False, b"x"), Fragment(1, False, True, b"x")],
        [Fragment(1, True, False, bytes(LONGEST_COMMAND)), Fragment(1, True, True, b"x")],
        [Fragment(1, True, True, _command(**FIND, CommandDataSetType=1)), Fragment(1, False, True, bytes(101))],
        [Fragment(1, True, True, b"x")],
    ],
    ids=["no command", "two commands", "other context", "dataset inside", "long command", "long dataset", "garbage"],
)
def test_what_is_no_message_is_refused(fragments: list[Fragment]) -> None:
    """A peer that mixes up its fragments, or sends one without end, is told from a modality."""
    assembler = Assembler(longest=100)
    for fragment in fragments[:-1]:
        assert assembler.feed(fragment) is None
    with pytest.raises(ValueError, match=r".+"):
        assembler.feed(fragments[-1])
