"""Statements compiled once for each database and run without further ado, for what every message needs.

SQLAlchemy writes the SQL and converts the values; its bookkeeping for each execution costs ten times what SQLite needs
for the statement itself, and is left out here. A statement that runs now and then needs none of this.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, cast

from sqlalchemy import BindParameter, Connection, Dialect, Row
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.types import TypeEngine

from swf.model.moment import Moment

Record = Row[*tuple[Any, ...]]
_Convert: TypeAlias = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """SQL of one database: parameters by place or by name, what converts them, and how a row is read."""

    sql: str
    fixed: Mapping[str, Any]
    parameters: Callable[[dict[str, Any]], Any]
    writes: tuple[tuple[str, _Convert], ...]
    reads: tuple[tuple[int, _Convert], ...]
    row: Callable[[Iterable[Any]], Any]


class Prepared:
    """A statement whose values come as named parameters; an INSERT or UPDATE without VALUES sets what it is given."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, ...], _Compiled] = {}
        self._latest: tuple[Dialect | None, tuple[str, ...], _Compiled | None] = (None, (), None)

    def first(self, connection: Connection, **values: Any) -> Record | None:
        """The first row, if there is one; raises SQLAlchemy's DBAPIError, as all of these do."""
        compiled, cursor = self._execute(connection, values)
        found = cursor.fetchone()
        cursor.close()
        return None if found is None else _record(compiled, found)

    def one(self, connection: Connection, **values: Any) -> Record:
        """The first row of a statement that always gives one."""
        found = self.first(connection, **values)
        if found is None:
            raise NoResultFound("no row was found where there must be one")
        return found

    def all(self, connection: Connection, **values: Any) -> list[Record]:
        """Every row."""
        compiled, cursor = self._execute(connection, values)
        found = cursor.fetchall()
        cursor.close()
        return [_record(compiled, each) for each in found]

    def run(self, connection: Connection, **values: Any) -> None:
        """Run it and look at nothing."""
        _, cursor = self._execute(connection, values)
        cursor.close()

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of `rows`, which all have the same keys; at least one."""
        compiled = self._compile(connection.dialect, tuple(rows[0]))
        parameters = [_parameters(compiled, row) for row in rows]
        cursor = _driver(connection).cursor()
        try:
            cursor.executemany(compiled.sql, parameters)
        except connection.dialect.loaded_dbapi.Error as error:
            raise _translated(connection, compiled.sql, error) from error
        cursor.close()

    @property
    def sql(self) -> list[str]:
        """What has been run so far, as the databases were asked."""
        return [compiled.sql for compiled in self._compiled.values()]

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> tuple[_Compiled, Any]:
        compiled = self._compile(connection.dialect, tuple(values))
        try:
            cursor = _driver(connection).execute(compiled.sql, _parameters(compiled, values))
        except connection.dialect.loaded_dbapi.Error as error:
            raise _translated(connection, compiled.sql, error) from error
        return compiled, cursor

    def _compile(self, dialect: Dialect, names: tuple[str, ...]) -> _Compiled:
        known, called, compiled = self._latest  # a statement is mostly run with the same names
        if compiled is not None and known is dialect and called == names:
            return compiled
        key = (dialect.name, *names)
        if key not in self._compiled:
            self._compiled[key] = _compile(self._statement, dialect, names)
        self._latest = (dialect, names, self._compiled[key])
        return self._compiled[key]


def _compile(statement: ClauseElement, dialect: Dialect, names: tuple[str, ...]) -> _Compiled:
    own = {element.key for element in visitors.iterate(statement) if isinstance(element, BindParameter)}
    columns_set = [name for name in names if name not in own]
    compiled = cast(Any, statement.compile(dialect=dialect, column_keys=columns_set))
    writes = ((name, _writer(bind.type, dialect)) for name, bind in compiled.binds.items())
    columns = list(getattr(statement, "exported_columns", ()))
    defaults = {column.key: column.default.arg for column in getattr(compiled, "insert_prefetch", ())}
    reads = ((place, _process(column.type, dialect, "result_processor", None)) for place, column in enumerate(columns))
    return _Compiled(
        sql=str(compiled),
        fixed={name: value for name, value in compiled.params.items() if name not in names} | defaults,
        parameters=_in_order(compiled.positiontup),
        writes=tuple((name, convert) for name, convert in writes if convert is not None),
        reads=tuple((place, convert) for place, convert in reads if convert is not None),
        row=cast(Any, namedtuple("Row", [column.key for column in columns]))._make,  # noqa: PYI024
    )


def _in_order(names: Sequence[str] | None) -> Callable[[dict[str, Any]], Any]:
    """How the named values become what the driver takes: as they are, or a sequence."""
    if names is None:
        return dict
    if len(names) == 1:
        return lambda given: (given[names[0]],)
    return itemgetter(*names) if names else tuple


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return _moment_writer(dialect) if isinstance(kind, Moment) else _process(kind, dialect, "bind_processor")


@lru_cache(maxsize=8)
def _moment_writer(dialect: Dialect) -> _Convert:
    """One for all statements: nearly all that a message writes has the same time."""
    return lru_cache(maxsize=64)(cast(_Convert, _process(Moment(), dialect, "bind_processor")))


def _process(kind: TypeEngine[Any], dialect: Dialect, processor: str, *more: Any) -> _Convert | None:
    return cast("_Convert | None", getattr(kind.dialect_impl(dialect), processor)(dialect, *more))


def _parameters(compiled: _Compiled, values: Mapping[str, Any]) -> Any:
    given = {**compiled.fixed, **values}
    for name, convert in compiled.writes:
        given[name] = convert(given[name])
    return compiled.parameters(given)


def _record(compiled: _Compiled, found: Sequence[Any]) -> Record:
    if compiled.reads:
        found = list(found)
        for place, convert in compiled.reads:
            found[place] = convert(found[place])
    return compiled.row(found)  # type: ignore[no-any-return]  # `cast` would be a call for each row


def _driver(connection: Connection) -> Any:
    """The driver's own connection; that of either database gives a cursor for what it executes."""
    return connection.connection.dbapi_connection


def _translated(connection: Connection, sql: str, error: Exception) -> Exception:
    """The error as SQLAlchemy would raise it, without the values, which may name a patient."""
    base = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(sql, None, error, base, hide_parameters=True, dialect=connection.dialect)
