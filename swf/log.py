"""Structured log lines: an event name and fields, on standard error; patient data never enters a line.

A field is printed only when its name is on the list below, so that a careless call cannot leak a name or a birth
date. `control_id` and `accession` correlate the lines of one order.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

FIELDS = frozenset(
    {
        "accession",
        "address",
        "advice",
        "ae_title",
        "attempt",
        "code",
        "control_id",
        "count",
        "delivery",
        "destination",
        "disposition",
        "door",
        "error",
        "message",
        "message_type",
        "milliseconds",
        "mpps",
        "next_attempt",
        "port",
        "reason",
        "service",
        "signal",
        "source",
        "status",
        "traceback",
        "version",
    }
)
_LOGGER = logging.getLogger("swf")


class _Line(logging.Formatter):
    """One JSON object a line, with the time the event was logged."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = record.args if isinstance(record.args, dict) else {}
        line = {"at": at, "level": record.levelname, "event": record.msg, **fields}
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send lines of `level` and above to `stream` (standard error), one JSON object each."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Line())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(level)
    _LOGGER.propagate = False


def info(event: str, **fields: Any) -> None:
    """A change of state somebody will want to find."""
    _write(logging.INFO, event, fields)


def warning(event: str, **fields: Any) -> None:
    """Something an operator should look at when there is time."""
    _write(logging.WARNING, event, fields)


def error(event: str, **fields: Any) -> None:
    """Something an operator has to look at."""
    _write(logging.ERROR, event, fields)


def frames(error: BaseException) -> list[str]:
    """Where an exception came from, without its text, which may quote a message and with it a patient."""
    places = traceback.extract_tb(error.__traceback__)
    return [type(error).__name__, *(f"{Path(place.filename).name}:{place.lineno} {place.name}" for place in places)]


def _write(level: int, event: str, fields: dict[str, Any]) -> None:
    known = {name: value for name, value in fields.items() if name in FIELDS}
    _LOGGER.log(level, event, *([known] if known else []))  # an empty table would count as a value to be put in
