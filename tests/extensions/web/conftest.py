"""What a test of the window needs: a broker with its window open, a HIS, and somebody who looks."""

import re
import shutil
import ssl
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from swf.broker import Broker
from swf.extensions.simulator import his
from swf.extensions.simulator.his import Order
from swf.net import mllp_client
from swf.workflow import passwords
from tests.conftest import MakeBroker

PATIENCE_S = 10.0
# To read the authorities of this machine takes longer than most pages, and the window of a test proves nothing by them.
NO_AUTHORITY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
NO_AUTHORITY.check_hostname, NO_AUTHORITY.verify_mode = False, ssl.CERT_NONE
SCRIPT = "<script>alert(1)</script>"


class Operator:
    """Somebody at this machine, with a browser that does not follow anything by itself."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.address = broker.web.url
        self.http = httpx.Client(base_url=self.address, timeout=PATIENCE_S, verify=NO_AUTHORITY)
        self.http.headers["X-CSRF-Token"] = csrf_of(self.http.get("/no-page-of-ours").text)

    def text(self, path: str, **parameters: Any) -> str:
        """What is to be read on a page, markup and all blanks but single ones taken off."""
        answer = self.http.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        return readable(answer.text)

    def json(self, path: str, **parameters: Any) -> Any:
        answer = self.http.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, raw: bytes) -> str:
        """Let the HIS send a message; MSA-1 of the answer."""
        answer = mllp_client.exchange(*self.broker.hl7.address, raw, PATIENCE_S)
        return answer.decode().partition("MSA|")[2][:2]

    def order(self, **values: Any) -> Order:
        """A new order, taken."""
        order = Order(**values)
        assert self.send(his.order_orm(order)) == "AA"
        return order


def csrf_of(page: str) -> str:
    """The token that comes back with whatever changes something."""
    found = re.search(r'<meta name="csrf" content="([\w-]*)">', page)
    return found[1] if found else ""


def readable(html: str) -> str:
    """The text of a page as people read it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.fixture
def window() -> bool:
    """Every broker of these tests shows its window."""
    return True


@pytest.fixture
def open_window(make_broker: MakeBroker) -> Iterator[Callable[..., Operator]]:
    """Opens windows of brokers with these settings."""
    opened: list[Operator] = []

    def start(*arguments: Any, **settings: Any) -> Operator:
        opened.append(Operator(make_broker(*arguments, **settings)))
        return opened[-1]

    yield start
    for each in opened:
        each.http.close()


@pytest.fixture
def operator(open_window: Callable[..., Operator]) -> Operator:
    """Somebody before the window of a broker as it comes."""
    return open_window()


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a thousandth of the cost: what they cost is tested where they are."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's browser is."""
    found = shutil.which("chromium")
    if not found:
        pytest.skip("there is no chromium; apt-get install chromium")
    return found
