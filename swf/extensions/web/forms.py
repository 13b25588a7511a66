"""Forms carry a token by which a page of ours is told from a strange one, and are shown to those who may send them.

Both are put into every template as it is loaded, so that no page can forget them. The token is the first field of its
form: it is found in the first bytes of a request, however long the rest is.
"""

import re

from jinja2 import TemplateSyntaxError
from jinja2.ext import Extension
from starlette.datastructures import Headers
from starlette.types import Message, Receive

HEADER, FIELD = "X-CSRF-Token", "csrf"
_INPUT = f'<input type="hidden" name="{FIELD}" value="{{{{ csrf() }}}}">'
_FORM = re.compile(
    r"(?P<open><form\b(?:\"[^\"]*\"|'[^']*'|[^'\">])*>)(?P<rest>.*?</form\s*>)", re.DOTALL | re.IGNORECASE
)
_POSTS = re.compile(r"\smethod\s*=\s*[\"']?post\b", re.IGNORECASE)
_ACTION = re.compile(r"\saction\s*=\s*\"(?P<address>.*?)\"(?=\s|>)", re.DOTALL | re.IGNORECASE)
_ENOUGH = 1024
_FIRST = {
    "application/x-www-form-urlencoded": re.compile(rb"csrf=([\w-]+)(?:&|\Z)"),
    "multipart/form-data": re.compile(
        rb'--[^\r\n]{1,70}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n([\w-]+)\r\n--', re.IGNORECASE
    ),
}


class Guarded(Extension):
    """Gives every form that posts its token, and shows it only to those who may send it."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002  jinja's
        """The template with both."""
        return _FORM.sub(_guarded, source)


def _guarded(found: re.Match[str]) -> str:
    opening = found["open"]
    if not _POSTS.search(opening):
        return found[0]
    action = _ACTION.search(opening)
    if action is None:
        raise TemplateSyntaxError(f"a form that posts says where, in double quotes: {opening}", 1)
    asked = f"{{% set _address %}}{action['address']}{{% endset %}}{{% if may_post(_address) %}}"
    return f"{asked}{opening}{_INPUT}{found['rest']}{{% endif %}}"


async def token(headers: Headers, receive: Receive) -> tuple[str, Receive]:
    """The token that came with a request, in its header or as the first field of its form; and the body, still whole."""
    if given := headers.get(HEADER):
        return given, receive
    pattern = _FIRST.get(headers.get("content-type", "").partition(";")[0].strip().lower())
    if pattern is None:
        return "", receive
    read, head = await _head(receive)
    found = pattern.match(head)
    return found[1].decode("ascii", "replace") if found else "", _again(read, receive)


async def _head(receive: Receive) -> tuple[list[Message], bytes]:
    """The first bytes of a body, and the messages they came in."""
    read: list[Message] = []
    head = b""
    while len(head) < _ENOUGH:
        message = await receive()
        read.append(message)
        head += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    return read, head


def _again(read: list[Message], receive: Receive) -> Receive:
    rest = iter(read)

    async def replayed() -> Message:
        message = next(rest, None)
        return message if message is not None else await receive()

    return replayed
