"""Several messages in one frame, with or without FHS, BHS, BTS and FTS around them (HL7 2.5.1 2.10.3; hl7v2.md §7)."""

import re
from itertools import islice

MOST = 1000
_BLANKS = re.compile(rb"[\xef\xbb\xbf\r\n\t \0]*")
_HEADER = rb"(?=MSH[!-/:-@\[-`{-~])"
_AFTER_CR = re.compile(rb"\r\n?" + _HEADER)
_AFTER_LF = re.compile(rb"\n" + _HEADER)


def split(payload: bytes) -> list[bytes]:
    """The messages of a payload, each in a piece of its own; joined, the pieces are the payload again.

    Batch segments stay with a message beside them, so that nothing of what came is lost. A payload of one message, or
    of none, is one piece, and so is one of more than `MOST`, which nobody can want to be answered one by one. Where CR
    ends segments, an LF does not begin one.
    """
    boundary = _AFTER_CR if b"\r" in payload else _AFTER_LF
    begin = _begin(payload)
    starts = [found.end() for found in islice(boundary.finditer(payload, begin), MOST + 1)]
    if len(starts) > MOST:
        return [payload]
    # The first message has the batch segments before it for its own.
    later = starts[payload.startswith((b"FHS", b"BHS"), begin) :]
    return [payload[start:end] for start, end in zip([0, *later], [*later, len(payload)], strict=True)]


def _begin(payload: bytes) -> int:
    blanks = _BLANKS.match(payload)
    return blanks.end() if blanks else 0
