"""The number of a row: 64 bits in PostgreSQL, SQLite's own row id in SQLite."""

from typing import Any

from sqlalchemy import BigInteger, Integer

# SQLModel's signature asks for a class and takes an instance
ROW_NUMBER: Any = BigInteger().with_variant(Integer, "sqlite")
