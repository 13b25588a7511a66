"""One tree of errors; each knows its HL7 acknowledgement, its DIMSE status and what to do about it.

SwfError
├── ConfigError                 start refused; all mistakes listed
├── MessageError                the HL7 message is at fault            AE/AR, HL7 table 0357 code, ERR location
│   ├── BrokenFrame                 too long, too slow, or never ended     AR 207
│   ├── UnreadableMessage           bytes, header or character set
│   ├── UnsupportedMessage          type, trigger event, version or processing id
│   ├── UnknownSender               nobody the site expects messages from, or not from there
│   ├── MappingError                a field the worklist cannot do without or cannot hold
│   ├── UnknownOrder                no order or patient of that number
│   ├── IdentifierConflict          a number that belongs to somebody else
│   ├── IllegalTransition           the order's state does not allow it
│   └── ProcessingFailure           ours: something nobody had thought of     AR 207
├── ProcedureStepError          the modality's request is at fault     DIMSE status (PS3.7 Annex C)
│   ├── DuplicateStep 0x0111 · UnknownStep 0x0112 · StepClosed 0x0110
│   ├── MissingAttribute 0x0120 · MissingValue 0x0121 · InvalidValue 0x0106
│   └── NoSuchAttribute 0x0105 · InvalidInstance 0x0117
├── DraftRefused                a draft of the mapping cannot be kept, saved or undone as things stand
├── Overtaken                   what an operator wants to act on is not there, or not any more as it was shown
├── Unresolvable                what an operator asks of an exam and its order cannot be done
├── UserRefused                 what is asked of a user or a token cannot be done
├── Misfilled                   a form of an operator cannot be taken; which fields are at fault
├── PeerError                   a destination is at fault              retry or park
│   └── PeerUnreachable · PeerSilent · PeerRefused
└── StoreError                  ours; the other side should try again  AR 207, DIMSE 0x0110
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class SwfError(Exception):
    """Anything that went wrong in a way this program has an answer for."""

    advice: ClassVar[str] = "See the log for the circumstances."


class ConfigError(SwfError):
    """The configuration or a mapping cannot be used; `mistakes` lists every reason, each with its place."""

    advice = "Correct the lines named and start again; `swf check` tells without starting."

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class MessageError(SwfError):
    """An HL7 message cannot be applied.

    `location` is `segment^sequence^field[^component[^subcomponent]]`, counted from 1, as far as it is known;
    `code` is a value of HL7 table 0357.
    """

    ack_code: ClassVar[str] = "AE"
    code: int = 207
    advice = "Correct the message at the place named and send it again."

    def __init__(self, text: str, *, location: str = "", code: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.location = location
        if code is not None:
            self.code = code


class BrokenFrame(MessageError):
    """What came between the frame's bytes is no whole message; as much of it as the limit allows is kept."""

    ack_code = "AR"
    code = 207
    advice = "Send the message again, whole; a sender of longer messages needs a higher [hl7] max_frame_bytes."


class UnreadableMessage(MessageError):
    """No message could be made of the bytes."""

    code = 102
    advice = "Check the sender's character set, delimiters and framing; the bytes are kept as they came."


class UnsupportedMessage(MessageError):
    """A type, trigger event, version or processing id this broker does not take (HL7 0357 200 to 203)."""

    ack_code = "AR"
    code = 200
    advice = "Route messages of this type elsewhere, or stop sending them here."


class UnknownSender(MessageError):
    """The sender is none of the [[source]] tables, or sends from an address that is not its own."""

    ack_code: ClassVar[str] = "AR"
    code = 103
    advice = "Add a [[source]] for the sender, or correct its hosts; from anywhere else this may be an attack."


class MappingError(MessageError):
    """A field the worklist cannot do without is missing, or a value does not fit where it must go."""

    code = 101
    advice = "Correct the field, or the mapping line that reads it."


class UnknownOrder(MessageError):
    """The message names an order or patient nobody announced."""

    code = 204
    advice = "Send the order first; check the order number and its assigning authority."


class IdentifierConflict(MessageError):
    """An identifier of the message already belongs to another patient or order."""

    code = 205
    advice = "Check which patient the number belongs to before anything is sent again."


class IllegalTransition(MessageError):
    """The order's present state does not allow what the message asks."""

    code = 206
    advice = "Look at the order's state with `swf trace`; a step that has begun is ended by its modality."


