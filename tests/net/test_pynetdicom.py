"""What we use of pynetdicom that is no part of its interface; a version that changes it fails here and not in a hospital."""

import inspect
import re
from pathlib import Path

from pynetdicom import AE, _config

import swf.extensions.simulator.modality
import swf.net.mpps_scu
from tests.conftest import ROOT

USES = {"swf/extensions/simulator/modality.py", "swf/net/mpps_scu.py"}


def test_its_identifiers_are_not_logged() -> None:
    """The two switches that keep patients out of pynetdicom's log exist, and are off."""
    for module in (swf.extensions.simulator.modality, swf.net.mpps_scu):
        assert module._config is _config
    assert (_config.LOG_REQUEST_IDENTIFIERS, _config.LOG_RESPONSE_IDENTIFIERS) == (False, False)
    source = "".join(path.read_text() for path in Path(_config.__file__).parent.glob("*.py"))
    assert {"LOG_REQUEST_IDENTIFIERS", "LOG_RESPONSE_IDENTIFIERS"} <= set(re.findall(r"_config\.(\w+)", source))


def test_a_caller_makes_its_socket_where_we_look() -> None:
    """The sockets of a caller are made by the method that is overridden to close them."""
    assert "self._create_socket(" in inspect.getsource(AE.associate)


def test_nobody_else_uses_it() -> None:
    """Pynetdicom is known to those who call others; the door for modalities is made without it."""
    importing = re.compile(r"^\s*(?:from|import) pynetdicom\b", re.MULTILINE)
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "swf").rglob("*.py") if importing.search(path.read_text())}
    assert found == USES
