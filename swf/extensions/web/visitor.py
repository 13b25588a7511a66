"""Who asks: kept for the time of one request, so that pages, templates and the journal need not be told."""

from contextvars import ContextVar
from dataclasses import dataclass

from swf.extensions.web import roles
from swf.model.user import Role


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody: `by` as the journal names them; no `role` while nobody knows who it is. `csrf` stands in their forms.

    `bearer` is a program with a token, which no strange page can make a browser send. `user` is the name of one who has
    signed in here, with the session of the key `key`; `address` is where from, `secure` whether over TLS. `problem` says
    why a token or a name was not taken.
    """

    by: str
    role: Role | None = None
    csrf: str = ""
    bearer: bool = False
    user: str = ""
    key: str = ""
    address: str = ""
    secure: bool = False
    problem: str = ""

    def may(self, needed: Role | None) -> bool:
        """Whether somebody may do what needs that role."""
        return needed is None or (self.role is not None and self.role.reaches(needed))


NOBODY = Visitor("somebody")
CURRENT: ContextVar[Visitor] = ContextVar("visitor", default=NOBODY)


def current() -> Visitor:
    """Who asks."""
    return CURRENT.get()


def may(role: str) -> bool:
    """For templates: whether who asks has at least that role."""
    return current().may(Role(role))


def may_post(address: str) -> bool:
    """For templates: whether who asks may send a form to that address of ours."""
    return current().may(roles.needed("POST", address.partition("#")[0].partition("?")[0]))


def csrf() -> str:
    """For templates: what has to come back with everything that changes something."""
    return current().csrf
