"""One association: its requests in their order, an answer for each, C-CANCEL heard in between (PS3.7 8, PS3.8 7 and 9).

A worklist answer leaves in bursts. The first item leaves by itself, as soon as it is read; before each further burst
whatever the peer has sent is looked at, so a C-CANCEL takes effect within a burst, and no more than a burst and the
kernel's small buffer ever wait for a slow reader. A long answer begins at a pace: an answer that is written at once is
over before a peer that reads an item in a millisecond can say that it has enough. What is longer than the pace lasts
is also longer than the buffers of both sides.
"""

import contextlib
import time
from collections import deque
from collections.abc import Generator, Iterator
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID

from swf import log
from swf.dicom import datasets, dimse, pdu, status
from swf.dicom.dimse import Command, CommandSet
from swf.dicom.messages import Assembler, Message
from swf.dicom.negotiation import Agreement, Context
from swf.dicom.pdu import AbortReason
from swf.net import dicom_request
from swf.net.dicom_request import Answer, Identifier, Request, Services, Status
from swf.net.dicom_wire import Pdu, Violation, Wire

BURST_BYTES = 4 * 1024
BURST_S = 0.01
UNPACED_ITEMS, PACED_ITEMS = 16, 384
PACE_S = 0.00018
"""The least time for each paced item, after those that are not: a list of 200 takes 33 ms, any longer one 70 ms at least."""
MOST_QUEUED = 16
_PENDING = frozenset({status.PENDING, status.PENDING_WITH_UNSUPPORTED_KEYS})


class Caller(NamedTuple):
    """Who is at the other end: titles without blanks, address, and the longest P-DATA body it takes (0 for any)."""

    calling: str
    called: str
    address: str
    largest: int


class _Ended(Exception):
    """The peer has released or aborted the association."""


class Association:
    """Serves one peer until it leaves, is too slow, breaks the protocol, or the server stops."""

    def __init__(
        self, wire: Wire, caller: Caller, agreement: Agreement, services: Services, *, idle_s: float, request_s: float
    ) -> None:
        self._wire = wire
        self._caller = caller
        self._contexts = agreement.contexts
        self._services = services
        self._idle_s = idle_s
        self._request_s = request_s
        self._assembler = Assembler(datasets.LONGEST)
        self._queue: deque[Message] = deque()
        self._released = False
        self._cancelled = False
        self._answered: int | None = None  # the message id of the query that is being answered

    def serve(self) -> str:
        """Answer every request; how it ended, in the words of the log. Raises OSError, TimeoutError and Violation."""
        try:
            while (message := self._next()) is not None:
                self._carry_out(message)
        except _Ended as ending:
            return str(ending)
        self._wire.send(pdu.abort())
        return "aborted: the server stops"

    # ---- what comes in ----

    def _next(self) -> Message | None:
        """The next request; None when the server stops."""
        while not self._queue:
            if self._released:
                self._reply_to_release()
            unit = self._wire.receive(self._idle_s)
            if unit is None:
                return None
            self._take(unit)
            self._finish_message()
        return self._queue.popleft()

    def _finish_message(self) -> None:
        """A message that has begun has to be complete in time, whatever its peer does between its PDUs."""
        until = time.monotonic() + self._request_s
        while self._assembler.inside:
            unit = self._wire.receive(max(0.0, until - time.monotonic()), stoppable=False)
            if unit is not None:
                self._take(unit)

    def _take(self, unit: Pdu) -> None:
        if unit.kind == pdu.Type.DATA:
            try:
                for fragment in pdu.read_fragments(unit.body):
                    self._sort(self._assembler.feed(fragment))
            except ValueError as error:
                raise Violation(str(error), AbortReason.INVALID_PARAMETER) from error
        elif unit.kind == pdu.Type.RELEASE_RQ:
            self._released = True
        elif unit.kind == pdu.Type.ABORT:
            raise _Ended("aborted by the peer")
        else:
            raise Violation(f"PDU type 0x{unit.kind:02X} is out of place", AbortReason.UNEXPECTED_PDU)

    def _sort(self, message: Message | None) -> None:
        if message is None:
            return
        if message.command.command == Command.C_CANCEL:
            # One that comes after the final response finds nothing to cancel, and is no error (PS3.7 9.3.2.3)
            self._cancelled |= message.command.responds_to == self._answered
            return
        if len(self._queue) >= MOST_QUEUED:
            raise Violation("requests come faster than they are answered", AbortReason.NOT_SPECIFIED)
        self._queue.append(message)

    def _reply_to_release(self) -> None:
        self._wire.send(pdu.release_reply())
        raise _Ended("released")

    def _hear(self) -> None:
        while (unit := self._wire.heard()) is not None:
            self._take(unit)

    def _is_unwanted(self) -> bool:
        """Whether nobody waits for the rest of the answer."""
        return self._cancelled or self._released

    # ---- what goes out ----

    def _carry_out(self, message: Message) -> None:
        context = self._contexts.get(message.context)
        if context is None:
            raise Violation("a message in a context that was not agreed", AbortReason.INVALID_PARAMETER)
        command = message.command
        if command.command & dimse.RESPONSE_BIT:
            return  # we ask nothing on this association, so it answers nothing
        caller, syntax = self._caller, UID(context.transfer_syntax)
        voice = _Voice(self._wire, message.context, caller.largest, command, syntax)
        service = self._service(context, command)
        if isinstance(service, int):
            voice.say(service, None)
            voice.flush()
            return
        names = (caller.calling, caller.called, caller.address)
        request = Request(*names, command, syntax, message.dataset, self._is_unwanted)
        self._cancelled, self._answered = False, command.message_id
        # Who stops asking half way must not leave a cursor open in the store
        with contextlib.closing(_answers(service, request)) as answers:
            self._answer(voice, answers, of_find=command.command == Command.C_FIND)
        self._answered = None

    def _service(self, context: Context, command: CommandSet) -> "dicom_request.Service | int":
        """What carries the request out, or the status that says why nothing does."""
        if command.sop_class not in ("", context.abstract_syntax):
            of_find = command.command == Command.C_FIND
            return status.SOP_CLASS_NOT_SUPPORTED if of_find else status.NO_SUCH_SOP_CLASS
        service = self._services.get(context.abstract_syntax, {}).get(command.command)
        return service or status.UNRECOGNISED_OPERATION

    def _answer(self, voice: "_Voice", answers: Iterator[Answer], *, of_find: bool) -> None:
        begun = time.monotonic()
        for count, (code, identifier) in enumerate(answers, start=1 - UNPACED_ITEMS):
            voice.say(code, identifier)
            if not (of_find and isinstance(code, int) and code in _PENDING):
                break
            if voice.due():
                voice.flush()
                self._wire.listen(begun + min(count, PACED_ITEMS) * PACE_S - time.monotonic())
                self._hear()
        else:
            voice.say(status.SUCCESS, None)
        if not self._released:
            voice.flush()


