"""Sessions and tokens last as long as they should, on both databases."""

from datetime import timedelta

from swf.model.user import Role
from swf.store import users
from swf.store.database import Database, Transaction
from tests import rows

HOUR = timedelta(hours=1)


def _user(transaction: Transaction, name: str = "jane", role: Role = Role.ADMIN) -> int:
    at = rows.AT
    return users.add(
        transaction, name=name, role=role, password_hash="", password_at=at, created_at=at, disabled_at=None
    )


def _session(transaction: Transaction, user: int, key: str) -> None:
    at = rows.AT
    users.open_session(
        transaction, key_hash=key, user=user, address="", created_at=at, seen_at=at, expires_at=at + 2 * HOUR
    )


def test_a_session_ends_by_itself(database: Database) -> None:
    """After its hours, and after a while in which nobody clicked, a browser is nobody's again."""
    with database.transaction() as transaction:
        _session(transaction, _user(transaction), "k")
    with database.reading() as connection:
        found = users.session(connection, "k", rows.AT, rows.AT - HOUR)
        assert found is not None
        assert (found.name, found.role) == ("jane", "admin")
        assert users.session(connection, "K", rows.AT, rows.AT - HOUR) is None
        assert users.session(connection, "k", rows.AT + 2 * HOUR, rows.AT - HOUR) is None  # its hours
        assert users.session(connection, "k", rows.AT + HOUR, rows.AT) is None  # nobody clicked
    with database.transaction() as transaction:
        users.session_seen(transaction, found.id, rows.AT + HOUR)
        users.forget_sessions(transaction, rows.AT + HOUR, rows.AT)
    with database.reading() as connection:
        assert users.session(connection, "k", rows.AT + HOUR, rows.AT) is not None
        (listed,) = users.listed(connection, 10)
        assert (listed.name, listed.sessions, listed.seen_at) == ("jane", 1, rows.AT + HOUR)
    with database.transaction() as transaction:
        users.forget_sessions(transaction, rows.AT + 2 * HOUR, rows.AT)
        assert users.end_sessions(transaction, found.user) == 0


def test_who_is_disabled_has_no_session(database: Database) -> None:
    """A user who may not come in is nobody from that moment, whatever browser is open."""
    with database.transaction() as transaction:
        jane, joe = _user(transaction), _user(transaction, "joe", Role.VIEWER)
        for user, key in ((jane, "a"), (jane, "b"), (joe, "c")):
            _session(transaction, user, key)
        assert users.admins(transaction) == ["jane"]
        users.change(transaction, jane, disabled_at=rows.AT)
    with database.reading() as connection:
        found = [key for key in "abc" if users.session(connection, key, rows.AT, rows.AT - HOUR)]
        assert (found, users.admins(connection), users.anybody(connection)) == (["c"], [], True)
    with database.transaction() as transaction:
        assert users.end_sessions(transaction, jane) == 2
        users.end_session(transaction, "c")
        assert [row.sessions for row in users.listed(transaction, 10)] == [0, 0]


def test_a_token_lasts_until_its_day(database: Database) -> None:
    """A program is let in until its token ends; one without an end is good until it is dropped."""
    with database.transaction() as transaction:
        for name, ends in (("day", rows.AT + 24 * HOUR), ("ever", None)):
            users.add_token(
                transaction,
                name=name,
                key_hash=name.upper(),
                role=Role.VIEWER,
                created_at=rows.AT,
                used_at=None,
                expires_at=ends,
            )
    with database.reading() as connection:
        later = rows.AT + 24 * HOUR
        good = [[key for key in ("DAY", "EVER", "x") if users.token(connection, key, at)] for at in (rows.AT, later)]
        assert good == [["DAY", "EVER"], ["EVER"]]
    with database.transaction() as transaction:
        row = users.token_named(transaction, "ever")
        assert row is not None
        users.token_used(transaction, row.id, rows.AT)
        assert [each.used_at for each in users.tokens(transaction, 9)] == [None, rows.AT]
        users.drop_token(transaction, row.id)
        assert users.token(transaction, "EVER", rows.AT) is None
