"""Unique identifiers: check, make a new one, derive one that stays the same (PS3.5 clause 9 and B.2)."""

import hashlib
import re
import uuid

LONGEST = 64
_FORM = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_NAMESPACE = uuid.UUID("6f0b3a52-1c58-4d0e-9a75-2f6d1f7b4c11")  # ours; another one would rename every derived study
_FIXED_BITS, _VERSION_5 = 0xF000 << 64 | 0xC000 << 48, 0x5000 << 64 | 0x8000 << 48  # of a UUID (RFC 9562)


def valid(uid: str) -> bool:
    """True when `uid` is at most 64 characters of numbers without leading zeros, joined by full stops (PS3.5 9.1)."""
    return len(uid) <= LONGEST and _FORM.fullmatch(uid) is not None


def generate() -> str:
    """A new UID below 2.25, made of a random UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def derive(*parts: str) -> str:
    """The UID that always belongs to these `parts`, so that an order sent again keeps its study.

    Every part goes in with its length, so that ("A1", "2") and ("A", "12") are different.
    """
    name = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha1(_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()
    return f"2.25.{int.from_bytes(digest[:16]) & ~_FIXED_BITS | _VERSION_5}"
