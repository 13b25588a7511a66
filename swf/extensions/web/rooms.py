"""What the pages are given: the store, the rules in force, who is ailing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from starlette.status import HTTP_413_CONTENT_TOO_LARGE

from swf.extensions.web import visitor
from swf.extensions.web.language import _
from swf.store.database import Database
from swf.workflow.site import Site

_LONGEST_FORM = 65_536
Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class Rooms:
    """`site` gives the rules in force, `ailing` the names of the services that do not do their work."""

    database: Database
    site: Callable[[], Site]
    ailing: Callable[[], Sequence[str]]


async def form(request: Request) -> Form:
    """The fields of a form; of a field that comes twice the last."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            raise HTTPException(HTTP_413_CONTENT_TOO_LARGE, _("the form is too long"))
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


Said = Annotated[Form, Depends(form)]
"""What a form said."""


def who(request: Request) -> str:  # noqa: ARG001  whoever asks is known for the time of the request
    """Who asks, as the journal keeps it: a user, a token, or an address without login."""
    return visitor.CURRENT.get().by
