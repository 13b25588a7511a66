"""How a request came: from which address, whether nobody on the way could read it, and what a trusted proxy says of it.

What only a proxy may say is refused from everybody else, not overlooked: who sends it wants to be somebody, or comes
through a proxy nobody has told us of, behind which all the world would look like this machine.
"""

import ipaddress
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from swf import config
from swf.config import Web

_FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded")
_LONGEST_NAME = 128


class Refused(Exception):
    """The request is not answered, whatever it asks; says why."""


class Arrival(NamedTuple):
    """`address` of the browser or program, `secure` when it came over TLS, `local` when it is on this machine.

    `user` and `role` are what the proxy says; "" when there is none or it says nothing. `proxied` when it came by one.
    """

    address: str
    secure: bool
    local: bool
    proxied: bool = False
    user: str = ""
    role: str = ""


def of(scope: Scope, settings: Web) -> Arrival:
    """How the request came; raises Refused."""
    headers = Headers(scope=scope)
    peer = scope["client"][0] if scope.get("client") else ""
    secure = scope["scheme"] == "https"
    if not _among(peer, settings.proxy_addresses):
        _refuse_a_false_proxy(headers, settings)
        return Arrival(peer, secure, config.is_loopback(peer))
    address = _before_the_proxies(headers, settings) or peer
    secure = secure or _only(headers, "x-forwarded-proto").lower() == "https"
    user = _only(headers, settings.proxy_user_header).strip()
    role = _only(headers, settings.proxy_role_header).strip().lower()
    if len(user) > _LONGEST_NAME or not user.isprintable():
        raise Refused("the proxy says a name that is none")
    return Arrival(address, secure, config.is_loopback(address), proxied=True, user=user, role=role)


def in_the_clear(arrival: Arrival, settings: Web) -> bool:
    """Whether somebody on the way could read it, and that is not wanted."""
    return not (arrival.secure or arrival.local or settings.plain_http)


def _refuse_a_false_proxy(headers: Headers, settings: Web) -> None:
    names = (settings.proxy_user_header, settings.proxy_role_header, *_FORWARDED)
    found = next((name for name in names if name and name in headers), "")
    if found:
        raise Refused(f"{found} is believed from the proxy_addresses in [web] alone, and this came from elsewhere")


def _only(headers: Headers, name: str) -> str:
    """The value of a header that may come once: of two, one is not the proxy's."""
    values = headers.getlist(name) if name else []
    if len(values) > 1:
        raise Refused(f"{name} came twice")
    return values[0] if values else ""


def _before_the_proxies(headers: Headers, settings: Web) -> str:
    """The last address in X-Forwarded-For that is not a proxy of ours: those before it anybody may have written."""
    line = [part.strip() for value in headers.getlist("x-forwarded-for") for part in value.split(",")]
    found = next((part for part in reversed(line) if not _among(part, settings.proxy_addresses)), "")
    try:
        return str(ipaddress.ip_address(found.strip("[]"))) if found else ""
    except ValueError:
        raise Refused("x-forwarded-for holds no address") from None


def _among(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network) for network in networks)
