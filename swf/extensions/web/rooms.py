"""What the pages are given: the store, the rules in force, who is ailing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from pydantic import Field
from starlette.status import HTTP_413_CONTENT_TOO_LARGE

from swf.extensions.web import visitor
from swf.extensions.web.language import _
from swf.net.probes import Peer, Probed
from swf.store.database import Database
from swf.workflow.site import Site

_LONGEST_FORM, _LONGEST_DOCUMENT = 65_536, 6_000_000
_LONGEST_NUMBER = 18  # as long as any row number of a store
Form = dict[str, str]
RowNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A number of a row in an address; longer ones no store has."""


class Playground(Protocol):
    """What the pages know of the simulator, which is an extension like they are and is wired by the broker."""

    mis_address: tuple[str, int]
    objection: Callable[[], str]
    """Why nothing may be simulated; "" when it may."""

    def choices(self) -> dict[str, Any]:
        """What may be wished for."""

    def begin(self, kind: str, wishes: Mapping[str, Any]) -> None:
        """Start a simulated `his`, `modality` or `mis`; raises ConfigError."""

    def end(self, kind: str) -> None:
        """Stop it."""

    def state(self) -> list[dict[str, Any]]:
        """What plays or has played."""

    def exercises(self) -> dict[str, str]:
        """Names and titles."""

    def set_up(self, name: str) -> None:
        """Break something for an exercise; raises ConfigError and PeerError."""

    def attempt(self) -> dict[str, Any] | None:
        """The exercise somebody is at, and whether it is solved."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """`site` gives the rules in force, `ailing` the names of the services that do not do their work.

    `probe` asks a peer of the settings whether it answers. `reload` reads the mapping anew and puts it in force, or raises
    ConfigError and changes nothing. `simulator` is None unless `[simulator] enabled` is true.
    """

    database: Database
    site: Callable[[], Site]
    ailing: Callable[[], Sequence[str]]
    probe: Callable[[Peer], Probed]
    reload: Callable[[], None]
    simulator: Playground | None = None


async def form(request: Request) -> Form:
    """The fields of a form; of a field that comes twice the last."""
    return await _form(request, _LONGEST_FORM)


async def document(request: Request) -> Form:
    """The fields of a form that holds a whole file."""
    return await _form(request, _LONGEST_DOCUMENT)


async def _form(request: Request, longest: int) -> Form:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > longest:
            raise HTTPException(HTTP_413_CONTENT_TOO_LARGE, _("the form is too long"))
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def number(said: Form, name: str, otherwise: int = 0) -> int:
    """The whole number in a field of a form; `otherwise` when there is none."""
    text = said.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER else otherwise


Said = Annotated[Form, Depends(form)]
"""What a form said."""
SaidAtLength = Annotated[Form, Depends(document)]
"""What a form with a whole file in it said."""


def who(request: Request) -> str:  # noqa: ARG001  whoever asks is known for the time of the request
    """Who asks, as the journal keeps it: a user, a token, or an address without login."""
    return visitor.CURRENT.get().by
