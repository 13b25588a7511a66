"""Files of a mapping as drafts, and how they come to their places on disk."""

import stat
from pathlib import Path

import pytest

from swf import config
from swf.errors import ConfigError
from swf.mapping import files, loader
from swf.mapping.files import Files

OWN = 'extends = "swf:default.toml"\n[attributes]\nPatientSex = { from = "PID-8", as = "sex", table = "sex.csv" }\n'


def test_a_draft_is_read_in_the_place_of_its_file(tmp_path: Path) -> None:
    """A document and a code table nobody has saved yet make a mapping, with the names they will have on disk."""
    site, table = tmp_path / "site.toml", tmp_path / "sex.csv"
    read = Files({site: OWN.replace('as = "sex", ', ""), table: "code,value\nX,O\n"})
    mapping = loader.load(site, read)
    (rule,) = [rule for rule in mapping.rules if rule.keyword == "PatientSex"]
    assert (rule.path, rule.line, rule.function_name) == (site, 3, "text, sex.csv")
    assert read.seen[0] == site
    assert table in read.seen
    assert not list(tmp_path.iterdir())


def test_every_mistake_of_a_draft_has_its_file_and_line(tmp_path: Path) -> None:
    """A draft of two files tells the mistakes of both, as files on disk do."""
    site, table = tmp_path / "site.toml", tmp_path / "sex.csv"
    with pytest.raises(ConfigError) as caught:
        loader.load(site, Files({site: OWN + 'PatientNam = { from = "PID-99" }\n', table: "code,value\nX\nX,O\n"}))
    told = "\n".join(caught.value.mistakes)
    assert f"{site}:4: " in told
    assert "PID-99" in told
    assert f"{table}:3: X is there twice" in told


@pytest.mark.parametrize(
    "line",
    ['extends = ["swf:default.toml", "/etc/hostname"]', 'Modality = { from = "OBR-24", table = "../../secret.csv" }'],
)
def test_a_draft_opens_no_file_of_others(tmp_path: Path, line: str) -> None:
    """What is tried in a browser does not read what lies elsewhere on the machine, not even to say what is wrong in it."""
    own = tmp_path / "own" / "mappings"
    own.mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("code,value\nsecret,secret\n")
    text = f"{line}\n" if line.startswith("extends") else f'extends = "swf:default.toml"\n[attributes]\n{line}\n'
    with pytest.raises(ConfigError) as caught:
        loader.load(own / "site.toml", Files({own / "site.toml": text}, [own, config.shipped_mappings()]))
    assert files.OUTSIDE in str(caught.value)
    assert "secret,secret" not in str(caught.value)


def test_a_file_that_is_to_go_is_not_there(tmp_path: Path) -> None:
    """Undoing the saving that made a table shows at once that a line still wants it."""
    (tmp_path / "sex.csv").write_text("code,value\nX,O\n")
    site = tmp_path / "site.toml"
    with pytest.raises(ConfigError, match="there is no such file"):
        loader.load(site, Files({site: OWN, tmp_path / "sex.csv": None}))


def test_files_change_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """Rights stay, nothing is left beside the file; when one cannot be written none is changed."""
    kept, fresh = tmp_path / "kept.toml", tmp_path / "new" / "fresh.csv"
    kept.write_text("old")
    kept.chmod(0o640)
    files.write({fresh: "a,b\r\n", kept: "new"})
    assert (kept.read_text(), fresh.read_bytes(), stat.S_IMODE(kept.stat().st_mode)) == ("new", b"a,b\r\n", 0o640)
    impossible = tmp_path / "kept.toml" / "no.csv"  # its folder is a file
    with pytest.raises(OSError, match="kept"):
        files.write({kept: "newer", impossible: "a"})
    assert (kept.read_text(), sorted(each.name for each in tmp_path.iterdir())) == ("new", ["kept.toml", "new"])
    files.write({fresh: None})
    assert (files.on_disk(fresh), files.on_disk(kept)) == (None, "new")


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    """A mapping that is a link into a working copy is written where the link leads."""
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "site.toml", tmp_path / "site.toml"
    target.write_text("old")
    link.symlink_to(target)
    files.write({link: "new"})
    assert link.is_symlink()
    assert target.read_text() == "new"
