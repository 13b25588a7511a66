"""MLLP release 1 framing: bytes in any pieces to frames, and back (every HL7 transaction; hl7v2.md §4.2)."""

import re
from dataclasses import dataclass

START = b"\x0b"
END = b"\x1c"
CR = b"\r"

_HEAD = 4096
_BLANKS_BEFORE_HEADER = b"\xef\xbb\xbf\r\n\t \0"
_LONGEST_UNDECIDED = 3  # VT and two letters of MSH, FHS or BHS; FS alone is shorter
_BOUNDARY = re.compile(rb"\x1c\r|\x0b(?=MSH|FHS|BHS)")
_LENIENT_BOUNDARY = re.compile(rb"\x1c[\r\n]|\x1c(?=\x0b)|\x0b(?=MSH|FHS|BHS)")


@dataclass(frozen=True, slots=True)
class Frame:
    """One payload without its framing; of an oversized one only the first 4096 bytes, enough to answer it."""

    payload: bytes
    oversized: bool = False


class Deframer:
    """The receiving side of one connection. Feed it what the socket gave; it hands out each complete frame once.

    FS CR ends a frame. FS LF, and FS with the next frame's VT, end it too if it began with MSH, FHS or BHS; any
    other FS is data. VT inside a frame is data unless MSH, FHS or BHS follows: then the sender gave the earlier frame
    up. A frame above `limit` bytes is reported as oversized once its end came, so that the connection stays in step.
    """

    def __init__(self, limit: int = 16 * 2**20) -> None:
        self.discarded = 0
        self._limit = limit
        self._inside = False
        self._buffer = bytearray()
        self._scanned = 0  # no boundary begins before this position
        self._dropped = 0  # bytes of an oversized frame let go
        self._head = b""  # what was kept of them

    @property
    def inside(self) -> bool:
        """A frame has begun and not ended."""
        return self._inside

    @property
    def closing(self) -> bool:
        """A frame's FS is the last byte that came: silence or the end of the stream now ends the frame."""
        return self._inside and self._buffer.endswith(END) and self._recognised()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by `data`, in order. Linear in the bytes fed, however they are cut."""
        self._buffer += data
        frames = []
        while self._begin():
            frame = self._end()
            if frame is None:
                break
            frames.append(frame)
        return frames

    def finish(self) -> list[Frame]:
        """The end of the stream, or silence while `closing`: the frame whose FS came without CR, else nothing."""
        frames = [self._take(len(self._buffer) - 1, len(self._buffer))] if self.closing else []
        self.discarded += self._dropped + len(self._buffer)
        self._buffer.clear()
        self._inside = False
        self._reset()
        return frames

    def _begin(self) -> bool:
        """Skip what stands before the next VT; True if a frame has begun."""
        if not self._inside:
            start = self._buffer.find(START)
            noise = len(self._buffer) if start < 0 else start
            self.discarded += noise
            del self._buffer[: noise + 1]
            self._inside = start >= 0
        return self._inside

    def _end(self) -> Frame | None:
        """The frame the buffer holds completely, or None if more bytes are needed."""
        while True:
            boundary = (_LENIENT_BOUNDARY if self._recognised() else _BOUNDARY).search(self._buffer, self._scanned)
            if boundary is None:
                self._remember()
                return None
            if boundary[0] != START:
                return self._take(boundary.start(), boundary.end())
            self._restart(boundary.start())

    def _restart(self, position: int) -> None:
        self.discarded += self._dropped + position
        del self._buffer[: position + 1]
        self._reset()

    def _remember(self) -> None:
        """Note how far the search went; of a frame already too long keep the head alone."""
        self._scanned = max(self._scanned, len(self._buffer) - _LONGEST_UNDECIDED)
        if self._dropped + self._scanned > self._limit:
            self._head = self._head or bytes(self._buffer[:_HEAD])
            del self._buffer[: self._scanned]
            self._dropped += self._scanned
            self._scanned = 0

    def _take(self, length: int, consumed: int) -> Frame:
        oversized = self._dropped + length > self._limit
        payload = (
            (self._head or bytes(self._buffer[: min(length, _HEAD)])) if oversized else bytes(self._buffer[:length])
        )
        del self._buffer[:consumed]
        self._inside = False
        self._reset()
        return Frame(payload, oversized)

    def _recognised(self) -> bool:
        head = self._head or bytes(self._buffer[:16])
        return head.lstrip(_BLANKS_BEFORE_HEADER).startswith((b"MSH", b"FHS", b"BHS"))

    def _reset(self) -> None:
        self._scanned = 0
        self._dropped = 0
        self._head = b""


def frame(payload: bytes) -> bytes:
    """`payload` as it goes on the wire: VT, payload, FS, CR."""
    return START + payload + END + CR
