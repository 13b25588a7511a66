"""What is agreed with a modality: services, transfer syntaxes, roles, extended negotiation (PS3.7 D.3, PS3.4 K.5)."""

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from swf.dicom import negotiation
from swf.dicom.negotiation import PERFORMED_STEP, VERIFICATION, WORKLIST
from swf.dicom.pdu import Answer, AssociateRequest, Proposal

IMPLICIT, EXPLICIT = str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian)
BIG, DEFLATED, JPEG = str(ExplicitVRBigEndian), str(DeflatedExplicitVRLittleEndian), str(JPEGBaseline8Bit)
SERVED = frozenset({VERIFICATION, WORKLIST, PERFORMED_STEP})


def _asking(*proposals: Proposal, **terms: object) -> AssociateRequest:
    return AssociateRequest(1, "SWF", "CT1", proposals=list(proposals), **terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("proposed", "taken"),
    [
        ([IMPLICIT], IMPLICIT),
        ([EXPLICIT, IMPLICIT], IMPLICIT),
        ([JPEG, EXPLICIT], EXPLICIT),
        ([BIG], BIG),
        ([DEFLATED, BIG], BIG),
        ([DEFLATED], DEFLATED),
    ],
)
def test_a_transfer_syntax_is_found(proposed: list[str], taken: str) -> None:
    """Of what a modality can write, what costs least is taken, and what only an old one writes is taken too."""
    agreement = negotiation.negotiate(_asking(Proposal(1, WORKLIST, tuple(proposed))), SERVED)
    assert agreement.answers == [Answer(1, 0, taken)]
    assert agreement.contexts == {1: (WORKLIST, taken)}


def test_what_cannot_be_had_is_refused_by_itself() -> None:
    """A modality that also wants what nobody offers hears why, context by context, and gets the rest."""
    storage = "1.2.840.10008.5.1.4.1.1.2"
    proposals = (Proposal(1, storage, (EXPLICIT,)), Proposal(3, WORKLIST, (JPEG,)), Proposal(5, VERIFICATION, ()))
    agreement = negotiation.negotiate(_asking(*proposals, Proposal(255, PERFORMED_STEP, (IMPLICIT,))), SERVED)
    assert agreement.answers == [
        Answer(1, 3, EXPLICIT),
        Answer(3, 4, JPEG),
        Answer(5, 4, IMPLICIT),
        Answer(255, 0, IMPLICIT),
    ]
    assert list(agreement.contexts) == [255]


@pytest.mark.parametrize("proposed", [(True, True), (True, False), (False, True)])
def test_roles_are_granted_where_they_mean_something(proposed: tuple[bool, bool]) -> None:
    """A modality may offer to be told of performed steps; for other services the usual roles hold, without a word."""
    contexts = [Proposal(1, PERFORMED_STEP, (IMPLICIT,)), Proposal(3, WORKLIST, (IMPLICIT,))]
    request = _asking(*contexts, roles={PERFORMED_STEP: proposed, WORKLIST: proposed, "1.2.3": proposed})
    assert negotiation.negotiate(request, SERVED).roles == {PERFORMED_STEP: proposed}


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        (b"\1\1\1", b"\1\1\0"),
        (b"\1\1\1\1", b"\1\1\0\1"),
        (b"\1\1\0\0", b"\1\1\0\0"),
        (b"\0\0\1\1\1\1", b"\1\1\0\1"),
        (b"\1\1", None),
    ],
)
def test_extended_negotiation_is_answered_as_far_as_it_goes(offered: bytes, answered: bytes | None) -> None:
    """A modality that asks for fuzzy names hears no, one that asks in its own time zone yes, in as many bytes."""
    request = _asking(Proposal(1, WORKLIST, (IMPLICIT,)), extended={WORKLIST: offered, PERFORMED_STEP: b"\1\1\1"})
    assert negotiation.negotiate(request, SERVED).extended == ({WORKLIST: answered} if answered else {})
