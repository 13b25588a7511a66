"""What somebody types or names: addresses, and files of messages."""

import getpass
import os
from collections.abc import Iterator
from pathlib import Path

from swf.cli.refusals import refuse
from swf.hl7 import mllp


def by() -> str:
    """Who types, as the journal keeps it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # in a container that gives its user no name
        name = f"user {os.getuid()}"
    return f"{name}, at the command line"


def address_of(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; an IPv6 address may stand in brackets."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        refuse([f"{text} is no address; write HOST:PORT"])
    return host.strip("[]"), int(port)


def read(file: Path) -> bytes:
    """The content of a file; refused when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        refuse([f"{file}: {error.strerror}"])


def messages_in(content: bytes) -> Iterator[bytes]:
    """The messages in a file, whatever its line ends, framed or not."""
    text = content.translate(None, mllp.START + mllp.END).replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    lines = [line for line in text.split(b"\r") if line.strip()]
    begins = [index for index, line in enumerate(lines) if line.startswith(b"MSH")] or [0]
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        yield b"\r".join([*lines[begin:end], b""])
