"""How a command that runs on is told to end."""

import signal
import threading


def told_to_stop() -> threading.Event:
    """Is set by SIGTERM and SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
