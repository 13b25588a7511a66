"""When certificates end: told a month before, and loudly in the last week."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from swf.config import Settings
from swf.net import certificates
from swf.workflow.problems import Severity

ENDS = datetime(2030, 6, 30, tzinfo=UTC)


def _settings(folder: Path) -> Settings:
    """A door and a destination over TLS, whose certificates end on the same day; their authority lives longer."""
    authority = trustme.CA()
    issued = authority.issue_cert("swf.example", not_after=ENDS)
    files = {"tls_certificate": issued.cert_chain_pems[0], "tls_key": issued.private_key_pem, "ca": authority.cert_pem}
    for name, content in files.items():
        content.write_to_path(str(folder / name))
    own = {name: str(folder / name) for name in ("tls_certificate", "tls_key")}
    line = {"name": "mis", "host": "mis.example", "port": 1, "tls": True, "tls_ca": str(folder / "ca"), **own}
    return Settings(hl7=own, destination=[line])


def test_every_certificate_is_known(tmp_path: Path) -> None:
    """Ours and those of authorities, each with the setting it stands in, the first to end first."""
    found = certificates.of(_settings(tmp_path))
    assert [(each.setting, each.ends == ENDS) for each in found] == [
        ("hl7.tls_certificate", True),
        ("destination mis.tls_certificate", True),
        ("destination mis.tls_ca", False),
    ]


def test_an_end_is_told_before_it_comes(tmp_path: Path) -> None:
    """Nothing two months before, a note three weeks before, a trouble three days before and after."""
    settings = _settings(tmp_path)
    told = {}
    for days in (60, 21, 3, -1):
        found = list(certificates.problems(settings, ENDS - timedelta(days=days)))
        told[days] = [(each.severity, each.cause.partition(" (")[0]) for each in found]
        assert len({each.key for each in found}) == len(found)
    names = ("hl7.tls_certificate", "destination mis.tls_certificate")
    assert told == {
        60: [],
        21: [(Severity.NOTE, name) for name in names],
        3: [(Severity.TROUBLE, name) for name in names],
        -1: [(Severity.TROUBLE, name) for name in names],
    }
    causes = [each.cause for each in certificates.problems(settings, ENDS + timedelta(days=1))]
    assert all(cause.endswith("ended on 2030-06-30") for cause in causes)


def test_a_file_without_a_certificate_is_somebody_elses_affair(tmp_path: Path) -> None:
    """What cannot be read is told by `swf check`; here it is no certificate."""
    (tmp_path / "x").write_text("no certificate")
    settings = Settings(hl7={"tls_certificate": str(tmp_path / "x"), "tls_key": str(tmp_path / "x")})
    assert certificates.of(settings) == []