class _Voice:
    """Writes the responses to one request, several in a burst."""

    def __init__(self, wire: Wire, context: int, largest: int, command: CommandSet, syntax: UID) -> None:
        self._wire = wire
        self._context = context
        self._largest = largest
        self._command = command
        self._syntax = syntax
        self._heads: dict[tuple[int, bool], bytes] = {}
        self._unsent = bytearray()
        self._last = 0.0

    def say(self, code: Status, identifier: Identifier) -> None:
        """Add one response to the burst."""
        content = datasets.encoded(identifier, self._syntax) if isinstance(identifier, Dataset) else identifier or b""
        self._unsent += self._head(code, has_dataset=identifier is not None)
        if identifier is not None:
            self._unsent += pdu.data(self._context, content, is_command=False, largest=self._largest)

    def due(self) -> bool:
        """Whether the burst is long or old enough to leave; the first one is with its first item."""
        return len(self._unsent) >= BURST_BYTES or time.monotonic() - self._last >= BURST_S

    def flush(self) -> None:
        """Let the burst leave."""
        self._wire.send(self._unsent)
        self._unsent.clear()
        self._last = time.monotonic()

    def _head(self, code: Status, *, has_dataset: bool) -> bytes:
        """The PDUs of the command set; those of a mere code are the same for every response to a request."""
        if not isinstance(code, int):
            return self._written(code, has_dataset=has_dataset)
        head = self._heads.get((code, has_dataset))
        if head is None:
            head = self._heads[code, has_dataset] = self._written(code, has_dataset=has_dataset)
        return head

    def _written(self, code: Status, *, has_dataset: bool) -> bytes:
        content = dimse.response(self._command, dicom_request.fields(code), has_dataset=has_dataset)
        return pdu.data(self._context, content, is_command=True, largest=self._largest)


def _answers(service: "dicom_request.Service", request: Request) -> Generator[Answer]:
    """What `service` answers, one or several; an answer as well when it fails at what nobody had thought of."""
    try:
        given = service(request)
        if isinstance(given, tuple):
            yield given
        else:
            yield from given
    except Exception as error:  # noqa: BLE001  the last resort: one request never ends an association
        log.error("request failed", ae_title=request.calling, traceback=log.frames(error))
        of_find = request.command.command == Command.C_FIND
        yield status.UNABLE_TO_PROCESS if of_find else status.PROCESSING_FAILURE, None
