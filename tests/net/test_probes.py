"""Does a peer answer, and if not, exactly why: devices by C-ECHO, destinations by a connection that says nothing."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityWorklistInformationFind, Verification

from swf.config import Settings
from swf.errors import ConfigError
from swf.extensions.simulator.mis import Mis
from swf.net import probes, tls
from swf.net.probes import How, Peer, Probed
from tests.authority import Authority
from tests.conftest import MakeBroker

Serve = Callable[..., Peer]
Answer = Callable[[socket.socket], object]
LOCAL = "127.0.0.1"


@pytest.fixture
def device() -> Iterator[Serve]:
    """Starts devices of pynetdicom that call themselves CT1; gives them as the settings would name them."""
    running = []

    def serve(*, status: int = 0, sop_class: Any = Verification, context: Any = None) -> Peer:
        entity = AE(ae_title="CT1")
        entity.add_supported_context(sop_class)
        entity.require_called_aet = True
        handlers = [(evt.EVT_C_ECHO, lambda _event: status)]
        server = entity.start_server((LOCAL, 0), block=False, evt_handlers=handlers, ssl_context=context)
        running.append(server)
        return Peer("device", "CT1", How.ECHO, LOCAL, server.server_address[1], "CT1", "device CT1" if context else "")

    yield serve
    for each in running:
        each.shutdown()


@pytest.fixture
def odd() -> Iterator[Callable[[Answer, How], Peer]]:
    """Starts peers that do with a connection whatever the test says."""
    listeners, threads = [], []

    def serve(answer: Answer, how: How = How.ECHO) -> Peer:
        listener = socket.create_server((LOCAL, 0))
        listeners.append(listener)

        def meet() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                answer(connection)

        threads.append(threading.Thread(target=meet))
        threads[-1].start()
        return Peer("destination", "odd", how, LOCAL, listener.getsockname()[1], "ODD")

    yield serve
    for each in threads:
        each.join(10)
    for each in listeners:
        each.close()


def _nobody() -> int:
    """A port nobody listens on."""
    with socket.create_server((LOCAL, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _seen(probed: Probed) -> tuple[bool, str]:
    return probed.well, probed.told.replace(f":{probed.peer.port}", "").replace(f" at {LOCAL}", "")


def test_a_device_that_answers(device: Serve) -> None:
    """It is well, and how long it took is told; called by another name it says so in the standard's words."""
    peer = device()
    probed = probes.probe(peer, "SWF")
    assert _seen(probed) == (True, "answers C-ECHO as CT1")
    assert 0 <= probed.milliseconds < 5000
    probed = probes.probe(peer._replace(name="CT2", ae_title="CT2"), "SWF")
    told = "CT2 rejected the association: called AE title not recognised (result 1, source 1, reason 7)"
    assert _seen(probed) == (False, told)
    assert probed.advice == "correct ae_title of CT2 in the settings: it goes by another one"


def test_our_own_door_is_asked_the_same_way(make_broker: MakeBroker) -> None:
    """The broker passes its own test, and the window's account of itself."""
    broker = make_broker(web={"enabled": True})
    host, port = broker.dicom.address
    assert probes.probe(Peer("door", "dicom", How.ECHO, host, port, "SWF"), "SWF").well
    host, port = broker.web.address
    assert probes.probe(Peer("door", "web", How.HTTP, host, port), "SWF").told == "every part does its work"
    broker.hl7.stop()
    ill = probes.probe(Peer("door", "web", How.HTTP, host, port), "SWF")
    assert _seen(ill) == (False, "does not do its work: hl7 listener")
    broker.web.stop()
    gone = probes.probe(Peer("door", "web", How.HTTP, host, port), "SWF")
    assert _seen(gone) == (False, f"no connection to {LOCAL}: Connection refused")


def test_a_device_that_knows_no_echo(device: Serve) -> None:
    """It lets us in, but for a worklist only."""
    probed = probes.probe(device(sop_class=ModalityWorklistInformationFind), "SWF")
    assert _seen(probed) == (False, "CT1 takes our association, but no C-ECHO")


def test_a_device_that_is_not_well(device: Serve) -> None:
    """Its answer is a status that is no success."""
    assert _seen(probes.probe(device(status=0x0110), "SWF")) == (False, "CT1 answered C-ECHO with status 0x0110")


def test_nobody_is_there() -> None:
    """A port nobody listens on is told as the system tells it, with where to look."""
    for how in How:
        probed = probes.probe(Peer("device", "CT1", how, LOCAL, _nobody(), "CT1"), "SWF")
        assert _seen(probed) == (False, f"no connection to {LOCAL}: Connection refused")
        assert "switched on" in probed.advice


