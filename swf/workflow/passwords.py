"""Passwords and keys: what may be one, how it is kept, and whether it is right (argon2id, RFC 9106)."""

import hashlib
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from swf.errors import UserRefused
from swf.sentence import say

SHORTEST, LONGEST = 12, 256
_HASHER = PasswordHasher()  # 64 MiB, three passes: the second recommendation of RFC 9106


def hashed(name: str, password: str) -> str:
    """How the password of that user is kept; raises UserRefused for one that is too easily found."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UserRefused(
            say("a password has %(shortest)s to %(longest)s characters", shortest=SHORTEST, longest=LONGEST)
        )
    if name.casefold() in password.casefold() or len(set(password)) < SHORTEST // 2:
        raise UserRefused(say("this password is too easily guessed: it holds the name, or the same few characters"))
    return _HASHER.hash(_plain(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one `kept`; takes as long when there is none (an unknown user)."""
    try:
        return _HASHER.verify(kept or _of_nobody(), _plain(password[: LONGEST + 1])) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def new_key() -> str:
    """A secret of 256 bits, for a cookie or a token."""
    return secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """How a key is kept: it cannot be guessed, so that one pass of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def _plain(password: str) -> str:
    """One form for every keyboard."""
    return unicodedata.normalize("NFC", password)


@cache
def _of_nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
