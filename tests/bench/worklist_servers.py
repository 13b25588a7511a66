"""The worklist servers that are measured beside ours, each as a process of its own on a free port of this machine.

DCMTK's wlmscpfs and Orthanc come from Debian (apt-get install dcmtk orthanc). The third is pynetdicom with nothing
behind it: a list in memory, found by a dictionary, answered as it ships.

`python -m tests.bench.worklist_servers COUNT` is that third one; it prints its port and serves until it is ended.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import ModalityWorklistInformationFind

from swf.dicom import encoding
from swf.store.database import Database
from tests.bench import worklists

TITLE = "WORKLIST"
PLUGIN = Path("/usr/share/orthanc/plugins/libModalityWorklists.so")
_PATIENCE_S = 30.0
_ROOT = str(Path(__file__).parents[2])
_READY = re.compile(r"(?:DICOM \S+ on 127\.0\.0\.1:|^)(\d+)")


class Served(NamedTuple):
    """A server that is ready: its host and port, and its process, whose work can be read off."""

    address: tuple[str, int]
    process: psutil.Process

    def worked(self) -> float:
        """Seconds of a processor it and its children (wlmscpfs forks one for each association) have used so far."""
        used = [each.cpu_times() for each in (self.process, *self.process.children(recursive=True))]
        return sum(float(each.user + each.system) for each in used)


def reason_to_skip(server: str) -> str:
    """Why a server cannot be measured here; "" when it can."""
    if server == "wlmscpfs" and shutil.which("wlmscpfs") is None:
        return "wlmscpfs is not installed (Debian: apt-get install dcmtk)"
    if server == "orthanc" and not (shutil.which("Orthanc") and PLUGIN.is_file()):
        return "Orthanc is not installed (Debian: apt-get install orthanc)"
    return ""


@contextmanager
def serving(server: str, folder: Path, count: int) -> Iterator[Served]:
    """A server with `count` steps on its list."""
    with _PREPARED[server](folder, count) as served:
        yield served


@contextmanager
def _swf(folder: Path, count: int) -> Iterator[Served]:
    database = Database(f"sqlite:///{folder}/swf.db")
    database.migrate()
    worklists.fill(database, count)
    database.close()
    environment = {"SWF_HL7_PORT": "0", "SWF_DICOM_PORT": "0", "SWF_WEB_PORT": "0", "SWF_DICOM_AE_TITLE": TITLE}
    with _printing_its_port([sys.executable, "-m", "swf", "serve"], folder, environment) as served:
        yield served


@contextmanager
def _pynetdicom(folder: Path, count: int) -> Iterator[Served]:
    with _printing_its_port([sys.executable, "-m", __name__, str(count)], folder, {}) as served:
        yield served


@contextmanager
def _wlmscpfs(folder: Path, count: int) -> Iterator[Served]:
    worklists.write_files(folder / "worklists" / TITLE, count)
    port = _free_port()
    with _listening(["wlmscpfs", "-q", "-dfp", str(folder / "worklists"), str(port)], folder, port) as served:
        yield served


@contextmanager
def _orthanc(folder: Path, count: int) -> Iterator[Served]:
    worklists.write_files(folder / "worklists", count)
    port = _free_port()
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpServerEnabled": False,
        "DicomAet": TITLE,
        "DicomPort": port,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowFindWorklist": True,
        "Plugins": [str(PLUGIN)],
        "Worklists": {"Enable": True, "Database": str(folder / "worklists")},
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    with _listening(["Orthanc", str(folder / "orthanc.json")], folder, port) as served:
        yield served


_PREPARED: dict[str, Callable[[Path, int], Any]] = {
    "swf": _swf,
    "wlmscpfs": _wlmscpfs,
    "orthanc": _orthanc,
    "pynetdicom": _pynetdicom,
}


@contextmanager
def _printing_its_port(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[Served]:
    everything = {**os.environ, **environment, "PYTHONPATH": _ROOT}
    with subprocess.Popen(command, cwd=folder, env=everything, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = _READY.search(process.stdout.readline().strip())
            assert found is not None
            yield Served(("127.0.0.1", int(found[1])), psutil.Process(process.pid))
        finally:
            process.terminate()


@contextmanager
def _listening(command: list[str], folder: Path, port: int) -> Iterator[Served]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet) as process:
        try:
            _await(port)
            yield Served(("127.0.0.1", port), psutil.Process(process.pid))
        finally:
            process.terminate()


def _free_port() -> int:
    """A port nobody has now; these servers cannot say which one they took."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _await(port: int) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


# ---- pynetdicom with nothing behind it ----


def _serve(count: int) -> None:
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    known: defaultdict[tuple[str, str], list[bytes]] = defaultdict(list)
    for number, item in worklists.items(count):
        known[worklists.station(number), worklists.day(number)].append(item)

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked = event.identifier
        step = asked.ScheduledProcedureStepSequence[0]
        named = (str(step.ScheduledStationAETitle or ""), str(step.ScheduledProcedureStepStartDate or ""))
        for item in known.get(named, []) if all(named) else (item for items in known.values() for item in items):
            whole = encoding.decode(item)
            yield 0xFF00, Dataset({tag: whole.get(tag, asked[tag]) for tag in asked.keys()})  # noqa: SIM118  it yields elements

    entity = AE(ae_title=TITLE)
    entity.add_supported_context(ModalityWorklistInformationFind)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
