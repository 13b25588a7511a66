"""The upper layer's units as bytes: they say what pynetdicom's say, and no bytes do harm (PS3.8 9.3)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role
from pynetdicom import pdu as theirs
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SOPClassExtendedNegotiation,
)

from swf.dicom import pdu
from swf.dicom.pdu import Answer, AssociateRequest, Fragment, Proposal

HEADER = 6
WORKLIST, MPPS = "1.2.840.10008.5.1.4.31", "1.2.840.10008.3.1.2.3.3"
SYNTAXES = [str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian)]
titles = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126, exclude_characters="\\"), min_size=1)
titles = titles.filter(lambda title: len(title) <= 16)


def _request(calling: str, called: str, largest: int) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = pdu.APPLICATION_CONTEXT
    primitive.calling_ae_title, primitive.called_ae_title = calling, called
    contexts = [build_context(WORKLIST, SYNTAXES), build_context(MPPS, SYNTAXES[1:])]
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    primitive.presentation_context_definition_list = contexts
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, implementation.implementation_class_uid = largest, "1.2.3"
    window, extended = AsynchronousOperationsWindowNegotiation(), SOPClassExtendedNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 5, 0
    extended.sop_class_uid, extended.service_class_application_information = WORKLIST, b"\1\1\1"
    role = build_role(MPPS, scu_role=True, scp_role=True)
    primitive.user_information = [length, implementation, window, role, extended]
    unit = theirs.A_ASSOCIATE_RQ()
    unit.from_primitive(primitive)
    encoded: bytes = unit.encode()
    return encoded


@given(titles, titles, st.integers(0, 2**32 - 1))
def test_a_request_is_read_as_it_was_meant(calling: str, called: str, largest: int) -> None:
    """Who calls, what for, and what it can take is read from a request as pynetdicom writes it."""
    request = pdu.read_request(_request(calling, called, largest)[HEADER:])
    assert request == AssociateRequest(
        version=1,
        called=called,
        calling=calling,
        application_context=pdu.APPLICATION_CONTEXT,
        proposals=[Proposal(1, WORKLIST, tuple(SYNTAXES)), Proposal(3, MPPS, (SYNTAXES[1],))],
        largest=largest,
        implementation="1.2.3",
        operations=(5, 0),
        roles={MPPS: (True, True)},
        extended={WORKLIST: b"\1\1\1"},
    )


def test_an_acceptance_is_understood() -> None:
    """Pynetdicom reads in our answer what was agreed, one operation at a time among it."""
    request = pdu.read_request(_request("CT1", "SWF", 16382)[HEADER:])
    answers = [Answer(1, 0, SYNTAXES[0]), Answer(3, 4, SYNTAXES[1])]
    raw = pdu.associate_accept(
        request,
        answers,
        largest=65536,
        implementation=("1.2.3.4", "OURS"),
        roles={MPPS: (True, False)},
        extended={WORKLIST: b"\1\1\0"},
    )
    unit = theirs.A_ASSOCIATE_AC()
    unit.decode(raw)
    assert unit.encode() == raw
    found = unit.to_primitive()
    results = [(each.context_id, each.result) for each in found.presentation_context_definition_results_list]
    assert results == [(1, 0), (3, 4)]
    assert (found.calling_ae_title, found.called_ae_title, found.maximum_length_received) == ("CT1", "SWF", 65536)
    assert found.implementation_class_uid == "1.2.3.4"
    items = {type(each).__name__: each for each in found.user_information}
    role, window = items["SCP_SCU_RoleSelectionNegotiation"], items["AsynchronousOperationsWindowNegotiation"]
    assert (role.sop_class_uid, role.scu_role, role.scp_role) == (MPPS, True, False)
    assert (window.maximum_number_operations_invoked, window.maximum_number_operations_performed) == (1, 1)
    assert items["SOPClassExtendedNegotiation"].service_class_application_information == b"\1\1\0"


@pytest.mark.parametrize(
    "rejection",
    [
        pdu.CALLING_NOT_RECOGNISED,
        pdu.CALLED_NOT_RECOGNISED,
        pdu.LIMIT_EXCEEDED,
        pdu.TEMPORARY_CONGESTION,
        pdu.CONTEXT_NOT_SUPPORTED,
        pdu.VERSION_NOT_SUPPORTED,
    ],
    ids=lambda rejection: rejection.text,
)
def test_a_rejection_says_why(rejection: pdu.Rejection) -> None:
    """Pynetdicom reads result, source and reason of table 9-21."""
    unit = theirs.A_ASSOCIATE_RJ()
    unit.decode(pdu.associate_reject(rejection))
    assert (unit.result, unit.source, unit.reason_diagnostic) == rejection[:3]


def test_last_words_are_understood() -> None:
    """Release and abort are what pynetdicom writes for them, and an abort by the provider says why."""
    assert pdu.release_reply() == theirs.A_RELEASE_RP().encode()
    by_user, by_provider = theirs.A_ABORT_RQ(), theirs.A_ABORT_RQ()
    by_user.decode(pdu.abort())
    by_provider.decode(pdu.abort(pdu.AbortReason.INVALID_PARAMETER))
    assert (by_user.source, by_provider.source, by_provider.reason_diagnostic) == (0, 2, 6)


@given(st.binary(max_size=300), st.integers(7, 100), st.booleans(), st.sampled_from([1, 3, 255]))
def test_no_unit_is_longer_than_the_peer_takes(content: bytes, largest: int, is_command: bool, context: int) -> None:
    """A message is cut for a peer that takes little at once, and arrives whole."""
    raw = pdu.data(context, content, is_command=is_command, largest=largest)
    fragments: list[Fragment] = []
    while raw:
        kind, length = struct.unpack_from(">BxL", raw)
        assert kind == pdu.Type.DATA
        assert length <= largest
        fragments += pdu.read_fragments(raw[HEADER : HEADER + length])
        raw = raw[HEADER + length :]
    assert b"".join(fragment.content for fragment in fragments) == content
    assert [fragment.is_last for fragment in fragments] == [False] * (len(fragments) - 1) + [True]
    assert {(fragment.context, fragment.is_command) for fragment in fragments} == {(context, is_command)}


def test_several_values_in_a_unit_are_read() -> None:
    """A modality that packs command set and dataset into one unit is understood."""
    one, other = (pdu.data(1, content, is_command=content == b"c", largest=0)[HEADER:] for content in (b"c", b"d"))
    assert list(pdu.read_fragments(one + other)) == [Fragment(1, True, True, b"c"), Fragment(1, False, True, b"d")]


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(raw: bytes) -> None:
    """Whatever a port scanner or an attacker sends is read or refused, and nothing else happens."""
    for read in (pdu.read_request, lambda body: list(pdu.read_fragments(body))):
        try:
            read(raw)
        except ValueError:
            continue


@given(st.data())
def test_no_spoiled_request_does_harm(data: st.DataObject) -> None:
    """The same for a request in which some bytes are wrong or missing."""
    raw = bytearray(_request("CT1", "SWF", 0)[HEADER:])
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        pdu.read_request(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    except ValueError:
        return