def test_a_name_nobody_knows() -> None:
    """A host without an address is told as that."""
    probed = probes.probe(Peer("device", "CT1", How.ECHO, "no-such-host.invalid", 104, "CT1"), "SWF")
    assert not probed.well
    assert probed.told.startswith("no connection to no-such-host.invalid:104: ")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda c: c.recv(9999), "ODD closed the connection without an answer"),
        (lambda c: (c.recv(9999), c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "ODD announces a PDU of"),
        (lambda c: (c.recv(9999), c.sendall(b"\x07\0\0\0\0\4\0\0\0\0")), "ODD aborted the association"),
        (lambda c: (c.recv(9999), c.sendall(b"\x07\0\0\0\0\4\0\0\2\1")), "ODD aborted the association (reason 1 of"),
        (lambda c: (c.recv(9999), c.sendall(b"\x03\0\0\0\0\4\0\2\3\2")), "ODD rejected the association: local limit"),
        (
            lambda c: (c.recv(9999), c.sendall(b"\x03\0\0\0\0\4\0\1\1\x09")),
            "ODD rejected the association: source 1, re",
        ),
        (lambda c: (c.recv(9999), c.sendall(b"\x03\0\0\0\0\0")), "ODD speaks no DICOM: A-ASSOCIATE-RJ is too short"),
        (lambda c: (c.recv(9999), c.sendall(b"\x02\0\0\0\0\4aaaa")), "ODD speaks no DICOM: A-ASSOCIATE-AC is shorter"),
        (lambda c: (c.recv(9999), c.sendall(b"\x2a\0\0\0\0\1a")), "ODD answered with a PDU of type 0x2A"),
    ],
)
def test_whatever_it_says_is_told(odd: Callable[..., Peer], answer: Answer, told: str) -> None:
    """A peer that hangs up, aborts, rejects, or is no DICOM device at all."""
    well, found = _seen(probes.probe(odd(answer), "SWF"))
    assert not well
    assert found.startswith(told)


def test_one_that_says_nothing_is_not_waited_for(odd: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time for all of it the test ends, however slowly the peer speaks."""
    monkeypatch.setattr(probes, "PATIENCE_S", 0.2)
    probed = probes.probe(odd(lambda c: (c.sendall(b"\x02"), c.recv(9999), c.recv(9999))), "SWF")
    assert _seen(probed) == (False, "ODD: no answer in time")
    assert probed.milliseconds < 2000


def test_a_destination_is_told_nothing(mis: Mis, odd: Callable[..., Peer]) -> None:
    """A MIS is called and hung up on; no byte reaches it that it could take for a message."""
    host, port = mis.address
    probed = probes.probe(Peer("destination", "mis", How.MLLP, host, port), "SWF")
    assert _seen(probed) == (True, "takes a connection; nothing was sent")
    heard: SimpleQueue[bytes] = SimpleQueue()
    assert probes.probe(odd(lambda c: heard.put(c.recv(1)), How.MLLP), "SWF").well
    assert heard.get(timeout=10) == b""


def test_a_destination_that_does_not_want_us(odd: Callable[..., Peer]) -> None:
    """One that lets in certain addresses only closes the connection at once: that is no success."""
    probed = probes.probe(odd(lambda _: None, How.MLLP), "SWF")
    assert _seen(probed) == (False, f"{LOCAL} closes the connection at once")
    assert probed.advice == "let odd accept connections from the address of this machine"


def test_a_window_that_is_none(odd: Callable[..., Peer]) -> None:
    """Something else on the port of the window is told as that."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    probed = probes.probe(odd(lambda c: (c.recv(9999), c.sendall(reply)), How.HTTP), "SWF")
    assert _seen(probed) == (False, f"{LOCAL} is not the window of a broker")


def test_over_tls_the_peer_has_to_prove_itself(device: Serve, tmp_path: Path) -> None:
    """A device is asked over TLS; one that shows a stranger's certificate is told from one that is not there."""
    authority = Authority(tmp_path)
    issued = authority.issue(LOCAL)
    peer = device(context=tls.for_meeting("x", issued["tls_certificate"], issued["tls_key"]))
    assert probes.probe(peer, "SWF", tls.for_calling("x", authority.file, "", "")).well
    probed = probes.probe(peer, "SWF", tls.for_calling("x", "", "", ""))
    assert not probed.well
    assert "unable to get local issuer certificate" in probed.told


def test_only_what_the_settings_name_can_be_asked() -> None:
    """Devices with host and port, destinations and relays; TLS where it is set."""
    settings = Settings(
        modality=[{"ae_title": "CT1", "host": "10.0.0.1", "port": 104}, {"ae_title": "MR1", "host": "10.0.0.2"}],
        destination=[{"name": "mis", "host": "10.0.0.3", "port": 2576, "tls": True}],
        relay=[{"name": "pacs", "host": "10.0.0.4", "port": 11112, "ae_title": "PACS"}],
    )
    assert probes.peers(settings) == [
        Peer("device", "CT1", How.ECHO, "10.0.0.1", 104, "CT1"),
        Peer("destination", "mis", How.MLLP, "10.0.0.3", 2576, "", "destination mis"),
        Peer("relay", "pacs", How.ECHO, "10.0.0.4", 11112, "PACS"),
    ]


def test_a_port_without_a_host_is_a_mistake(tmp_path: Path) -> None:
    """A device cannot be tested at a port of nowhere; the settings say so with the place."""
    from swf import config  # noqa: PLC0415

    file = tmp_path / "swf.toml"
    file.write_text('[[modality]]\nae_title = "CT1"\nport = 104\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="port: means nothing without host"):
        config.load(file)
