"""By which way a request came: what a proxy may say, who else may not, and who could read it on its way."""

from typing import Any

import pytest

from swf.config import Web
from swf.extensions.web import arrival
from swf.extensions.web.arrival import Refused
from swf.extensions.web.tries import MOST_KEYS, WINDOW_S, Tries

PROXY, BROWSER = "10.0.0.9", "10.0.0.77"
BEHIND = Web(
    proxy_addresses=("10.0.0.8/31", "127.0.0.1"), proxy_user_header="Remote-User", proxy_role_header="Remote-Role"
)


def came(peer: str, settings: Web = BEHIND, scheme: str = "http", **headers: Any) -> arrival.Arrival:
    """A request from that address with these headers, several of a name when given a list."""
    several = {name: value if isinstance(value, list) else [value] for name, value in headers.items()}
    lines = [(name.replace("_", "-").encode(), each.encode()) for name, values in several.items() for each in values]
    return arrival.of({"type": "http", "scheme": scheme, "client": (peer, 4711), "headers": lines}, settings)


def test_what_the_proxy_says_is_believed() -> None:
    """Who signed in, what as, from where and over what: the proxy knows, for it alone met the browser."""
    told = came(PROXY, remote_user="DOE", remote_role="Admin", x_forwarded_for=BROWSER, x_forwarded_proto="https")
    assert told == arrival.Arrival(BROWSER, secure=True, local=False, proxied=True, user="DOE", role="admin")
    silent = came(PROXY)
    assert (silent.user, silent.role, silent.secure, silent.address) == ("", "", False, PROXY)


@pytest.mark.parametrize(
    "header",
    [
        "remote-user",
        "remote-role",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-real-ip",
        "forwarded",
    ],
)
def test_nobody_else_may_say_it(header: str) -> None:
    """Who says of himself what only the proxy may say is refused, and not merely overlooked."""
    with pytest.raises(Refused, match="believed from the proxy_addresses"):
        came("10.0.0.10", **{header: "x"})


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded"])
def test_a_proxy_nobody_told_of_is_noticed(header: str) -> None:
    """Behind it all the world would look like this machine, and be let in without a name."""
    with pytest.raises(Refused):
        came("127.0.0.1", Web(), **{header: BROWSER})


@pytest.mark.parametrize("name", ["remote_user", "remote_role", "x_forwarded_proto"])
def test_what_comes_twice_is_not_the_proxys(name: str) -> None:
    """A browser that sends the header as well must not be taken for what it says."""
    with pytest.raises(Refused, match="came twice"):
        came(PROXY, **{"remote_user": "DOE", name: ["admin", "viewer"]})


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (BROWSER, BROWSER),
        (f"127.0.0.1, {BROWSER}", BROWSER),
        (f"1.1.1.1, {BROWSER}, 10.0.0.8", BROWSER),
        (["1.1.1.1", BROWSER], BROWSER),
        ("2001:DB8::1", "2001:db8::1"),
        (f"{PROXY}, 127.0.0.1", PROXY),
    ],
)
def test_of_addresses_the_last_strange_one_counts(forwarded: Any, address: str) -> None:
    """Those before it anybody may have written, to look like this machine or to try passwords without end."""
    assert came(PROXY, x_forwarded_for=forwarded).address == address
    assert not came(PROXY, x_forwarded_for=forwarded).local


@pytest.mark.parametrize(
    "headers", [{"x_forwarded_for": "nobody"}, {"remote_user": "a\x00b"}, {"remote_user": "x" * 129}]
)
def test_what_cannot_be_is_refused(headers: dict[str, str]) -> None:
    """No address, no name: a proxy that says such a thing is not set up rightly."""
    with pytest.raises(Refused):
        came(PROXY, **headers)


@pytest.mark.parametrize(
    ("peer", "scheme", "settings", "readable"),
    [
        ("127.0.0.1", "http", Web(), False),
        ("::1", "http", Web(), False),
        (BROWSER, "https", Web(), False),
        (BROWSER, "http", Web(), True),
        (BROWSER, "http", Web(plain_http=True), False),
        (PROXY, "http", BEHIND, True),
    ],
)
def test_others_may_not_read_along(peer: str, scheme: str, settings: Web, readable: bool) -> None:
    """Over the network only TLS is private, unless the site says that it trusts its network."""
    assert arrival.in_the_clear(came(peer, settings, scheme), settings) is readable


def test_passwords_are_not_tried_without_end() -> None:
    """A few tries for a name from one address, some more for either alone, and later again."""
    tries = Tries()
    assert [tries.begin("jane", "10.0.0.1", 0) for _ in range(6)] == [0, 0, 0, 0, 0, WINDOW_S]
    assert tries.begin(" JANE ", "10.0.0.1", 10) == WINDOW_S - 10
    assert tries.begin("jane", "10.0.0.2", 10) == 0
    assert tries.begin("joe", "10.0.0.1", 10) == 0
    assert tries.begin("jane", "10.0.0.1", WINDOW_S) == 0
    one_address = Tries()
    assert [one_address.begin(f"name{n}", "10.0.0.1", 0) > 0 for n in range(21)] == [False] * 20 + [True]
    one_name = Tries()
    assert [one_name.begin("jane", f"10.0.0.{n}", 0) > 0 for n in range(31)] == [False] * 30 + [True]
    one_network = Tries()
    assert [one_network.begin(f"n{n}", f"2001:db8::{n}", 0) > 0 for n in range(21)] == [False] * 20 + [True]


def test_who_remembers_the_password_is_not_kept_waiting() -> None:
    """Mistakes before the right password are forgotten, and many people may sign in from behind one address."""
    tries = Tries()
    for _ in range(4):
        tries.begin("jane", "10.0.0.1", 0)
    tries.succeeded("jane", "10.0.0.1")
    assert [tries.begin("jane", "10.0.0.1", 0) > 0 for _ in range(6)] == [False] * 5 + [True]
    many = Tries()
    for number in range(100):
        assert many.begin(f"user{number}", "10.0.0.1", 0) == 0
        many.succeeded(f"user{number}", "10.0.0.1")


def test_nobody_fills_the_memory() -> None:
    """Whoever tries names and addresses without end makes the window forget the oldest, not grow."""
    tries = Tries()
    for number in range(MOST_KEYS):
        tries.begin(f"name{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0)
    assert len(tries._made) == MOST_KEYS