class ProcessingFailure(MessageError):
    """Carrying the message out failed for a reason that is ours; it is kept, and the sender may try again."""

    ack_code = "AR"
    code = 207
    advice = "Report what the log says; once it is mended, `swf messages replay` carries the message out."


class ProcedureStepError(SwfError):
    """A modality's MPPS request cannot be carried out. `keywords` names the attributes at fault (PS3.7 Annex C)."""

    dimse_status: ClassVar[int] = 0x0110
    advice = "Correct the modality's MPPS configuration; the request changed nothing."

    def __init__(self, text: str, *, keywords: Sequence[str] = (), error_id: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.keywords = tuple(keywords)
        self.error_id = error_id


class DuplicateStep(ProcedureStepError):
    """N-CREATE for a SOP Instance UID that exists (PS3.7 C.5.7)."""

    dimse_status = 0x0111


class UnknownStep(ProcedureStepError):
    """N-SET for a SOP Instance UID that was never created."""

    dimse_status = 0x0112


class StepClosed(ProcedureStepError):
    """N-SET after COMPLETED or DISCONTINUED; carries Error ID A710 (PS3.4 F.7.2.2.2)."""

    dimse_status = 0x0110


class MissingAttribute(ProcedureStepError):
    """N-CREATE without an attribute the table requires."""

    dimse_status = 0x0120


class MissingValue(ProcedureStepError):
    """A required attribute is present but empty, or the final state lacks what it needs."""

    dimse_status = 0x0121


class InvalidValue(ProcedureStepError):
    """An attribute holds a value the service does not allow."""

    dimse_status = 0x0106


class NoSuchAttribute(ProcedureStepError):
    """N-SET of an attribute that was never created, from a modality held to strict rules."""

    dimse_status = 0x0105


class InvalidInstance(ProcedureStepError):
    """The SOP Instance UID is malformed or, under strict rules, missing."""

    dimse_status = 0x0117


class DraftRefused(SwfError):
    """A draft of the mapping cannot be kept, saved or undone: the file is not the site's own, or others changed it."""

    advice = "Look at the mapping bench: it shows what is in the file, what is in the draft, and who changed it last."


class Overtaken(SwfError):
    """What an operator wants to act on is not there, or not any more as it was shown."""

    advice = "Look at the list anew: somebody else may have acted meanwhile."


class Unresolvable(SwfError):
    """What an operator wants to link or take apart is not there, or does not belong together."""

    advice = "Look at the list anew: `swf orders`, `swf mpps list` and `swf issues` show what there is."


class UserRefused(SwfError):
    """What is asked of a user or a token of the window cannot be done."""

    advice = "swf users list and swf tokens list show who there is."


class Misfilled(SwfError):
    """What an operator filled in cannot be taken: `fields` has a half-sentence for each that is at fault.

    `person` is what is known of the patient, when that is the reason.
    """

    advice = "Correct these fields; nothing was done."

    def __init__(self, fields: Mapping[str, str], *, person: Mapping[str, object] | None = None) -> None:
        super().__init__("; ".join(f"{name} {text}" for name, text in fields.items()))
        self.fields = dict(fields)
        self.person = person


class PeerError(SwfError):
    """A destination did not take a message."""

    advice = "Check the destination's address and that it is running; the message is kept and tried again."


class PeerUnreachable(PeerError):
    """No connection could be made."""


class PeerSilent(PeerError):
    """The connection stood, but no acknowledgement came; it is unknown whether the message was taken."""


class PeerRefused(PeerError):
    """The destination answered with a negative acknowledgement.

    `final` when no repetition can help, `busy` when it is not the message's fault.
    """

    advice = "Read the destination's reason; after repeated refusal the message is parked for an operator."

    def __init__(
        self, text: str, *, ack_code: str, error_code: str = "", final: bool = False, busy: bool = False
    ) -> None:
        super().__init__(text)
        self.ack_code = ack_code
        self.error_code = error_code
        self.final = final
        self.busy = busy


class StoreError(SwfError):
    """The store could not commit; nothing was done and the sender should try again."""

    ack_code: ClassVar[str] = "AR"
    code: ClassVar[int] = 207
    dimse_status: ClassVar[int] = 0x0110
    advice = "Check disk space, permissions and that the database is running."
