"""Who may use the operator's window, and what for: users, their sessions, and tokens for programs."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class Role(StrEnum):
    """What somebody may do: a viewer looks, an operator acts, an admin changes the rules and says who may do what."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def reaches(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class User(SQLModel, table=True):
    """Somebody with a name and a password, which is kept as an argon2id hash. Nobody is deleted: the journal names them."""

    __tablename__ = "user"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    name: str = Field(unique=True)
    role: str
    password_hash: str
    password_at: datetime = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    disabled_at: datetime | None = Field(default=None, sa_type=Moment, nullable=True)


class UserSession(SQLModel, table=True):
    """A browser somebody signed in with. Its key is a secret of that browser; kept is only the hash of it."""

    __tablename__ = "user_session"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    key_hash: str = Field(unique=True)
    user: int = Field(foreign_key="user.id", sa_type=ROW_NUMBER, index=True)
    address: str
    created_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)


class ApiToken(SQLModel, table=True):
    """What a program shows in place of a password; kept is only the hash of it."""

    __tablename__ = "api_token"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    name: str = Field(unique=True)
    key_hash: str = Field(unique=True)
    role: str
    created_at: datetime = Field(sa_type=Moment)
    used_at: datetime | None = Field(default=None, sa_type=Moment, nullable=True)
    expires_at: datetime | None = Field(default=None, sa_type=Moment, nullable=True)


USER = SQLModel.metadata.tables["user"]
SESSION = SQLModel.metadata.tables["user_session"]
TOKEN = SQLModel.metadata.tables["api_token"]
