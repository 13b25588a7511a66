"""Users, the sessions of their browsers, and the tokens of programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from swf.model.user import SESSION, TOKEN, USER, Role
from swf.store.database import Record, Transaction


def anybody(connection: Connection) -> bool:
    """Whether there is any user, also one who may not sign in."""
    return connection.execute(select(USER.c.id).limit(1)).first() is not None


def admins(connection: Connection) -> list[str]:
    """The names of the admins who may sign in."""
    wanted = (USER.c.role == Role.ADMIN, USER.c.disabled_at.is_(None))
    return list(connection.scalars(select(USER.c.name).where(*wanted).order_by(USER.c.name)))


def named(connection: Connection, name: str) -> Record | None:
    """The user of that name."""
    return connection.execute(select(USER).where(USER.c.name == name)).first()


def listed(connection: Connection, limit: int) -> Sequence[Record]:
    """The users by name, without their hashes, each with when they were last seen and how many browsers are signed in."""
    columns = (USER.c.id, USER.c.name, USER.c.role, USER.c.created_at, USER.c.password_at, USER.c.disabled_at)
    seen = func.max(SESSION.c.seen_at, type_=SESSION.c.seen_at.type).label("seen_at")
    statement = select(*columns, seen, func.count(SESSION.c.id).label("sessions"))
    return connection.execute(
        statement.outerjoin(SESSION, SESSION.c.user == USER.c.id).group_by(*columns).order_by(USER.c.name).limit(limit)
    ).all()


def add(transaction: Transaction, **columns: Any) -> int:
    """A new user; returns the row number."""
    return int(transaction.execute(insert(USER).returning(USER.c.id), columns).scalar_one())


def change(transaction: Transaction, user: int, **columns: Any) -> None:
    """Change a user."""
    transaction.execute(update(USER).where(USER.c.id == user).values(columns))


def open_session(transaction: Transaction, **columns: Any) -> None:
    """A browser signed in."""
    transaction.execute(insert(SESSION), columns)


def session(connection: Connection, key_hash: str, now: datetime, seen_since: datetime) -> Record | None:
    """The session of that key and its user, while it lasts, was seen since then, and the user may sign in."""
    columns = (USER.c.name, USER.c.role, SESSION.c.id, SESSION.c.user, SESSION.c.seen_at)
    lasting = (SESSION.c.expires_at > now, SESSION.c.seen_at > seen_since, USER.c.disabled_at.is_(None))
    statement = select(*columns).join(USER, USER.c.id == SESSION.c.user)
    return connection.execute(statement.where(SESSION.c.key_hash == key_hash, *lasting)).first()


def sessions_of(connection: Connection, user: int, now: datetime, seen_since: datetime) -> Sequence[Record]:
    """The browsers somebody is signed in with, the last seen first."""
    lasting = (SESSION.c.user == user, SESSION.c.expires_at > now, SESSION.c.seen_at > seen_since)
    statement = select(SESSION.c.id, SESSION.c.address, SESSION.c.created_at, SESSION.c.seen_at).where(*lasting)
    return connection.execute(statement.order_by(SESSION.c.seen_at.desc())).all()


def session_seen(transaction: Transaction, number: int, now: datetime) -> None:
    """The browser of session row `number` asked for something."""
    transaction.execute(update(SESSION).where(SESSION.c.id == number).values(seen_at=now))


def end_session(transaction: Transaction, key_hash: str) -> None:
    """Sign one browser out."""
    transaction.execute(delete(SESSION).where(SESSION.c.key_hash == key_hash))


def end_sessions(transaction: Transaction, user: int) -> int:
    """Sign somebody out everywhere; returns of how many browsers."""
    return int(transaction.execute(delete(SESSION).where(SESSION.c.user == user)).rowcount)


def forget_sessions(transaction: Transaction, now: datetime, seen_since: datetime) -> None:
    """Delete the sessions that are over."""
    over = (SESSION.c.expires_at <= now) | (SESSION.c.seen_at <= seen_since)
    transaction.execute(delete(SESSION).where(over))


def token(connection: Connection, key_hash: str, now: datetime) -> Record | None:
    """The token of that key, while it lasts."""
    lasting = TOKEN.c.expires_at.is_(None) | (TOKEN.c.expires_at > now)
    return connection.execute(select(TOKEN).where(TOKEN.c.key_hash == key_hash, lasting)).first()


def token_named(connection: Connection, name: str) -> Record | None:
    """The token of that name."""
    return connection.execute(select(TOKEN).where(TOKEN.c.name == name)).first()


def tokens(connection: Connection, limit: int) -> Sequence[Record]:
    """The tokens by name, without their hashes."""
    columns = (TOKEN.c.name, TOKEN.c.role, TOKEN.c.created_at, TOKEN.c.used_at, TOKEN.c.expires_at)
    return connection.execute(select(*columns).order_by(TOKEN.c.name).limit(limit)).all()


def add_token(transaction: Transaction, **columns: Any) -> None:
    """A new token."""
    transaction.execute(insert(TOKEN), columns)


def token_used(transaction: Transaction, number: int, now: datetime) -> None:
    """A program showed the token in row `number`."""
    transaction.execute(update(TOKEN).where(TOKEN.c.id == number).values(used_at=now))


def drop_token(transaction: Transaction, number: int) -> None:
    """Let nobody in with the token in row `number` any more."""
    transaction.execute(delete(TOKEN).where(TOKEN.c.id == number))
