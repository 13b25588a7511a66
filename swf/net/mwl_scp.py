"""Modality Worklist SCP: a query in, the matching steps out, one a response (RAD-5, PS3.4 K.4)."""

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from swf import clock, log
from swf.config import Settings
from swf.dicom import datasets, status, worklist
from swf.dicom.worklist import WorklistQuery
from swf.errors import StoreError
from swf.net.answer_cache import AnswerCache
from swf.net.dicom_request import Answer, Request
from swf.store.database import Database
from swf.store.queries import Asked
from swf.workflow import stations
from swf.workflow.stations import Station

Record = Callable[[Asked, list[int], int], None]
"""What a modality asked, the rows of the steps it was given, and how many milliseconds that took."""
LONGEST_KEPT = 1 << 16
_STATIONS_REMEMBERED = 1024
_QUERIES_REMEMBERED, _LONGEST_REMEMBERED = 256, 1 << 12
_Read = Callable[[Request, Station], WorklistQuery]
_Write = Callable[[bytes], "bytes | Dataset"]
_LONGEST_COMMENT = 64
_GONE = "gone"


class _Rows(NamedTuple):
    """The rows of the steps a modality was given, and of those that were kept from it for what they lack."""

    given: list[int]
    withheld: list[int]


class _Stations:
    """Who asks, by the settings in force: worked out once for each pair of titles, and anew for new settings."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._found: tuple[Settings, dict[tuple[str, str], Station]] | None = None

    def find(self, title: str, called: str) -> Station:
        """The station that calls `called` as `title`."""
        settings, held = self._settings(), self._found
        if held is None or held[0] is not settings:
            held = self._found = (settings, {})
        known, caller = held[1], (title, called)
        station = known.get(caller)
        if station is None:
            station = stations.find(settings, title, called)
            if len(known) >= _STATIONS_REMEMBERED:  # strangers can make up as many titles as they like
                known.clear()
            known[caller] = station
        return station


class _Remembered(NamedTuple):
    """What need not be worked out again for who polls."""

    stations: _Stations
    read: _Read
    cache: AnswerCache


def on_find(
    database: Database, record: Record, settings: Callable[[], Settings]
) -> Callable[[Request], Iterator[Answer]]:
    """What answers C-FIND from `database` by the `settings` in force, and tells `record` what was asked and given.

    With more than `dicom.max_answers` matches so many are given, and the final status is A700: the modality learns that
    the list is not whole (PS3.4 K.4.1.1.4). 0 is no limit.
    """
    remembered = _Remembered(_Stations(settings), _reader(), AnswerCache())

    def find(request: Request) -> Iterator[Answer]:
        rows = _Rows([], [])
        began = time.monotonic()
        final = _GONE  # until the last answer has been taken from here
        try:
            for answer in _outcome(remembered, request, database, settings(), rows):
                final = _GONE if answer[1] is not None else f"{_code(answer):04X}"
                yield answer
            final = f"{status.SUCCESS:04X}" if final == _GONE else final
        finally:
            raw = request.raw if len(request.raw) <= LONGEST_KEPT else b""
            who = (request.calling, request.called, request.address, str(request.syntax))
            asked = Asked(*who, raw, final, len(rows.given), len(rows.withheld))
            record(asked, rows.given, round((time.monotonic() - began) * 1000))

    return find


def _reader() -> _Read:
    """What reads the query of a station. Scanners send the same one every half minute, so the last ones are remembered."""

    @lru_cache(maxsize=_QUERIES_REMEMBERED)
    def remembered(raw: bytes, syntax: UID, station: Station) -> WorklistQuery:
        return stations.read_query(station, datasets.decoded(raw, syntax))

    def read(request: Request, station: Station) -> WorklistQuery:
        if len(request.raw) > _LONGEST_REMEMBERED:
            return stations.read_query(station, request.dataset())
        return remembered(request.raw, request.syntax, station)

    return read


def _outcome(
    remembered: _Remembered, request: Request, database: Database, settings: Settings, rows: _Rows
) -> Iterator[Answer]:
    """Every answer, the last one too when it is not the success that goes without saying."""
    title = request.calling
    station = remembered.stations.find(title, request.called)
    try:
        query = remembered.read(request, station)
    except Exception as error:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
        log.warning("query unreadable", ae_title=title, reason=type(error).__name__)
        yield _failure(status.IDENTIFIER_DOES_NOT_MATCH, "the identifier cannot be read"), None
        return
    if query.remarks:
        log.warning("query read around", ae_title=title, reason="; ".join(query.remarks))
    try:
        written = _writer(remembered.cache, request, query)
        yield from _answers(request, database, (station, query, written), rows, settings.dicom.max_answers)
    except StoreError as error:
        log.error("query not answered", ae_title=title, error=str(error))
        yield _failure(status.OUT_OF_RESOURCES, "the store cannot be read now"), None
    except Exception as error:  # noqa: BLE001  the last resort of this door
        log.error("query failed", ae_title=title, traceback=log.frames(error))
        yield _failure(status.UNABLE_TO_PROCESS, "processing failure"), None


def _code(answer: Answer) -> int:
    told = answer[0]
    return told if isinstance(told, int) else int(told.Status)


def _answers(
    request: Request, database: Database, asked: tuple[Station, WorklistQuery, _Write], rows: _Rows, most: int
) -> Iterator[Answer]:
    station, query, written = asked
    pending = status.PENDING_WITH_UNSUPPORTED_KEYS if query.optional_unsupported else status.PENDING
    with database.reading() as connection:
        for item in stations.items(connection, station, query, clock.now(), rows.withheld.append):
            if request.cancelled:
                yield status.CANCELLED, None
                return
            if most and len(rows.given) >= most:
                log.warning("query answered in part", ae_title=request.calling, count=most)
                yield _failure(status.OUT_OF_RESOURCES, f"more match; these are the first {most}"), None
                return
            rows.given.append(item.row)
            yield pending, written(item.stored)


def _writer(cache: AnswerCache, request: Request, query: WorklistQuery) -> _Write:
    """What makes an answer of a stored item: bytes in the usual transfer syntaxes, else a dataset to be written."""
    if request.syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        return cache.writer(query, implicit=request.syntax.is_implicit_VR)
    return lambda stored: worklist.answer(stored, query, implicit=False)


def _failure(code: int, comment: str) -> Dataset:
    answer = Dataset()
    answer.Status = code
    answer.ErrorComment = comment[:_LONGEST_COMMENT]
    return answer
