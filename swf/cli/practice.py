"""A broker to practise on: in a folder of its own, with settings that may be changed while it runs, gone at the end."""

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from swf import config, log, pid
from swf.broker import Broker
from swf.cli.options import NOT_AS_HOPED
from swf.cli.refusals import refusals
from swf.cli.serve import note_of, take_over, wishes_of_signals
from swf.extensions.simulator.mis import Mis

_LOOK_S = 1.0


@contextmanager
def ground(name: str) -> Iterator[tuple[Broker, Path]]:
    """The broker, and the file of its settings, which `swf reload -c FILE` lets it take over."""
    log.configure("ERROR")
    with tempfile.TemporaryDirectory(prefix=f"swf-{name}-") as folder:
        file = Path(folder) / "swf.toml"
        file.write_text(_settings(folder, _free_port()), "utf-8")
        with refusals():
            broker = Broker(config.load(file))
            broker.start()
        try:
            with pid.noted(note_of(file)):
                yield broker, file
        finally:
            broker.stop()


def begun(broker: Broker, name: str) -> dict[str, Any]:
    """What the exercise tells; the command is refused when there is none of that name."""
    assert broker.simulator is not None  # noqa: S101  its settings say so
    with refusals(NOT_AS_HOPED):
        broker.simulator.set_up(name)
    return _told(broker)


def waited(broker: Broker, file: Path) -> str:
    """Look until it is solved, or until somebody gives up; what is still missing then."""
    wishes = wishes_of_signals()
    while missing := str(_told(broker)["missing"]):
        try:
            wish = wishes.get(timeout=_LOOK_S)
        except Empty:
            continue
        if wish != signal.SIGHUP:
            return missing
        take_over(broker, file)
    return ""


def _told(broker: Broker) -> dict[str, Any]:
    assert broker.simulator is not None  # noqa: S101
    told = broker.simulator.attempt()
    assert told is not None  # noqa: S101  it was begun
    return told


def _free_port() -> int:
    with Mis() as free:
        return free.address[1]


def _settings(folder: str, mis_port: int) -> str:
    lines = (
        f"mapping = {json.dumps(str(config.shipped_mappings() / 'default.toml'))}",
        f"[store]\nurl = {json.dumps(f'sqlite:///{folder}/swf.db')}",
        *(f"[{door}]\nport = 0" for door in ("hl7", "dicom", "web")),
        f"[simulator]\nenabled = true\ntest_system = true\nmis_port = {mis_port}",
        f'[[destination]]\nname = "mis"\nhost = "127.0.0.1"\nport = {mis_port}\nrefusals_before_parking = 2',
    )
    return "\n".join([*lines, ""])
