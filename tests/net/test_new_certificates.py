"""Certificates are renewed every year, or in a hurry: new ones count without a restart, all of them or none."""

import contextlib
import io
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swf import clock
from swf.config import Settings
from swf.errors import ConfigError
from swf.extensions.simulator.mis import Mis
from swf.net import tls
from swf.store import deliveries
from tests.authority import Authority
from tests.net.conftest import TIMEOUT_S

ORDER = b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315||ADT^A31|C1|P|2.3.1\rPID|||1^^^HOSP||DOE^JANE\r"


@pytest.fixture
def old(tmp_path: Path) -> Authority:
    """The authority that is to be replaced."""
    return Authority(_folder(tmp_path, "old"))


@pytest.fixture
def new(tmp_path: Path) -> Authority:
    """The authority that replaces it."""
    return Authority(_folder(tmp_path, "new"))


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _put(papers: dict[str, str], onto: dict[str, str]) -> None:
    """Write one certificate and its key over others, as a renewal does."""
    for name, file in papers.items():
        shutil.copyfile(file, onto[name])


def _shown(address: tuple[str, int], authority: Authority) -> bytes:
    """The certificate a door shows to somebody who trusts that authority; raises SSLError when it is another's."""
    context = ssl.create_default_context(cafile=authority.file)
    plain = socket.create_connection(address, TIMEOUT_S)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
        return encrypted.getpeercert(binary_form=True) or b""


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


def test_the_doors_show_the_new_certificate(*, make_broker: Any, old: Authority, new: Authority) -> None:
    """After a reload new callers meet the new certificate at either door; who is connected is not disturbed."""
    papers = {**old.issue("127.0.0.1")}
    broker = make_broker(hl7=papers, dicom={**papers, "tls_port": 0})
    context = ssl.create_default_context(cafile=old.file)
    plain = socket.create_connection(broker.hl7.address, TIMEOUT_S)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as standing:
        _put(new.issue("127.0.0.1"), papers)
        broker.reload(broker.settings)
        assert _shown(broker.hl7.address, new) == _shown(broker.dicom.tls_address, new)
        with pytest.raises(ssl.SSLError):
            _shown(broker.hl7.address, old)
        standing.sendall(b"\x0b" + ORDER + b"\x1c\r")
        assert b"\rMSA|A" in standing.recv(4096)


def test_certificates_in_other_files(
    *, make_broker: Any, old: Authority, new: Authority, log_lines: io.StringIO
) -> None:
    """A certificate of another name in swf.toml counts after a reload, and needs no restart."""
    broker = make_broker(hl7={**old.issue("127.0.0.1")})
    hl7 = broker.settings.hl7.model_copy(update=new.issue("127.0.0.1"))
    broker.reload(broker.settings.model_copy(update={"hl7": hl7}))
    assert _shown(broker.hl7.address, new)
    assert "restart" not in log_lines.getvalue()


def test_tls_itself_needs_a_restart(*, make_broker: Any, old: Authority, log_lines: io.StringIO) -> None:
    """A door is not turned from plain to encrypted under its callers; the log says what waits for a restart."""
    broker = make_broker()
    hl7 = broker.settings.hl7.model_copy(update=old.issue("127.0.0.1"))
    broker.reload(broker.settings.model_copy(update={"hl7": hl7}))
    assert '"reason": "hl7"' in log_lines.getvalue()
    with contextlib.closing(socket.create_connection(broker.hl7.address, TIMEOUT_S)) as plain:
        plain.sendall(b"\x0b" + ORDER + b"\x1c\r")
        assert b"\rMSA|A" in plain.recv(4096)


def test_a_destination_is_shown_the_new_certificate(*, make_broker: Any, old: Authority, new: Authority) -> None:
    """A destination that wants another authority's certificate gets it with the next message, on a new connection."""
    ours, theirs = old.issue("swf.example"), old.issue("127.0.0.1")
    trusted = Path(old.file).with_name("trusted.pem")
    trusted.write_bytes(Path(old.file).read_bytes() + Path(new.file).read_bytes())
    met = tls.for_meeting("mis", theirs["tls_certificate"], theirs["tls_key"], str(trusted))
    with Mis(secure=met) as mis:
        host, port = mis.address
        destination = {"name": "mis", "host": host, "port": port, "tls": True, "tls_ca": old.file, **ours}
        broker = make_broker(destination=[{**destination, "retry_first_seconds": 0.05, "retry_last_seconds": 0.1}])
        _tell(broker, "S1")
        assert mis.wait_for(1)
        _put(new.issue("swf.example"), ours)
        met.load_verify_locations(new.file)
        shown_before = _caller_of(mis)
        broker.reload(broker.settings)
        _tell(broker, "S2")
        assert mis.wait_for(2)
        assert _caller_of(mis) != shown_before


def _caller_of(mis: Mis) -> bytes:
    """The certificate that the newest connection to the MIS was made with."""
    hall = mis._listener._hall
    assert hall is not None
    connection = hall.conversations()[-1].wire.socket
    assert isinstance(connection, ssl.SSLSocket)
    return connection.getpeercert(binary_form=True) or b""


def _tell(broker: Any, control_id: str) -> None:
    payload = f"MSH|^~\\&|SWF|RAD|MIS|HOSP|20260315||ORM^O01|{control_id}|P|2.3.1\r".encode()
    broker.database.run(
        lambda transaction: deliveries.add(
            transaction,
            destination="mis",
            order=None,
            type="ORM^O01",
            control_id=control_id,
            payload=payload,
            created_at=clock.now(),
        )
    )


@pytest.mark.parametrize("broken", ["hl7", "dicom", "destination", "mapping"])
def test_all_or_nothing(*, make_broker: Any, old: Authority, new: Authority, tmp_path: Path, broken: str) -> None:
    """One certificate without its key, or one slip in a mapping, and every door shows what it showed; all is told."""
    places = {name: _copy(old.issue("127.0.0.1"), _folder(tmp_path, name)) for name in ("hl7", "dicom", "destination")}
    destination = {"name": "mis", "host": "127.0.0.1", "port": 1, "tls": True, "tls_ca": old.file}
    broker = make_broker(
        hl7=places["hl7"],
        dicom={**places["dicom"], "tls_port": 0},
        destination=[{**destination, **places["destination"]}],
    )
    before = broker.settings, broker._secured["destination mis"].context()
    for name, papers in places.items():
        _put(new.issue("127.0.0.1"), papers)
        if name == broken:
            shutil.copyfile(old.issue("127.0.0.1")["tls_key"], papers["tls_key"])
    wanted: Settings = broker.settings
    if broken == "mapping":
        wanted = wanted.model_copy(update={"mapping": "nowhere.toml"})
    with pytest.raises(ConfigError) as refusal:
        broker.reload(wanted)
    told = "\n".join(refusal.value.mistakes)
    assert ("nowhere.toml" if broken == "mapping" else f"{tmp_path}/{broken}/") in told
    assert "cannot be used" in told or broken == "mapping"
    assert _shown(broker.hl7.address, old)
    assert _shown(broker.dicom.tls_address, old)
    assert (broker.settings, broker._secured["destination mis"].context()) == before


def _copy(papers: dict[str, str], folder: Path) -> dict[str, str]:
    return {name: str(shutil.copy(file, folder)) for name, file in papers.items()}
