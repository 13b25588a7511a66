"""The commands that run until they are stopped, as processes of their own: what a supervisor sees of them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import ModalityPerformedProcedureStep
from typer.testing import CliRunner

from swf.cli import app
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality, in_progress
from swf.net import tls
from tests import processes
from tests.authority import Authority
from tests.conftest import ROOT
from tests.net import dicom_peer
from tests.processes import MllpClient, Served

CANARIES = ("ZZCANARYFAMILY", "ZZCANARYGIVEN", "ZZCANARYID", "1933.03.03", "ZZCANARYSEX", "ZZCANARYSTEP")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A broker in a process of its own, with everything it has."""
    with processes.serving() as start:
        yield start(tmp_path, web_enabled="true")


@contextmanager
def _command(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SWF_")}
    with subprocess.Popen(
        [sys.executable, "-m", "swf", *words],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_the_broker_well(served: Served) -> None:
    """Somebody who tries the broker out ends it with Ctrl-C, without an error on the screen."""
    served.process.send_signal(signal.SIGINT)
    printed, _ = served.process.communicate(timeout=processes.PATIENCE_S)
    assert (served.process.returncode, printed) == (0, "swf stopped\n")
    assert "Traceback" not in served.log.read_text()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """A broker that cannot open the second door says which, closes the first again, and does not run on half."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "swf.toml").write_text(f"[hl7]\nport = {port}\n[dicom]\nport = 0\n[web]\nport = 0\n")
        code, printed, complaint = _refused(tmp_path)
    assert (code, printed) == (2, "")
    assert f"cannot listen on 127.0.0.1:{port}" in complaint
    assert "Traceback" not in complaint


def test_a_store_that_is_none_is_named(tmp_path: Path) -> None:
    """A store that cannot be opened is one readable sentence and exit code 2."""
    (tmp_path / "swf.toml").write_text('[store]\nurl = "sqlite:///swf.toml"\n')
    code, printed, complaint = _refused(tmp_path)
    assert (code, printed) == (2, "")
    assert "store.url: sqlite:///swf.toml cannot be opened" in complaint
    assert "Traceback" not in complaint


def _refused(folder: Path) -> tuple[int, str, str]:
    """The exit code of `swf serve`, what it printed and what it complained of."""
    with _command(folder, "serve") as process:
        printed, complaint = process.communicate(timeout=processes.PATIENCE_S)
    return process.returncode, printed, complaint


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('[store]\nurl = "sqlite:///nowhere/swf.db"\n', "store.url: the folder nowhere does not exist"),
        ('mapping = "nowhere.toml"\n', "mapping: nowhere.toml: there is no such file"),
        ("hl7 = 1\n", "swf.toml:1: hl7: must be a table"),
        ("[hl7\n", "swf.toml:1"),
    ],
    ids=["no folder", "no mapping", "no table", "no TOML"],
)
def test_a_start_that_cannot_succeed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, complaint: str
) -> None:
    """Whatever is wrong with the settings is one readable sentence and exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swf.toml").write_text(settings)
    result = CliRunner().invoke(app, ["serve"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("mutual", [False, True], ids=["their certificate", "both certificates"])
def test_send_and_listen_speak_tls(tmp_path: Path, mutual: bool) -> None:
    """An engineer plays both sides of an encrypted interface with the certificates the real ones have."""
    hospital = Authority(tmp_path)
    ours, theirs = (_options(hospital.issue(name)) for name in ("his.example", "127.0.0.1"))
    order = tmp_path / "order.hl7"
    order.write_bytes(his.order_orm(his.Order()))
    asked = ["--tls-client-ca", hospital.file] if mutual else []
    with _command(tmp_path, "listen", "--port", "0", "--count", "1", *theirs, *asked) as process:
        assert process.stdout
        address = process.stdout.readline().removeprefix("listening on ").strip()
        send = ["send", str(order), "--to", address]
        assert CliRunner().invoke(app, [*send, "--tls"]).exit_code == 1  # the system does not know that authority
        if mutual:
            assert CliRunner().invoke(app, [*send, "--tls-ca", hospital.file]).exit_code == 1
        sent = CliRunner().invoke(app, [*send, "--tls-ca", hospital.file, *(ours if mutual else [])])
        printed, _ = process.communicate(timeout=processes.PATIENCE_S)
    assert (sent.exit_code, "MSA|AA|" in sent.stdout) == (0, True)
    assert "ORC|NW|" in printed


def test_send_may_leave_the_other_side_unproven(tmp_path: Path) -> None:
    """While certificates are being set up an engineer can send to whoever listens, and has to say so."""
    order = tmp_path / "order.hl7"
    order.write_bytes(his.order_orm(his.Order()))
    with Mis(secure=tls.for_meeting("mis", **_files(Authority(tmp_path).issue("elsewhere.example")))) as mis:
        send = ["send", str(order), "--to", "{}:{}".format(*mis.address)]
        assert CliRunner().invoke(app, [*send, "--tls"]).exit_code == 1
        assert CliRunner().invoke(app, [*send, "--no-tls-verify"]).exit_code == 0
    assert len(mis.received) == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["send", "x.hl7", "--tls-ca", "nowhere.pem"], "tls_ca: nowhere.pem cannot be used: No such file"),
        (["send", "x.hl7", "--tls-key", "x.key"], "--tls-certificate and --tls-key need each other"),
        (["listen", "--tls-certificate", "x.pem"], "--tls-certificate and --tls-key need each other"),
        (["listen", "--tls-client-ca", "x.pem"], "--tls-client-ca means nothing without --tls-certificate"),
        (["listen", "--tls-certificate", "x.pem", "--tls-key", "x.key"], "x.pem and tls_key x.key cannot be used"),
    ],
)
def test_certificates_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], complaint: str
) -> None:
    """A certificate that is missing or lacks its key is one readable sentence and exit code 2."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, complaint in result.stderr) == (2, True), result.stderr


def _options(papers: dict[str, str]) -> list[str]:
    return [word for name, file in papers.items() for word in (f"--{name.replace('_', '-')}", file)]


def _files(papers: dict[str, str]) -> dict[str, str]:
    return {"certificate": papers["tls_certificate"], "key": papers["tls_key"]}


def test_listen_shows_and_acknowledges(tmp_path: Path) -> None:
    """An engineer without an MIS sees every message the broker would send it, and ends by itself after two."""
    orders = [his.order_orm(his.Order()) for _ in range(2)]
    with _command(tmp_path, "listen", "--port", "0", "--count", "2") as process:
        assert process.stdout
        host, port = process.stdout.readline().removeprefix("listening on ").strip().rsplit(":", 1)
        with MllpClient((host, int(port))) as client:
            assert [client.send(order) for order in orders] == ["AA", "AA"]
        printed, complaint = process.communicate(timeout=processes.PATIENCE_S)
    assert (process.returncode, complaint) == (0, "")
    for order in orders:
        assert order.decode("latin-1").rstrip("\r").replace("\r", "\n") in printed


def test_no_patient_on_standard_error(served: Served) -> None:
    """Names, numbers and birth dates that break the standard are complained about without being quoted."""
    family, given, number, birth_date, sex, step = CANARIES
    order = his.Order(name=f"{family}^{given}", patient_id=number)
    with MllpClient(served.hl7) as client:
        assert client.send(his.order_orm(order)) == "AA"
        assert client.send(his.order_orm(order).replace(b"|19800229|", b"|1933.03.03|")) in ("AA", "AE")
        assert client.send(his.order_orm(order).replace(b"||ORM^O01|", b"||XXX^Y01|")) == "AR"
    (item,) = Modality(*served.dicom, "CT1").query(AccessionNumber=order.accession)
    report = in_progress((item,), "CT1")
    for keyword, value in _odd(family, birth_date, sex, step).items():
        dicom_peer.put(report, keyword, value)
    with dicom_peer.association(served.dicom) as peer:
        created, _ = peer.send_n_create(report, ModalityPerformedProcedureStep, "1.2.9")
        again, _ = peer.send_n_create(report, ModalityPerformedProcedureStep, "1.2.9")
        changed, _ = peer.send_n_set(_ending(step), ModalityPerformedProcedureStep, "1.2.9")
    found = dicom_peer.find(served.dicom, dicom_peer.dataset(PatientName=f"{family}*", PatientBirthDate=birth_date))
    served.terminate()
    assert (created.Status, again.Status, changed.Status, found[-1][0]) == (0x0000, 0x0111, 0x0000, 0x0000)
    said = served.log.read_text()
    assert "mpps refused" in said
    assert [canary for canary in CANARIES if canary in said] == []


def _odd(family: str, birth_date: str, sex: str, step: str) -> dict[str, object]:
    return {
        "PatientName": f"{family * 6}^X",
        "PatientBirthDate": birth_date,
        "PatientSex": sex,
        "PerformedProcedureStepDescription": step * 10,
        "PerformedProcedureStepStartTime": "9 o'clock",
        "PerformedStationName": family * 3,
    }


def _ending(step: str) -> Dataset:
    series = dicom_peer.dataset(
        ProtocolName=step * 10, SeriesInstanceUID=f"1.2.{step}", PerformingPhysicianName=step * 9
    )
    ended = {"PerformedProcedureStepEndDate": "1933.03.03", "PerformedProcedureStepEndTime": "later"}
    return dicom_peer.dataset(PerformedProcedureStepStatus="COMPLETED", PerformedSeriesSequence=[series], **ended)
