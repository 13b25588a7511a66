"""Who may what: one table of addresses and methods. What it does not name is seen by viewers and done by operators.

The first line that fits counts. Paths are compared as the router gets them, decoded and otherwise untouched, so that no
way of writing an address leads around its line.
"""

import re
from typing import NamedTuple

from swf.model.user import Role

SAFE = ("GET", "HEAD")


class Line(NamedTuple):
    """Requests with one of these methods (none: any) to a path that fits need `role`; None is open to everybody."""

    methods: tuple[str, ...]
    path: re.Pattern[str]
    role: Role | None


TABLE = (
    Line(SAFE, re.compile(r"/livez|/readyz|/static/.*|/language/\w+"), None),
    Line((*SAFE, "POST"), re.compile(r"/login"), None),
    Line((), re.compile(r"/logout|/account(/.*)?"), Role.VIEWER),
    Line((), re.compile(r"(/api/v1)?/(users|tokens)(/.*)?", re.DOTALL), Role.ADMIN),
    Line(SAFE, re.compile(r"(/api/v1)?/bench(/.*)?"), Role.VIEWER),
    Line(("POST",), re.compile(r"(/api/v1)?/bench/(look|difference)"), Role.OPERATOR),
    Line((), re.compile(r"(/api/v1)?/bench(/.*)?", re.DOTALL), Role.ADMIN),
)


def needed(method: str, path: str) -> Role | None:
    """The role a request needs; None when it is open to everybody."""
    for line in TABLE:
        if (not line.methods or method in line.methods) and line.path.fullmatch(path):
            return line.role
    return Role.VIEWER if method in SAFE else Role.OPERATOR
