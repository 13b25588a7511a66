"""When the certificates of the settings end: ours, and those of the authorities we trust (X.509, RFC 5280)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from swf.config import Settings
from swf.sentence import say
from swf.workflow.problems import Kind, Problem, Severity

SOON, _VERY_SOON = timedelta(days=30), timedelta(days=7)
_KEYS = ("tls_certificate", "tls_client_ca", "tls_ca")


class Certificate(NamedTuple):
    """A certificate: the setting it stands in, whose it is, and until when it holds."""

    setting: str
    file: str
    subject: str
    ends: datetime


def of(settings: Settings) -> list[Certificate]:
    """Every certificate there is in the files of the settings, the first to end first; a file that holds none gives none."""
    found = [each for place, file in _files(settings) for each in _read(place, file)]
    return sorted(found, key=lambda each: each.ends)


def problems(settings: Settings, now: datetime) -> Iterator[Problem]:
    """The certificates that have ended, or will within 30 days."""
    for each in of(settings):
        left = each.ends - now
        if left > SOON:
            continue
        values = {"setting": each.setting, "subject": each.subject, "day": f"{each.ends:%Y-%m-%d}"}
        if left < timedelta(0):
            cause = say("%(setting)s (%(subject)s) ended on %(day)s", **values)
        else:
            cause = say("%(setting)s (%(subject)s) ends on %(day)s", **values)
        severity = Severity.TROUBLE if left < _VERY_SOON else Severity.NOTE
        remedy = say("put a new one into %(file)s and run swf reload", file=each.file)
        yield Problem(Kind.CERTIFICATE, f"{each.setting} {each.subject}", severity, cause, remedy)


def _files(settings: Settings) -> Iterator[tuple[str, str]]:
    sections = [(name, getattr(settings, name)) for name in ("hl7", "dicom", "web")]
    sections += [(f"destination {each.name}", each) for each in settings.destination]
    sections += [(f"relay {each.name}", each) for each in settings.relay]
    for name, section in sections:
        for key in _KEYS:
            if file := getattr(section, key, ""):
                yield f"{name}.{key}", file


def _read(place: str, file: str) -> Iterator[Certificate]:
    from cryptography import x509  # noqa: PLC0415  only where there are certificates

    try:
        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except (OSError, ValueError):
        return  # tls.check says what is wrong with it
    for each in found:
        yield Certificate(place, file, each.subject.rfc4514_string(), each.not_valid_after_utc)
