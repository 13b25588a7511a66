"""Fragments become DIMSE messages: a command set and, where it says so, a dataset (PS3.7 6.3, PS3.8 annex E)."""

from typing import NamedTuple

from swf.dicom import dimse
from swf.dicom.dimse import CommandSet
from swf.dicom.pdu import Fragment

LONGEST_COMMAND = 64 * 1024


class Message(NamedTuple):
    """A whole message: the presentation context it came in, its command set, its dataset as it came."""

    context: int
    command: CommandSet
    dataset: bytes


class Assembler:
    """Puts the messages of one association together; `longest` is the longest dataset in bytes."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._context = 0
        self._command: CommandSet | None = None
        self._content = bytearray()

    @property
    def inside(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._content) or self._command is not None

    def feed(self, fragment: Fragment) -> Message | None:
        """The message that `fragment` completes; ValueError when it is out of place or makes the message too long."""
        if self.inside and fragment.context != self._context:
            raise ValueError("a message goes on in another presentation context")
        if fragment.is_command is not (self._command is None):
            raise ValueError("a dataset without a command set, or a command set in place of a dataset")
        if len(self._content) + len(fragment.content) > (LONGEST_COMMAND if fragment.is_command else self._longest):
            raise ValueError("a message is too long")
        self._context = fragment.context
        self._content += fragment.content
        return self._ended() if fragment.is_last else None

    def _ended(self) -> Message | None:
        content = bytes(self._content)
        self._content.clear()
        if self._command is None:
            command = dimse.read(content)
            if command.has_dataset:
                self._command = command
                return None
            return Message(self._context, command, b"")
        command, self._command = self._command, None
        return Message(self._context, command, content)
