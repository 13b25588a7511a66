"""`swf serve` and `swf reload`: the broker as a process, told by signals what to do."""

import gc
import os
import signal
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from swf import config, log, pid
from swf.cli.options import NOT_AS_HOPED, ConfigOption
from swf.cli.refusals import refusals, refuse
from swf.errors import ConfigError
from swf.net import tls
from swf.workflow import site as sites

if TYPE_CHECKING:
    from swf.broker import Broker


def serve(config_file: ConfigOption = None) -> None:
    """Run the broker in the foreground until SIGTERM or SIGINT; SIGHUP lets it read mapping and certificates anew."""
    from swf.broker import Broker  # noqa: PLC0415  half a second no other command should wait for

    log.configure()
    with refusals():
        broker = Broker(config.load(config_file))
        wishes = wishes_of_signals()
        broker.start()
    gc.freeze()  # what stands when the doors open stays, and a collection need not look through it
    with pid.noted(note_of(config_file)):
        print(ready(broker), flush=True)  # the one line a supervisor waits for
        while wishes.get() == signal.SIGHUP:
            take_over(broker, config_file)
    broker.stop()
    print("swf stopped", flush=True)


def take_over(broker: "Broker", config_file: Path | None) -> None:
    """Let it read the settings anew; what is wrong with them is logged, and it goes on with the old ones."""
    try:
        broker.reload(config.load(config_file))
    except ConfigError as error:
        for mistake in error.mistakes:
            log.error("not reloaded", error=mistake)


def reload(config_file: ConfigOption = None) -> None:
    """Let the running broker of this folder take over mapping, senders, modalities and certificates; all or nothing."""
    with refusals():
        settings = config.load(config_file)
        tls.check(settings)
        sites.load(settings)
    process = pid.holder(note_of(config_file))
    if process is None:
        refuse([f"no broker runs here: nobody holds {note_of(config_file)}"], NOT_AS_HOPED)
    os.kill(process, signal.SIGHUP)
    print(f"told process {process} to reload; its log has the outcome")


def note_of(config_file: Path | None) -> Path:
    """Where the broker of these settings notes its process."""
    return (config_file or config.DEFAULT_FILE).with_suffix(".pid")


def wishes_of_signals() -> "SimpleQueue[int]":
    """The signals that arrive, in their order; a queue, since several may come before one is answered."""
    wishes: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: wishes.put(received))
    return wishes


def ready(broker: "Broker") -> str:
    """The line that says where the broker answers, or what it does where it answers nobody."""
    settings = broker.settings
    roles = settings.node.roles
    title = settings.dicom.ae_title
    doors = [
        *(("HL7 on", each.address if "hl7" in roles else None) for each in (broker.hl7, *broker.own_doors.values())),
        (f"DICOM {title} on", broker.dicom.address if "dicom" in roles and not settings.dicom.tls_only else None),
        (f"DICOM {title} over TLS on", broker.dicom.tls_address if "dicom" in roles else None),
    ]
    answers = [f"{door} {address[0]}:{address[1]}" for door, address in doors if address]
    answers += [f"window on {broker.web.url}"] if broker.web.url else []
    return f"swf ready: {', '.join(answers or roles)}"
