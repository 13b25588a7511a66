"""Users and tokens: who is let in and what as, and that the journal knows who said so. No password or key is written there."""

import re
from datetime import datetime, timedelta
from typing import Any

from swf.errors import UserRefused
from swf.model.journal import Event
from swf.model.user import Role
from swf.sentence import say
from swf.store import journal, users
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import passwords

TOKEN_BEGINS = "swf_"  # noqa: S105  so that who finds one in a log or a repository knows what it is
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


def add(transaction: Transaction, at: datetime, by: str, name: str, *, role: Role, password_hash: str) -> None:
    """A new user; raises UserRefused for a name that is taken or none."""
    wanted = _name(name)
    if users.named(transaction, wanted) is not None:
        raise UserRefused(say("there is a user %(name)s already", name=wanted))
    users.add(
        transaction,
        name=wanted,
        role=role,
        password_hash=password_hash,
        password_at=at,
        created_at=at,
        disabled_at=None,
    )
    _note(transaction, at, Event.USER_CHANGED, by, did="add", user=wanted, role=role)


def set_password(transaction: Transaction, at: datetime, by: str, name: str, password_hash: str) -> None:
    """Give somebody another password and sign them out everywhere; raises UserRefused for an unknown name."""
    user = _known(transaction, name)
    users.change(transaction, user.id, password_hash=password_hash, password_at=at)
    users.end_sessions(transaction, user.id)
    _note(transaction, at, Event.USER_CHANGED, by, did="password", user=user.name)


def set_role(transaction: Transaction, at: datetime, by: str, name: str, role: Role) -> None:
    """Let somebody do more or less from now on; raises UserRefused for an unknown name and for the last admin."""
    user = _known(transaction, name)
    if role != Role.ADMIN:
        _keep_an_admin(transaction, user.name)
    users.change(transaction, user.id, role=role)
    _note(transaction, at, Event.USER_CHANGED, by, did="role", user=user.name, role=role)


def disable(transaction: Transaction, at: datetime, by: str, name: str) -> None:
    """Let somebody in no more, and sign them out everywhere; raises UserRefused for an unknown name and the last admin."""
    user = _known(transaction, name)
    _keep_an_admin(transaction, user.name)
    users.change(transaction, user.id, disabled_at=user.disabled_at or at)
    users.end_sessions(transaction, user.id)
    _note(transaction, at, Event.USER_CHANGED, by, did="disable", user=user.name)


def enable(transaction: Transaction, at: datetime, by: str, name: str) -> None:
    """Let somebody in again; raises UserRefused for an unknown name."""
    user = _known(transaction, name)
    users.change(transaction, user.id, disabled_at=None)
    _note(transaction, at, Event.USER_CHANGED, by, did="enable", user=user.name)


def sign_in(
    transaction: Transaction, at: datetime, user: Record, address: str, *, lasts: timedelta, idle: timedelta
) -> str:
    """Open a session for somebody whose password was right; returns its key, which nobody else has. The rest is tidied.

    Raises UserRefused when the user has been changed since the password was looked at.
    """
    now = users.named(transaction, user.name)
    if now is None or now.disabled_at is not None or now.password_hash != user.password_hash:
        raise UserRefused(say("%(name)s has just been changed; sign in once more", name=user.name))
    key = passwords.new_key()
    users.forget_sessions(transaction, at, at - idle)
    users.open_session(
        transaction,
        key_hash=passwords.key_hash(key),
        user=user.id,
        address=address,
        created_at=at,
        seen_at=at,
        expires_at=at + lasts,
    )
    _note(transaction, at, Event.SIGNED_IN, user.name, address=address)
    return key


def sign_in_refused(transaction: Transaction, at: datetime, name: str, address: str) -> None:
    """Note that somebody came with a wrong name or password. An unknown name is not kept: it may be a password."""
    known = users.named(transaction, name.strip().casefold())
    _note(transaction, at, Event.SIGN_IN_REFUSED, known.name if known else "an unknown name", address=address)


def sign_out(transaction: Transaction, at: datetime, by: str, key: str) -> None:
    """End the session of that key."""
    users.end_session(transaction, passwords.key_hash(key))
    _note(transaction, at, Event.SIGNED_OUT, by)


def sign_out_everywhere(transaction: Transaction, at: datetime, by: str, name: str) -> None:
    """End every session of somebody; raises UserRefused for an unknown name."""
    user = _known(transaction, name)
    ended = users.end_sessions(transaction, user.id)
    _note(transaction, at, Event.SIGNED_OUT, by, user=user.name, sessions=ended)


def add_token(transaction: Transaction, at: datetime, by: str, name: str, *, role: Role, days: int) -> str:
    """A new token, for ever when `days` is 0; returns it, which is the only time anybody sees it.

    Raises UserRefused for a name that is taken or none.
    """
    wanted = _name(name)
    if users.token_named(transaction, wanted) is not None:
        raise UserRefused(say("there is a token %(name)s already", name=wanted))
    key = TOKEN_BEGINS + passwords.new_key()
    ends = at + timedelta(days=days) if days else None
    users.add_token(
        transaction,
        name=wanted,
        key_hash=passwords.key_hash(key),
        role=role,
        created_at=at,
        used_at=None,
        expires_at=ends,
    )
    _note(transaction, at, Event.TOKEN_CHANGED, by, did="add", token=wanted, role=role, ends=ends and ends.isoformat())
    return key


def revoke_token(transaction: Transaction, at: datetime, by: str, name: str) -> None:
    """Let nobody in with that token any more; raises UserRefused for an unknown name."""
    token = users.token_named(transaction, name.strip().casefold())
    if token is None:
        raise UserRefused(say("there is no token %(name)s", name=name))
    users.drop_token(transaction, token.id)
    _note(transaction, at, Event.TOKEN_CHANGED, by, did="revoke", token=token.name)


def _name(text: str) -> str:
    name = text.strip().casefold()
    if not _NAME.fullmatch(name):
        raise UserRefused(
            say("a name is 1 to 64 letters a to z, digits and . _ @ -, and begins with a letter or digit")
        )
    return name


def _known(transaction: Transaction, name: str) -> Record:
    user = users.named(transaction, name.strip().casefold())
    if user is None:
        raise UserRefused(say("there is no user %(name)s", name=name))
    return user


def _keep_an_admin(transaction: Transaction, name: str) -> None:
    """Without an admin nobody could mend that in the window, and off the loopback it would not open again."""
    if users.admins(transaction) == [name]:
        raise UserRefused(say("%(name)s is the last admin; make somebody else one first", name=name))


def _note(transaction: Transaction, at: datetime, event: Event, by: str, **detail: Any) -> None:
    journal.add(transaction, at, [Entry(event, detail={"by": by, **detail})])
