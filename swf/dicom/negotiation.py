"""What is agreed with who asks for an association: contexts, roles, extended negotiation (PS3.8 7.1.1, PS3.7 D.3.3)."""

from collections.abc import Mapping
from typing import NamedTuple

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from swf.dicom.pdu import Answer, AssociateRequest, Proposal

VERIFICATION = "1.2.840.10008.1.1"
WORKLIST = "1.2.840.10008.5.1.4.31"
PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
PERFORMED_STEP_RETRIEVE = "1.2.840.10008.3.1.2.3.4"
AVAILABILITY = "1.2.840.10008.5.1.4.33"

SYNTAXES = (  # the first that is proposed is taken: items are stored in the first one
    str(ImplicitVRLittleEndian),
    str(ExplicitVRLittleEndian),
    str(ExplicitVRBigEndian),
    str(DeflatedExplicitVRLittleEndian),
)
_ACCEPTED, _NO_ABSTRACT_SYNTAX, _NO_TRANSFER_SYNTAX = 0, 3, 4


class Service(NamedTuple):
    """How a SOP class is negotiated.

    With `roles`, role selection is answered: what is proposed is granted where the service has a use for it; without,
    the proposal is left unanswered, which means the default roles (PS3.7 D.3.3.4). `extended` is what we say to the
    bytes of its extended negotiation, as far as the peer has sent them.
    """

    roles: tuple[bool, bool] | None = None
    extended: bytes = b""


SERVICES: dict[str, Service] = {
    VERIFICATION: Service(),
    # PS3.4 K.5.1: two bytes that are always 1, then fuzzy matching of names, which is not done, and adjustment of the
    # query to the time zone it declares, which is done in any case
    WORKLIST: Service(extended=b"\x01\x01\x00\x01"),
    # A modality may offer to be told of events as well (PS3.4 F.9)
    PERFORMED_STEP: Service(roles=(True, True)),
    PERFORMED_STEP_RETRIEVE: Service(roles=(True, True)),
    AVAILABILITY: Service(),
}
_RESERVED, _NEGOTIATED_AT_LEAST = 2, 3
_DEFAULT = Service()


class Context(NamedTuple):
    """An accepted presentation context: what it is for and how its datasets are written."""

    abstract_syntax: str
    transfer_syntax: str


class Agreement(NamedTuple):
    """What was agreed, and how each proposal is answered."""

    contexts: dict[int, Context]
    answers: list[Answer]
    roles: dict[str, tuple[bool, bool]]
    extended: dict[str, bytes]


def negotiate(request: AssociateRequest, served: frozenset[str] | Mapping[str, object]) -> Agreement:
    """Agree on the SOP classes in `served`; a context that cannot be had is answered with its reason."""
    answers = [_answer(proposal, served) for proposal in request.proposals]
    accepted = {answer.id: answer.transfer_syntax for answer in answers if answer.result == _ACCEPTED}
    contexts = {
        proposal.id: Context(proposal.abstract_syntax, accepted[proposal.id])
        for proposal in request.proposals
        if proposal.id in accepted
    }
    agreed = {context.abstract_syntax for context in contexts.values()}
    roles = {uid: granted for uid in request.roles.keys() & agreed if (granted := _roles(uid, request.roles[uid]))}
    extended = {uid: said for uid in request.extended.keys() & agreed if (said := _said(uid, request.extended[uid]))}
    return Agreement(contexts, answers, roles, extended)


def _answer(proposal: Proposal, served: frozenset[str] | Mapping[str, object]) -> Answer:
    # Of a refused context the syntax is not to be tested, but it has to be there (PS3.8 9.3.3.2.1)
    any_syntax = proposal.transfer_syntaxes[0] if proposal.transfer_syntaxes else SYNTAXES[0]
    if proposal.abstract_syntax not in served:
        return Answer(proposal.id, _NO_ABSTRACT_SYNTAX, any_syntax)
    known = next((syntax for syntax in SYNTAXES if syntax in proposal.transfer_syntaxes), None)
    return Answer(proposal.id, _NO_TRANSFER_SYNTAX if known is None else _ACCEPTED, known or any_syntax)


def _roles(uid: str, proposed: tuple[bool, bool]) -> tuple[bool, bool] | None:
    ours = SERVICES.get(uid, _DEFAULT).roles
    if ours is None:
        return None
    return proposed[0] and ours[0], proposed[1] and ours[1]


def _said(uid: str, offered: bytes) -> bytes:
    """As many bytes as were offered, none of them more than was; nothing when fewer came than the service defines."""
    ours = SERVICES.get(uid, _DEFAULT).extended
    if not ours or len(offered) < _NEGOTIATED_AT_LEAST:
        return b""
    return ours[:_RESERVED] + bytes(min(pair) for pair in zip(ours[_RESERVED:], offered[_RESERVED:], strict=False))
