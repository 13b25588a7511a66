"""MLLP release 1 framing: bytes in any pieces to frames, and back (every HL7 transaction; hl7v2.md §4.2)."""

import re
from dataclasses import dataclass
from enum import StrEnum

START = b"\x0b"
END = b"\x1c"
CR = b"\r"

_BLANKS = b"\xef\xbb\xbf\r\n\t \0"
_LONGEST_UNDECIDED = 3  # VT and two letters of MSH, FHS or BHS; FS alone is shorter
_BOUNDARY = re.compile(rb"\x1c\r|\x0b(?=MSH|FHS|BHS)")
_LENIENT_BOUNDARY = re.compile(rb"\x1c[\r\n]|\x1c(?=\x0b)|\x0b(?=MSH|FHS|BHS)")


class Fault(StrEnum):
    """Why a frame is no message."""

    OVERSIZED = "longer than the limit"
    ABANDONED = "another message began before the end of this one"
    INCOMPLETE = "the connection ended before the message"


@dataclass(frozen=True, slots=True)
class Frame:
    """One payload without its framing. One with a `fault` is to be kept and answered, and never taken for a message.

    Of a payload that had more bytes than the limit only the first are here; `cut` is how many were let go.
    """

    payload: bytes
    fault: Fault | None = None
    cut: int = 0


class Deframer:
    """The receiving side of one connection. Feed it what the socket gave; it hands out each frame once.

    FS CR ends a frame. FS LF, and FS with the next frame's VT, end it too if it began with MSH, FHS or BHS; any
    other FS is data. VT inside a frame is data unless MSH, FHS or BHS follows: then the sender gave the earlier frame
    up. A frame above `limit` bytes is handed out once its end came, so that the connection stays in step.
    """

    def __init__(self, limit: int = 16 * 2**20) -> None:
        self.discarded = 0
        self._limit = limit
        self._inside = False
        # Of a frame that grows above the limit its first bytes, and after them what was not yet searched.
        self._buffer = bytearray()
        self._scanned = 0  # no boundary begins before this position
        self._dropped = 0  # bytes let go between the two

    @property
    def inside(self) -> bool:
        """A frame has begun and not ended."""
        return self._inside

    @property
    def closing(self) -> bool:
        """A frame's FS is the last byte that came: silence or the end of the stream now ends the frame."""
        return self._inside and self._buffer.endswith(END) and self._recognised()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed or given up by `data`, in order. Linear in the bytes fed, however they are cut."""
        self._buffer += data
        frames = []
        while self._begin() and (boundary := self._boundary()):
            frames += self._take(boundary.start(), boundary.end(), Fault.ABANDONED if boundary[0] == START else None)
        return frames

    def finish(self) -> list[Frame]:
        """No more will come of the frame that has begun: it is complete if only its CR is missing, else INCOMPLETE."""
        if not self._inside:
            return []
        length = len(self._buffer)
        return self._take(length - 1, length) if self.closing else self._take(length, length, Fault.INCOMPLETE)

    def _begin(self) -> bool:
        """Skip what stands before the next VT; True if a frame has begun."""
        if not self._inside:
            start = self._buffer.find(START)
            noise = len(self._buffer) if start < 0 else start
            self.discarded += noise
            del self._buffer[: noise + 1]
            self._inside = start >= 0
        return self._inside

    def _boundary(self) -> re.Match[bytes] | None:
        """The end of the frame, or the beginning of the next one inside it; None if more bytes are needed."""
        found = (_LENIENT_BOUNDARY if self._recognised() else _BOUNDARY).search(self._buffer, self._scanned)
        if found is None:
            self._remember()
        return found

    def _remember(self) -> None:
        """Note how far the search went; what it went through above the limit is let go."""
        self._scanned = max(self._scanned, len(self._buffer) - _LONGEST_UNDECIDED)
        if self._scanned > self._limit:
            del self._buffer[self._limit : self._scanned]
            self._dropped += self._scanned - self._limit
            self._scanned = self._limit

    def _take(self, length: int, consumed: int, fault: Fault | None = None) -> list[Frame]:
        """The frame of the first `length` bytes; none for one given up before anything was in it."""
        with memoryview(self._buffer) as whole:  # a slice of the buffer itself would be a second copy
            payload = bytes(whole[: min(length, self._limit)])
        cut = self._dropped + length - len(payload)
        del self._buffer[:consumed]
        self._inside = fault is Fault.ABANDONED
        self._scanned = self._dropped = 0
        if fault and not payload.strip(_BLANKS + START):
            self.discarded += len(payload) + cut
            return []
        return [Frame(payload, fault or (Fault.OVERSIZED if cut else None), cut)]

    def _recognised(self) -> bool:
        return bytes(self._buffer[:16]).lstrip(_BLANKS).startswith((b"MSH", b"FHS", b"BHS"))


def frame(payload: bytes) -> bytes:
    """`payload` as it goes on the wire: VT, payload, FS, CR."""
    return START + payload + END + CR
